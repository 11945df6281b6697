"""Files of subtitles beside a video file: `NAME.srt`, `NAME.en.vtt`."""

import hashlib
import os
from bisect import bisect_left
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path, PurePosixPath

SIDECAR_SUFFIXES = (".srt", ".vtt", ".ass", ".ssa")
# Parts between the video's name and the suffix, such as `en.forced`, at most, and their length.
_MOST_PARTS, _MOST_LETTERS = 2, 16
# So much of a sidecar tells one content from another.
_HASHED_BYTES = 16 * 2**20


def sidecars_of(video: Path) -> tuple[Path, ...]:
    """The sidecars that lie beside a video file, ordered by name; none where its folder cannot be read."""
    try:
        names = _sidecar_names(os.fsencode(video.parent), video.parent.stat().st_mtime_ns)
    except OSError:
        return ()
    first = bisect_left(names, f"{video.stem}.")
    found = []
    for name in names[first:]:
        if not name.startswith(f"{video.stem}."):
            break
        if is_sidecar(name, video.name):
            found.append(video.parent / name)
    return tuple(found)


def is_sidecar(name: str, video_name: str) -> bool:
    """True for the name of a sidecar of a video of that name.

    >>> is_sidecar("film.en.srt", "film.mp4"), is_sidecar("film.2.the-return.of.srt", "film.mp4")
    (True, False)
    """
    return PurePosixPath(video_name).stem in _stems(name)


def sidecar_names(names: Iterable[str], video_names: Iterable[str]) -> list[str]:
    """Selects the sidecars of some videos; all paths are relative to one folder."""
    videos = {(path.parent, path.stem) for path in map(PurePosixPath, video_names)}
    return [
        str(path)
        for path in map(PurePosixPath, names)
        if any((path.parent, stem) in videos for stem in _stems(path.name))
    ]


def _stems(name: str) -> list[str]:
    """Stems of the videos that a file of this name may be a sidecar of; none for other files."""
    if not name.lower().endswith(SIDECAR_SUFFIXES):
        return []
    stem = name.rpartition(".")[0]
    stems = [stem]
    for _ in range(_MOST_PARTS):
        stem, dot, part = stem.rpartition(".")
        if not stem or not dot or not 0 < len(part) <= _MOST_LETTERS:
            break
        stems.append(stem)
    return stems


def storable(name: str) -> str:
    """A file's name as text for tables and messages; bytes that are no UTF-8 stand as escapes."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def content_of(path: Path) -> str | None:
    """Something that changes with the content of a sidecar; None where it cannot be read."""
    try:
        status = path.stat()
        return _content(path, status.st_size, status.st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=64)
def _sidecar_names(folder: bytes, _mtime_ns: int) -> list[str]:
    """Names of all sidecars in a folder, ascending; a folder's time changes with the names in it."""
    names = (entry.name for entry in Path(os.fsdecode(folder)).iterdir())
    return sorted(name for name in names if name.lower().endswith(SIDECAR_SUFFIXES))


@lru_cache(maxsize=4096)
def _content(path: Path, num_bytes: int, _mtime_ns: int) -> str:
    with path.open("rb") as file:
        return f"{num_bytes} {hashlib.sha256(file.read(_HASHED_BYTES)).hexdigest()}"
