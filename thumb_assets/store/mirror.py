"""Libraries and data folders that lie elsewhere: what a machine works on comes here, what it made goes there.

Work is done on files of this machine, since decoding seeks in them. What is elsewhere is the shared copy: for each
video its tables and pictures under the same names as here, and a manifest with their SHA-256 that is written last. A
file that is not as the manifest says is one whose writer died, and counts as not there.
"""

import hashlib
import json
import logging
import math
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from thumb_assets.errors import BadInputError
from thumb_assets.events import UNWATCHED, Events
from thumb_assets.files import read_json, write_json
from thumb_assets.settings.operation import LibrarySettings
from thumb_assets.store.file_cache import LibraryVideo
from thumb_assets.store.identity import verify_video_id
from thumb_assets.store.library import VIDEO_SUFFIXES, Library
from thumb_assets.store.mirrored_decisions import MirroredDecisions
from thumb_assets.store.outputs import output_files
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.remote import RemoteFile, RemoteFolder, is_inside
from thumb_assets.store.sidecars import sidecar_names, sidecars_of

FOLDER = "remote"  # below the library folder: what was fetched from elsewhere
_STAMPS = ".stamps.json"
_LOGGER = logging.getLogger(__name__)


class MirroredLibrary:
    """The videos of a URL, fetched into `videos/remote/` of the library folder, where they are as any others.

    Args:
        remote: the folder elsewhere.
        library: of this machine.
    """

    def __init__(self, remote: RemoteFolder, library: Library) -> None:
        self._remote = remote
        self._folder = library.videos_dir / FOLDER

    def update(
        self,
        *,
        max_files: int | None = None,
        max_seconds: float = math.inf,
        events: Events = UNWATCHED,
    ) -> int:
        """Fetches new and changed files and removes those that are gone there; returns how many are still to come.

        The files of subtitles beside a video come with the videos.

        Args:
            max_files: fetched at most.
            max_seconds: after which no further file is fetched.
            events: `progress` for each file before it is fetched.

        Raises:
            BadInputError: there is no video elsewhere, as where the wrong folder is named: nothing is removed here.
            NetworkError: the service does not answer.
            StorageError: the disk is full, read-only or gone.
        """
        stamps = self._stamps()
        everything = {file.name: file for file in self._remote.files()}
        videos = [name for name in everything if Path(name).suffix.lower() in VIDEO_SUFFIXES]
        if not videos:
            raise BadInputError(f"{self._remote.url}: holds no video; check the address (library.url)")
        # Before the videos, so that these are not worked on without them.
        found = {name: everything[name] for name in (*sidecar_names(everything, videos), *videos)}
        wanted = [file for file in found.values() if not self._is_here(file, stamps)]
        stop_at, num_fetched = time.monotonic() + max_seconds, 0
        try:
            for file in wanted[:max_files]:
                if num_fetched and time.monotonic() > stop_at:
                    break
                events.progress(file.name, 0, None)
                self._remote.get(file.name, self._folder / file.name)
                stamps[file.name] = file.stamp
                num_fetched += 1
            for name in sorted(stamps.keys() - found.keys()):
                (self._folder / name).unlink(missing_ok=True)
                del stamps[name]
        finally:
            self._note(stamps)
        return len(wanted) - num_fetched

    def _is_here(self, file: RemoteFile, stamps: dict[str, str]) -> bool:
        return stamps.get(file.name) == file.stamp and (self._folder / file.name).is_file()

    def _stamps(self) -> dict[str, str]:
        return read_json(self._folder / _STAMPS)

    def _note(self, stamps: dict[str, str]) -> None:
        write_json(self._folder / _STAMPS, stamps)


