"""Small files of names and texts, replaced whole."""

import json
from pathlib import Path

from thumb_assets.errors import StorageError
from thumb_assets.store.temporary import replaced_file


def read_json(path: Path) -> dict[str, str]:
    """A small file of names and texts; empty where it is not there or cannot be read."""
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return {}


def write_json(path: Path, values: dict[str, str]) -> None:
    """Puts such a file in the place of the old one.

    Raises:
        StorageError: the disk is full, read-only or gone.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced_file(path) as handle:
            handle.write(json.dumps(values, indent=1, sort_keys=True).encode())
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror}; check the disk") from error
