"""The library of video files: those in `data/videos` and those the user named, each with its id."""

import logging
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from thumb_assets.errors import BadInputError
from thumb_assets.settings.operation import LibrarySettings
from thumb_assets.settings.stages import VideoSettings
from thumb_assets.store.discovery import Discovery, discover
from thumb_assets.store.file_cache import FileCache, LibraryVideo
from thumb_assets.store.identity import possible_video_ids
from thumb_assets.store.patience import ReadLimits
from thumb_assets.store.set_aside import NoVideoError, SetAside, ignoring_pattern

# fmt: off
VIDEO_SUFFIXES = frozenset({
    ".3g2", ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".gif",
    ".m1v", ".m2t", ".m2ts", ".m2v", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mod", ".mov",
    ".mp4", ".mpe", ".mpeg", ".mpg", ".mts", ".mxf", ".ogm", ".ogv", ".qt",
    ".rm", ".rmvb", ".ts", ".vob", ".webm", ".wmv", ".y4m",
})
# fmt: on
# Downloads and copies under way: `clip.temp.mp4`, `clip.part.mkv`, an editor's `~$clip.mp4`.
_TEMPORARY_STEM_ENDS = (".part", ".temp", ".tmp", ".partial", ".crdownload")
_TEMPORARY_STARTS = (".", "~$")
_LOGGER = logging.getLogger(__name__)

OnError = Callable[[BadInputError], None]


def log_error(error: BadInputError) -> None:
    """Logs a warning about an unusable file; used unless the caller gives another handler."""
    _LOGGER.warning("%s", error)


