"""Files beside a video, where Kodi, Jellyfin and Emby look: which ones, and writing them over none but our own."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from thumb_assets.export.previews.plan import TRICKPLAY_FOLDER
from thumb_assets.files import replaced_file, storage_errors

# Of the formats of stills those that media servers show.
_KNOWN_SUFFIXES = (".jpg", ".png", ".webp")
_POSTER_RATIO = "2:3"
_ADVICE = "check that the library may be written to, or take its folder out of artwork.writable"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class PlannedArtwork:
    """One file to write.

    Attributes:
        source: the file of ours that it is a copy of.
        target: beside the video.
        frame_index: that it shows; None where it shows several.
    """

    kind: str
    source: Path
    target: Path
    frame_index: int | None
    num_bytes: int
    file_sha256: str


def plan_artwork(
    video_path: Path,
    kinds: Iterable[str],
    *,
    stills: Sequence[Row],
    crops: Sequence[Row],
    previews: Sequence[Row],
    folders: Mapping[str, Path],
) -> list[PlannedArtwork]:
    """The files that the settings ask for, as far as there is something to copy.

    A poster is the crop of 2:3 of the best still where there is one, else that still.

    Args:
        stills, crops, previews: rows of the tables of one video.
        folders: where the files of these tables lie, by name of the table.
    """
    best = min(stills, key=lambda row: int(row["rank"]), default=None)
    of_best = [row for row in crops if best is not None and row["frame_index"] == best["frame_index"]]
    tall = next((row for row in of_best if row["aspect_ratio"] == _POSTER_RATIO), None)
    stem, folder = video_path.stem, video_path.parent
    whole = None if best is None else (best, folders["stills"])
    poster = whole if tall is None else (tall, folders["crops"])
    pictures = {
        "thumb": (f"{stem}-thumb", whole),
        "poster": (f"{stem}-poster", poster),
        "fanart": (f"{stem}-fanart", whole),
        "folder_poster": ("poster", poster),
        "folder_fanart": ("fanart", whole),
    }
    planned = []
    for kind in kinds:
        name, picture = pictures.get(kind, ("", None))
        if picture is not None:
            row, source = picture
            suffix = PurePosixPath(row["file_name"]).suffix
            if suffix in _KNOWN_SUFFIXES:
                planned.append(_copy_of(row, kind, source, folder / f"{name}{suffix}", row["frame_index"]))
    if "trickplay" in kinds:
        sheets = {row["file_name"]: row for row in previews if row["kind"] == "trickplay"}
        for name, row in sheets.items():
            target = folder / f"{stem}.trickplay" / PurePosixPath(name).relative_to(TRICKPLAY_FOLDER)
            planned.append(_copy_of(row, "trickplay", folders["previews"], target, None))
    return planned


def _copy_of(row: Row, kind: str, folder: Path, target: Path, frame_index: int | None) -> PlannedArtwork:
    return PlannedArtwork(kind, folder / row["file_name"], target, frame_index, row["num_bytes"], row["file_sha256"])


def may_write(video_path: Path, writable: Iterable[Path]) -> bool:
    """True if the video's own folder, wherever links lead, is one of these or below one."""
    folder = video_path.parent.resolve()
    return any(folder.is_relative_to(each.resolve()) for each in writable)


def write_artwork(
    plan: Sequence[PlannedArtwork],
    *,
    recorded: Mapping[Path, str],
    is_ours: Callable[[Path], bool],
) -> tuple[list[PlannedArtwork], list[Path]]:
    """Copies the files that may be written, and removes those of a former run that are no longer wanted.

    A file that is there is replaced only where it is what a former run recorded, byte by byte, or `is_ours` says so. Of
    trickplay either all sheets of a folder are written or none.

    Args:
        recorded: SHA-256 by path of what the former run wrote.
        is_ours: told of a file that no record knows.

    Returns:
        What was written, and the files of others that were left.

    Raises:
        StorageError: the library cannot be written to.
    """
    kept = [each.target for each in plan if not _is_free(each.target, each.file_sha256, recorded, is_ours)]
    strange = {path.parent for path in kept} | {
        folder
        for folder in {each.target.parent for each in plan if each.kind == "trickplay"}
        if any(path not in recorded and path not in {each.target for each in plan} for path in _files_in(folder))
    }
    written = [
        each
        for each in plan
        if each.target not in kept and not (each.kind == "trickplay" and each.target.parent in strange)
    ]
    left = sorted({*kept, *(each.target for each in plan if each not in written)})
    for each in written:
        with storage_errors(each.target, advice=_ADVICE):
            if _sha256(each.target) != each.file_sha256:
                each.target.parent.mkdir(parents=True, exist_ok=True)
                with replaced_file(each.target) as handle:
                    handle.write(each.source.read_bytes())
    _remove_former({path: sha256 for path, sha256 in recorded.items() if path not in {each.target for each in plan}})
    return written, left


def _remove_former(former: Mapping[Path, str]) -> None:
    for path, sha256 in former.items():
        if _sha256(path) == sha256:
            with storage_errors(path, "cannot be removed", advice=_ADVICE):
                path.unlink()
            for folder in (path.parent, path.parent.parent):
                if any(part.endswith(".trickplay") for part in (folder.name, folder.parent.name)):
                    with suppress(OSError):  # somebody else's file is in it
                        folder.rmdir()


def _is_free(path: Path, sha256: str, recorded: Mapping[Path, str], is_ours: Callable[[Path], bool]) -> bool:
    """True where nothing is there, or a file of ours that nobody changed."""
    if path.is_symlink():
        return False
    if not path.exists():
        return True
    found = _sha256(path)
    return found is not None and (found in {sha256, recorded.get(path)} or is_ours(path))


def _files_in(folder: Path) -> Iterator[Path]:
    yield from folder.iterdir() if folder.is_dir() else ()


def _sha256(path: Path) -> str | None:
    """SHA-256 of the content; None where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