class MirroredOutputs:
    """The tables and pictures of videos, kept elsewhere as well.

    Args:
        remote: the folder elsewhere.
        store: of this machine.
    """

    def __init__(self, remote: RemoteFolder, store: TableStore) -> None:
        self._remote = remote
        self._store = store
        self._broken: set[str] = set()  # names whose files there are not as their manifests say

    def pull(self, video_id: str) -> int:
        """Fetches what another machine made of a video since; returns how many files that was.

        What was made here since both were the same stays, and goes there with the next push.
        """
        num_fetched = 0
        manifest = self._manifest(video_id)
        # Where nothing is left of it here, that is no change to be kept.
        synced = self._synced(video_id) if output_files(self._store, video_id) else {}
        for name, sha256 in manifest.items():
            path = self._store.data_dir / name
            here = _sha256(path)
            if here == sha256 or here != synced.get(name):
                continue
            try:
                self._remote.get(name, path)
            except FileNotFoundError:
                self._broken.add(name)
                continue
            if _sha256(path) != sha256:  # its writer died before it wrote the manifest
                path.unlink()
                self._broken.add(name)
                continue
            num_fetched += 1
        whole = {name: sha256 for name, sha256 in manifest.items() if name not in self._broken}
        self._note_synced(video_id, whole)
        return num_fetched

    def push(self, video_id: str) -> int:
        """Stores what is here and not there, and removes what is there and not here; returns how many files it stored.

        Pictures go before the tables that name them, the manifest last.
        """
        before = self._manifest(video_id)
        files = {
            str(path.relative_to(self._store.data_dir).as_posix()): path for path in output_files(self._store, video_id)
        }
        now = {name: sha256 for name, path in files.items() if (sha256 := _sha256(path)) is not None}
        changed = [name for name in now if before.get(name) != now[name] or name in self._broken]
        for name in sorted(changed, key=lambda name: name.startswith("tables/")):
            self._remote.put(name, files[name])
            self._broken.discard(name)
        if now != before:
            self._remote.put(_manifest_name(video_id), json.dumps(now, indent=1, sort_keys=True).encode())
        for name in before.keys() - now.keys():
            self._remote.remove(name)
        self._note_synced(video_id, now)
        return len(changed)

    def remove(self, video_id: str) -> None:
        """Removes all there is of a video, the manifest last."""
        for name in (*self._manifest(video_id), _manifest_name(video_id)):
            self._remote.remove(name)
        self._synced_path(video_id).unlink(missing_ok=True)

    def _synced_path(self, video_id: str) -> Path:
        return self._store.data_dir / "mirror" / _manifest_name(video_id)

    def _synced(self, video_id: str) -> dict[str, str]:
        """The manifest when both were the same last: what differs from it here was made or removed here since."""
        return read_json(self._synced_path(video_id))

    def _note_synced(self, video_id: str, manifest: dict[str, str]) -> None:
        if manifest != self._synced(video_id):
            write_json(self._synced_path(video_id), manifest)

    def _manifest(self, video_id: str) -> dict[str, str]:
        content = self._remote.read(_manifest_name(video_id))
        if content is None:
            return {}
        try:
            manifest: dict[str, Any] = json.loads(content)
        except ValueError:
            _LOGGER.warning("%s: the manifest of %s cannot be read and is made anew", self._remote.url, video_id)
            return {}
        return {
            name: str(sha256) for name, sha256 in manifest.items() if self._is_of(video_id, self._store.data_dir / name)
        }

    def _is_of(self, video_id: str, path: Path) -> bool:
        """True for a path that a video's files have: a manifest is not to be trusted with any other."""
        folders = self._store.file_dirs(video_id)
        inside = Path(os.path.normpath(path))
        is_table = inside.parent.parent == self._store.tables_dir and inside.name == f"{video_id}.parquet"
        return is_table or any(inside != folder and inside.is_relative_to(folder) for folder in folders)


class Mirror:
    """Both, where the settings name them; without, every call does nothing.

    Args:
        settings: `library.url` and `library.outputs_url`.
        store: of this machine.
    """

    def __init__(self, settings: LibrarySettings, store: TableStore) -> None:
        self._library = Library(store.data_dir)
        self._source = RemoteFolder(settings.url) if settings.url else None
        self._shared = RemoteFolder(settings.outputs_url) if settings.outputs_url else None
        self._outputs = MirroredOutputs(self._shared, store) if self._shared else None
        self._decisions = MirroredDecisions(self._shared.url, store) if self._shared else None

    def update_library(
        self,
        *,
        max_files: int | None = None,
        max_seconds: float = math.inf,
        events: Events = UNWATCHED,
    ) -> int:
        """See `MirroredLibrary.update`."""
        if self._source is None:
            return 0
        library = MirroredLibrary(self._source, self._library)
        return library.update(max_files=max_files, max_seconds=max_seconds, events=events)

    def announce(self, videos: Iterable[LibraryVideo]) -> None:
        """Tells other machines which file of the library each video is, so that they can fetch it by its id."""
        folder = self._library.videos_dir / FOLDER
        for video in videos:
            if self._source is not None and self._shared is not None and video.path.is_relative_to(folder):
                name = video.path.relative_to(folder).as_posix()
                beside = [path.relative_to(folder).as_posix() for path in sidecars_of(video.path)]
                source = {"name": name, "beside": beside} if beside else {"name": name}
                self._shared.put(_source_name(video.video_id), json.dumps(source).encode())

    def bring(self, video_id: str) -> None:
        """Fetches a video that another machine announced, and what was made of it elsewhere.

        Raises:
            NetworkError, StorageError: see `RemoteFolder.get`.
        """
        self.push_decisions()
        if self._outputs is not None:
            self._outputs.pull(video_id)
        if self._source is None or self._shared is None or self._library.is_known(video_id):
            return
        content = self._shared.read(_source_name(video_id))
        if content is None:
            return
        source = json.loads(content)
        name = str(source["name"])
        for wanted in (*sidecar_names(map(str, source.get("beside", ())), [name]), name):
            if is_inside(wanted):
                self._source.get(wanted, self._library.videos_dir / FOLDER / wanted)

    def bring_outputs(self, video_id: str) -> None:
        """Fetches what was made of a video elsewhere, but not the video.

        Raises: as `bring`.
        """
        if self._outputs is not None:
            self._outputs.pull(video_id)

    def push(self, video_id: str) -> None:
        """Stores elsewhere what was made and decided here."""
        self.push_decisions()
        if self._outputs is not None:
            self._outputs.push(video_id)

    def remove(self, video_id: str) -> None:
        """Removes elsewhere what was made of a video; its file and what was decided stay there."""
        self.push_decisions()
        if self._outputs is not None:
            self._outputs.remove(video_id)
        if self._shared is not None:
            self._shared.remove(_source_name(video_id))

    def push_decisions(self) -> None:
        """Has both sides know what people decided on either."""
        if self._decisions is not None:
            self._decisions.sync()


def _source_name(video_id: str) -> str:
    return f"sources/{verify_video_id(video_id)}.json"


def _manifest_name(video_id: str) -> str:
    return f"manifests/{verify_video_id(video_id)}.json"


def _sha256(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
