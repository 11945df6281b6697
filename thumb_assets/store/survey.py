"""Results of a survey of the library: the videos' tables `recurrences`, and how the library's scores lie."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from thumb_assets.errors import ContractError, ThumbAssetsError
from thumb_assets.files import replaced_file, storage_errors
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import content_sha256

TABLE = "recurrences"
_CONTENT, _VERSION, _CLIP = "content_sha256", "reference_version", "clip"
_CURRENT_VERSION = "1"
_SCHEMA = pa.schema({"component": pa.string(), "value": pa.float64()})


def reference_path(store: TableStore) -> Path:
    """Path of the library's distributions, which need not exist."""
    return store.data_dir / "survey" / "percentiles.parquet"


def write_recurrences(store: TableStore, video_id: str, table: pa.Table | None) -> bool:
    """Puts a video's table `recurrences` in the place of the stored one; None removes it. False: it is the same.

    A table that is the same is left alone, so that whatever was made from it still counts as made from it.

    Raises:
        ContractError: the table breaks its contract.
        StorageError: the disk is full, read-only or gone.
    """
    if table is None or not table.num_rows:
        return store.delete(TABLE, video_id)
    content = content_sha256(table)
    with suppress(ContractError):  # what cannot be read is written anew
        if (store.footer(TABLE, video_id) or {}).get(_CONTENT) == content:
            return False
    store.write(TABLE, table, video_id=video_id, footer={_CONTENT: content})
    return True


def write_reference(
    store: TableStore, values: Mapping[str, NDArray[np.float64]] | None, *, clip: Mapping[str, str]
) -> bool:
    """Keeps the library's distributions; None removes them. False: they are the same.

    Args:
        values: by component its values, ascending; see `Guidance.library`.
        clip: model_name, pretrained and prompts_sha256 of the scores behind the component `clip`.

    Raises:
        StorageError: the disk is full, read-only or gone; the old ones are whole.
    """
    path = reference_path(store)
    with storage_errors(path, advice="free or remount the disk, and run again"):
        if values is None:
            if not path.is_file():
                return False
            path.unlink()
            return True
        table = _table(values)
        told = json.dumps(dict(clip), sort_keys=True)
        content = hashlib.sha256(f"{content_sha256(table)} {told}".encode()).hexdigest()
        if reference_sha256(store) == content:
            return False
        metadata = {_VERSION: _CURRENT_VERSION, _CONTENT: content, _CLIP: told}
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced_file(path) as handle:
            pq.write_table(table.replace_schema_metadata(metadata), handle, compression="zstd")
    return True


def read_reference(store: TableStore) -> tuple[dict[str, NDArray[np.float64]], dict[str, str]]:
    """By component the library's values, ascending, and what those of `clip` are of; empty where there are none.

    Raises:
        ContractError: the file is damaged or of another version.
        StorageError: the disk does not answer.
    """
    path = reference_path(store)
    key = _version_of(path)
    return ({}, {}) if key is None else _read(path, key)


def reference_sha256(store: TableStore) -> str | None:
    """Hash of the library's distributions, the same for the same values; None where there are none.

    A file that cannot be read has one of its own: whoever reads it says so.
    """
    path = reference_path(store)
    key = _version_of(path)
    if key is None:
        return None
    try:
        return _content_of(path, key)
    except ThumbAssetsError as error:
        return str(error)


_Version = tuple[int, int, int]


def _version_of(path: Path) -> _Version | None:
    """A mark that differs between versions of the file."""
    with storage_errors(path, "cannot be read", advice="check the disk and run again"):
        try:
            status = path.stat()
        except FileNotFoundError:
            return None
    return status.st_size, status.st_mtime_ns, status.st_ino


# A library's videos ask for the same file one after the other.
@lru_cache(maxsize=4)
def _content_of(path: Path, _version: _Version) -> str:
    return _metadata(path, _opened(path).schema_arrow)[_CONTENT]


@lru_cache(maxsize=2)
def _read(path: Path, _version: _Version) -> tuple[dict[str, NDArray[np.float64]], dict[str, str]]:
    file = _opened(path)
    clip = json.loads(_metadata(path, file.schema_arrow)[_CLIP])
    try:
        table = file.read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path) from error
    values = {}
    for name in pc.unique(table.column("component")).to_pylist():
        own = table.filter(pc.equal(table.column("component"), name)).column("value").to_numpy()
        own.flags.writeable = False
        values[name] = own
    return values, clip


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(pa.BufferReader(path.read_bytes()))
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path) from error


def _metadata(path: Path, schema: pa.Schema) -> dict[str, str]:
    try:
        metadata = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
        json.loads(metadata[_CLIP])
    except (KeyError, ValueError) as error:
        raise _damaged(path) from error
    if metadata.get(_VERSION) != _CURRENT_VERSION or _CONTENT not in metadata or schema.names != _SCHEMA.names:
        raise _damaged(path)
    return metadata


def _damaged(path: Path) -> ContractError:
    return ContractError(f"{path}: is damaged or of another version; delete it, or run `thumb-assets survey` again")


def _table(values: Mapping[str, NDArray[np.float64]]) -> pa.Table:
    names = sorted(values)
    components = [name for name in names for _ in range(len(values[name]))]
    numbers = np.concatenate([np.zeros(0), *(np.asarray(values[name], np.float64) for name in names)])
    return pa.table({"component": components, "value": numbers}, schema=_SCHEMA)
