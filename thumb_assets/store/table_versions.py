"""Versions of the tables' files: what tells one from another without opening it."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from thumb_assets.errors import ContractError
from thumb_assets.files import storage_errors
from thumb_assets.store.identity import verify_video_id
from thumb_assets.store.parquet import SUFFIX, TableStore

# By video and table.
Versions = Mapping[str, Mapping[str, str]]
_ADVICE = "check the disk and run again"


def versions_of_all(store: TableStore, tables: Sequence[str]) -> Versions:
    """The versions of these tables of every video that has one of them.

    Raises:
        StorageError: the disk does not answer.
    """
    files: dict[str, dict[str, str]] = defaultdict(dict)
    for name in tables:
        folder = store.tables_dir / name
        with (
            storage_errors(folder, "cannot be read", advice=_ADVICE),
            suppress(FileNotFoundError),
            os.scandir(folder) as entries,
        ):
            for entry in entries:
                if entry.name.endswith(SUFFIX) and not entry.name.startswith("."):
                    with suppress(FileNotFoundError):  # it was deleted in between
                        files[entry.name.removesuffix(SUFFIX)][name] = _version_of(entry.stat())
    return {video_id: of_video for video_id, of_video in files.items() if _is_video_id(video_id)}


def versions_of(store: TableStore, tables: Sequence[str], video_ids: Iterable[str]) -> Versions:
    """The versions of these tables of some videos; a table that is not there has none.

    Raises:
        ContractError: an id is none.
        StorageError: the disk does not answer.
    """
    names = {video_id: f"{os.sep}{verify_video_id(video_id)}{SUFFIX}" for video_id in video_ids}
    files: dict[str, dict[str, str]] = {video_id: {} for video_id in names}
    for name in tables:
        folder = store.tables_dir / name
        start = os.fspath(folder)
        with storage_errors(folder, "cannot be read", advice=_ADVICE):
            for video_id, rest in names.items():
                with suppress(FileNotFoundError):  # a thousand times as a slider moves: a Path each would cost more
                    files[video_id][name] = _version_of(os.stat(start + rest))  # noqa: PTH116
    return files


def _is_video_id(text: str) -> bool:
    with suppress(ContractError):
        return bool(verify_video_id(text))
    return False


def _version_of(status: os.stat_result) -> str:
    # The inode as well: two files written within one tick of the clock may have the same size.
    return f"{status.st_size}.{status.st_mtime_ns}.{status.st_ino}"
