"""The folder of a dataset: which one may be replaced, and the manifest that says what in it is ours."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from thumb_assets import __version__
from thumb_assets.errors import BadInputError
from thumb_assets.store.parquet import TableStore
from thumb_assets.wording import count

MANIFEST = "thumb_assets.json"
# Folder in the data folder in which datasets may lie.
OWN_FOLDER = "datasets"


def real_folder(folder: Path) -> Path:
    """The folder itself, where the path leads over links."""
    return Path(os.path.realpath(folder.expanduser()))


def require_free(folder: Path, store: TableStore, *, form: str | None = None) -> None:
    """Refuses a folder that holds anything but an unchanged dataset of ours, or lies among the library's files.

    A folder of which the parent is missing is refused as well: as with `cp`, that is a slip of the fingers.

    Args:
        form: the format that a dataset there must have to be replaced; None: any.

    Raises:
        BadInputError: it is refused; says why.
    """
    data_dir = Path(os.path.realpath(store.data_dir))
    own = data_dir / OWN_FOLDER
    if folder == own or (folder.is_relative_to(data_dir) and not folder.is_relative_to(own)) or data_dir == folder:
        raise BadInputError(f"{folder}: lies in the data folder; choose a folder outside, or one below {own}")
    if data_dir.is_relative_to(folder):
        raise BadInputError(f"{folder}: holds the data folder; choose another folder")
    if not os.path.lexists(folder):
        if not folder.is_relative_to(own):
            _require_folder(folder.parent)
        return
    if not folder.is_dir():
        raise BadInputError(f"{folder}: is a file; choose another name")
    found = files_of(folder)
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        known = manifest["files"]
    except (OSError, ValueError, KeyError, TypeError):
        if found:
            raise BadInputError(f"{folder}: exists and is no dataset of thumb-assets; choose another folder") from None
        return
    found.pop(MANIFEST)
    other = sorted(name for name, size in found.items() if known.get(name) != size)
    if other:
        raise BadInputError(
            f"{folder}: {other[0]} was added or changed since the dataset was written; move it away, or choose another "
            "folder"
        )
    there = manifest.get("format")
    if form is not None and there != form:
        raise BadInputError(
            f"{folder}: holds a dataset of another format, {there} with {count(len(found), 'file')}; choose another "
            "folder, or replace it with --replace"
        )


def _require_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    if folder.exists():
        raise BadInputError(f"{folder}: is a file, not a folder; check the path")
    raise BadInputError(f"{folder}: there is no such folder; make it first, or check the path")


def files_of(folder: Path) -> dict[str, int]:
    """Sizes of all files below a folder, links among them, by their path within it."""
    return {
        path.relative_to(folder).as_posix(): path.lstat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or not path.is_dir()
    }


def write_manifest(folder: Path, facts: Mapping[str, Any]) -> None:
    """Notes all files that are in the folder as ours, and how they were made.

    Raises:
        OSError: the disk is full, read-only or gone.
    """
    files = {name: size for name, size in files_of(folder).items() if name != MANIFEST}
    manifest = {"made_by": f"thumb_assets {__version__}", **facts, "files": files}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
