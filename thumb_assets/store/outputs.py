"""All that was made of one video: how much it is, and how it is removed."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from thumb_assets.files import storage_errors
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.decisions import keep_decisions
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.contracts import TABLES


def num_output_bytes(store: TableStore, video_id: str) -> int:
    """Size of a video's tables and files on disk."""
    return sum(path.stat().st_size for path in output_files(store, video_id))


def output_files(store: TableStore, video_id: str) -> list[Path]:
    """A video's tables and the files that they name, ordered by path."""
    files = [path for place in _places(store, video_id) for path in ([place] if place.is_file() else place.rglob("*"))]
    return sorted(path for path in files if path.is_file() and not path.name.startswith("."))


def remove_outputs(store: TableStore, video_id: str) -> int:
    """Removes a video's rows of the catalog, its pictures and its tables; the file itself is never touched.

    What people decided stays in its record. The table `outcomes` goes last, so that what is left by a crash is found
    and removed by the next call.

    Returns:
        How many bytes it freed.

    Raises:
        StorageError: the disk is read-only or gone.
    """
    keep_decisions(store, video_id)
    num_bytes = num_output_bytes(store, video_id)
    Catalog(store.catalog_path).remove_video(video_id)
    for folder in store.file_dirs(video_id):
        with storage_errors(folder, "cannot be removed"), suppress(FileNotFoundError):
            shutil.rmtree(folder)
    for table_name in (*(name for name in TABLES if name != "outcomes"), "outcomes"):
        store.delete(table_name, video_id)
    return num_bytes


def ids_with_outputs(store: TableStore) -> list[str]:
    """The videos of which anything was made, ascending."""
    return sorted({video_id for table_name in TABLES for video_id in store.video_ids(table_name)})


def _places(store: TableStore, video_id: str) -> Iterator[Path]:
    yield from (store.table_path(table_name, video_id) for table_name in TABLES)
    yield from store.file_dirs(video_id)