class Library:
    """Finds video files and knows which id each has; contents are hashed once, and again when they change.

    Args:
        data_dir: the data folder; `videos/` and `library.sqlite` lie in it.
        ignore: as `library.ignore`.
        video: `max_file_bytes` and `stall_seconds` say when a file is given up; None takes the built-in ones.
        is_hashed_anew: read every file whole, also where its size and time are those of a known content.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        ignore: Sequence[str] | None = None,
        is_hashed_anew: bool = False,
        video: VideoSettings | None = None,
    ) -> None:
        self._ignore = LibrarySettings().ignore if ignore is None else ignore
        self.data_dir = Path(data_dir).expanduser().absolute()
        self._is_hashed_anew = is_hashed_anew
        self._copies: dict[Path, Path] = {}
        self._cache = FileCache(self.data_dir / "library.sqlite", limits=ReadLimits.of(video or VideoSettings()))

    @property
    def videos_dir(self) -> Path:
        """The library folder: what lies in it, at any depth, is in the library."""
        return self.data_dir / "videos"

    @property
    def copies(self) -> Mapping[Path, Path]:
        """Files seen so far that have content and name of another one, and that other one: both are one video."""
        return self._copies

    def scan(self, *, on_error: OnError = log_error) -> list[LibraryVideo]:
        """The videos in the library folder, ordered by path.

        Hidden files, downloads under way, what `ignore` names and files that are no videos are left out; see
        `set_aside`. Linked files and folders are followed, each folder once. Of files with the same id (same content,
        same stem) the first path counts.

        Args:
            on_error: called for each single file or folder that cannot be used.

        Raises:
            BadInputError: the folder is missing or holds no usable video, and nothing is registered either.
            StorageError: the cache cannot be written.
        """
        videos = self._scan(on_error)
        if not videos and not self._cache.registered_paths():
            raise self._nothing_found()
        return videos

    def register(self, paths: Iterable[Path]) -> tuple[list[LibraryVideo], list[BadInputError]]:
        """Adds files that lie anywhere.

        Args:
            paths: files of any suffix, and folders, of which the files with one of VIDEO_SUFFIXES are taken, but for
                what `ignore` names and files that are no videos.

        Returns:
            The videos in the order given, each once, and one error per path or file that cannot be used.

        Raises:
            StorageError: the cache cannot be written.
        """
        errors: list[BadInputError] = []
        named = [_absolute(path) for path in paths]
        files = [file for path in named for file in _expand(path, self._ignore, errors.append)]
        videos = self._describe(files, errors.append, named=frozenset(named))
        self._cache.register(video.path for video in videos)
        return self._unique(videos, errors.append), errors

    def described(self, path: Path) -> LibraryVideo:
        """The video of one file of the library folder; it is not registered, since a scan finds it.

        Raises:
            BadInputError: it cannot be used.
            StorageError: the cache cannot be written.
        """
        errors: list[BadInputError] = []
        for video in self._describe([_absolute(path)], errors.append, named=frozenset([_absolute(path)])):
            return video
        raise errors[0]

    def all(self, *, on_error: OnError = log_error) -> list[LibraryVideo]:
        """The library folder's videos, then the registered ones that still exist; each id once.

        Raises:
            BadInputError: there is no video at all.
            StorageError: the cache cannot be written.
        """
        videos = self._scan_everything(on_error)
        if not videos:
            raise self._nothing_found()
        return videos

    def discover(self, settings: LibrarySettings, *, after: bytes | None = None, now: float | None = None) -> Discovery:
        """Looks at the next portion of the library folder and the registered files; see `Discovery`.

        Args:
            after: `Discovery.after` of the look before; None begins anew.
            now: seconds since the epoch; None takes the clock.

        Raises:
            BadInputError: the folder is missing or holds no video, and nothing registered is left: an unmounted volume
                looks like that, and its videos are not lost.
            StorageError: the cache cannot be written.
        """
        errors: list[BadInputError] = []
        files = list(_video_files(self.videos_dir, settings.ignore, errors.append))
        registered = [path for path in self._cache.registered_paths() if os.path.lexists(path)]
        if not files and not registered:
            raise self._nothing_found()
        everything = list(dict.fromkeys([*files, *registered]))
        with self._cache.kept_open() as cache:
            found = discover(everything, cache, settings, after=after, now=time.time() if now is None else now)
        return replace(found, errors=(*errors, *found.errors))

    def set_aside(self) -> list[SetAside]:
        """Files that were looked at and are no videos, then what `ignore` names in the library folder."""
        named: list[SetAside] = []
        for _ in _video_files(self.videos_dir, self._ignore, lambda _: None, on_ignored=named.append):
            pass
        return [*self._cache.set_aside(), *sorted(named, key=lambda each: os.fsencode(each.path))]

    def is_new(self) -> bool:
        """True if it never had a video: an empty one that had some may be a volume that is not mounted."""
        return not any(_video_files(self.videos_dir, self._ignore, log_error)) and self._cache.is_empty()

    def ids_of_file(self, name: str) -> list[str]:
        """The ids of the files, as far as they were hashed, that have this path, this name, or this name but for its
        suffix; ascending."""
        known = {path: Path(os.fsdecode(path)) for path in self._cache.contents()}
        wanted, absolute = Path(name), os.fsencode(_absolute(Path(name)))
        matches: list[Path] = [known[absolute]] if absolute in known else []
        if not matches and wanted.name == name:
            matches = [path for path in known.values() if path.name == name]
            matches = matches or [path for path in known.values() if path.stem == name]
        here = [path for path in matches if os.path.lexists(path)]
        return sorted({video.video_id for video in self._cache.describe(here, on_error=lambda _: None)})

    def is_known(self, video_id: str) -> bool:
        """True when a file that is here had that id when it was hashed last."""
        return any(os.path.lexists(path) for path in self._cache.paths_of(video_id))

    def paths_of(self, video_id: str) -> list[Path]:
        """The files that have that id now, as far as they were hashed, ordered by path."""
        known = [path for path in self._cache.paths_of(video_id) if os.path.lexists(path)]
        found = self._describe(known, lambda _: None)
        return sorted((video.path for video in found if video.video_id == video_id), key=os.fsencode)

    def was_seen(self, video_id: str) -> bool:
        """True when a file, here or gone, had that id when it was hashed."""
        return bool(self._cache.paths_of(video_id))

    def former_ids(self, video: LibraryVideo) -> list[str]:
        """Ids that the video's file had with former contents, and that no file has now, ascending."""
        former = {content.video_id for content in self._cache.contents_of(video.path)} - {video.video_id}
        return sorted(video_id for video_id in former if self.fate_of(video_id) == "replaced")

    def forget(self, video_id: str) -> None:
        """Drops what is known of a video whose file is gone or has another content."""
        self._cache.forget(video_id)

    def fate_of(self, video_id: str) -> Literal["here", "replaced", "gone", "unreadable", "unknown"]:
        """Says what became of a video's file: `replaced` where it has another content now, `unknown` where no file of
        this machine ever had that id, as far as its list goes."""
        failed: list[BadInputError] = []
        if not self.was_seen(video_id):
            return "unknown"
        paths = [path for path in self._cache.paths_of(video_id) if os.path.lexists(path)]
        videos = self._describe(paths, failed.append)
        if any(video.video_id == video_id for video in videos):
            return "here"
        if failed:
            return "unreadable"
        return "replaced" if paths else "gone"

    def find(self, video_id: str) -> LibraryVideo:
        """The file of an id; its size and time are held against the cache, and it is hashed again if they differ.

        Raises:
            BadInputError: no file has that id, its file is gone, or its content changed, so that it has another id now.
            StorageError: the cache cannot be written.
        """
        unusable: list[BadInputError] = []
        known = sorted(self._cache.paths_of(video_id), key=self._precedence)
        for path in known:
            for video in self._describe([path], unusable.append):
                if video.video_id == video_id:
                    return video
                unusable.append(
                    BadInputError(
                        f"{str(path)!r}: the file changed: it was video {video_id} and is now {video.video_id}; "
                        "run that one, or put the old file back"
                    )
                )
        # The cache was deleted, or the file moved, or changed since it was last hashed.
        for video in self._scan_everything(unusable.append):
            if video.video_id == video_id:
                return video
            if video_id in possible_video_ids(video.path, video.sha256):  # of a former version, or another machine
                return replace(video, video_id=video_id)
        if unusable:
            raise unusable[0]
        raise BadInputError(
            f"video {video_id!r} is not in the library; put its file into "
            f"{str(self.videos_dir)!r} or run it by its path"
        )

    def _scan(self, on_error: OnError) -> list[LibraryVideo]:
        files = sorted(_video_files(self.videos_dir, self._ignore, on_error), key=os.fsencode)
        return self._unique(self._describe(files, on_error), on_error)

    def _scan_everything(self, on_error: OnError) -> list[LibraryVideo]:
        registered = [path for path in self._cache.registered_paths() if os.path.lexists(path)]
        return self._unique([*self._scan(on_error), *self._describe(registered, on_error)], on_error)

    def _describe(
        self, paths: Iterable[Path], on_error: OnError, *, named: Collection[Path] = ()
    ) -> list[LibraryVideo]:
        on_error = _but_set_aside(on_error, but=named)
        return self._cache.describe(paths, on_error=on_error, is_hashed_anew=self._is_hashed_anew)

    def _unique(self, videos: Iterable[LibraryVideo], on_error: OnError) -> list[LibraryVideo]:
        first: dict[str, LibraryVideo] = {}
        for video in videos:
            known = first.setdefault(video.video_id, video)
            if known.sha256 != video.sha256:
                other = f"another file, {str(known.path)!r}, has its id {video.video_id}"
                on_error(BadInputError(f"{str(video.path)!r}: {other}; rename one"))
            elif known.path != video.path:
                self._copies[video.path] = known.path
        return list(first.values())

    def _precedence(self, path: Path) -> tuple[bool, bytes]:
        return not path.is_relative_to(self.videos_dir), os.fsencode(path)

    def _nothing_found(self) -> BadInputError:
        state = "holds no usable video" if _is_dir(self.videos_dir) else "does not exist"
        return BadInputError(
            f"the library folder {str(self.videos_dir)!r} {state}, and no registered file is left; put videos into it "
            "(or mount it), or run a file by its path"
        )


def _but_set_aside(on_error: OnError, *, but: Collection[Path] = ()) -> OnError:
    """Leaves out what is no video, which `set_aside` lists, unless it was named itself."""

    def reported(error: BadInputError) -> None:
        if not isinstance(error, NoVideoError) or error.path in but:
            on_error(error)

    return reported


def _expand(path: Path, ignore: Sequence[str], on_error: OnError) -> list[Path]:
    try:
        if _is_dir(path):
            files = sorted(_video_files(path, ignore, on_error), key=os.fsencode)
            if not files:
                on_error(BadInputError(f"{str(path)!r}: the folder holds no video; name a file to take it anyway"))
            return files
        if not os.path.lexists(path):
            on_error(BadInputError(f"{str(path)!r}: there is no such file or folder; check the path"))
            return []
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        on_error(BadInputError(f"{str(path)!r}: cannot be looked at: {error}; check the path"))
        return []
    return [path]


def _video_files(
    folder: Path, ignore: Sequence[str], on_error: OnError, *, on_ignored: Callable[[SetAside], None] | None = None
) -> Iterator[Path]:
    """Files with a video suffix below a folder; a folder that is reached twice, as by a link to its parent, once.

    Args:
        ignore: as `library.ignore`.
        on_ignored: called for each folder and video file that it names.
    """
    pending, visited = [folder] if _is_dir(folder) else [], set()
    while pending:
        current = pending.pop()
        try:
            status = current.stat()
            if (status.st_dev, status.st_ino) in visited:
                continue
            visited.add((status.st_dev, status.st_ino))
            entries = sorted(current.iterdir(), key=os.fsencode)
        except OSError as error:
            on_error(BadInputError(f"{str(current)!r}: the folder cannot be read: {error.strerror}; check its rights"))
            continue
        entries = [entry for entry in entries if not entry.name.startswith(_TEMPORARY_STARTS)]
        patterns = {entry: ignoring_pattern(entry, folder, ignore) for entry in entries}
        for entry, pattern in patterns.items():
            if on_ignored and pattern is not None and (_is_video_name(entry) or _is_dir(entry)):
                on_ignored(SetAside(entry, f"is named by {pattern} in library.ignore"))
        entries = [entry for entry in entries if patterns[entry] is None]
        pending.extend(reversed([entry for entry in entries if _is_dir(entry)]))
        yield from (entry for entry in entries if _is_video_name(entry) and not _is_dir(entry))


def _is_dir(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises where the folder above may not be searched


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow a link, whose own name makes the id


def _is_video_name(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES and not path.stem.lower().endswith(_TEMPORARY_STEM_ENDS)
