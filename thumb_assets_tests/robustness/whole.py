"""Invariants of a data folder after anything at all: nothing partial, nothing wrong, nothing left over."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from thumb_assets.errors import ThumbAssetsError
from thumb_assets.export.verify import verify_count, verify_mapping
from thumb_assets.stages.kit.work import identities_of
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.checks import verify_contract
from thumb_assets.tables.contracts import TABLES

_UNFINISHED_PATTERNS = (".tmp-*", ".old-*", "*.tmp")
_DATABASE_LOG_PATTERNS = ("*-journal", "*-wal", "*-shm")


def leftovers(folder: Path, *, with_database_logs: bool = True) -> list[str]:
    """Temporary files, and folders of stills not put in place, anywhere below; logs of databases that no one has open.

    Args:
        with_database_logs: not where the disk is full: SQLite then keeps what it cannot move into the file yet.
    """
    patterns = _UNFINISHED_PATTERNS + (_DATABASE_LOG_PATTERNS if with_database_logs else ())
    return sorted(
        str(path.relative_to(folder))
        for pattern in patterns
        for path in folder.rglob(pattern)
        if "dagster" not in path.relative_to(folder).parts  # its own storage, with its own logs
    )


def table_problems(store: TableStore) -> Iterator[str]:
    """Stored tables that cannot be read or break their contract, and stills that their tables name and are not so."""
    for table_name in TABLES:
        for video_id in store.video_ids(table_name):
            try:
                verdict = verify_contract(table_name, store.read(table_name, video_id))
            except ThumbAssetsError as error:
                yield str(error)
                continue
            if not verdict.is_passed:
                yield f"{table_name} of {video_id}: {verdict.sample[0]}"
    for video_id in store.video_ids("stills"):
        for row in store.read("stills", video_id).to_pylist():
            path = store.stills_dir(video_id) / row["file_name"]
            if not path.is_file():
                yield f"{path} is named by the table and is missing"
            elif hashlib.sha256(path.read_bytes()).hexdigest() != row["file_sha256"]:
                yield f"{path} has another SHA-256 than its row"


def video_problems(store: TableStore, video_id: str, path: Path) -> Iterator[str]:
    """Faults of a video: tables that disagree, stills other than their frames decoded again from the first one."""
    tables = {name: store.read_or_none(name, video_id) for name in ("videos", "frames", "selections", "stills")}
    frames = tables["frames"]
    if tables["videos"] is not None and frames is not None:
        num_frames = tables["videos"].to_pylist()[0]["num_frames_from_content"]
        if frames.column("frame_index").to_pylist() != list(range(num_frames)):
            yield f"frames has {frames.num_rows} rows, videos says {num_frames}"
    stills, selections = tables["stills"], tables["selections"]
    if stills is None or selections is None or frames is None:
        return
    folder = store.stills_dir(video_id)
    for verdict in (
        verify_count(selections, stills, folder=folder),
        verify_mapping(path, stills, identities=identities_of(frames), folder=folder, by="count"),
    ):
        if not verdict.is_passed:
            yield f"{verdict.num_failed} of {verdict.num_checked} stills: {verdict.sample[0]}"


def catalog_problems(store: TableStore) -> Iterator[str]:
    """Tables whose rows in the catalog are not those of the Parquet files."""
    catalog = Catalog(store.catalog_path)
    for table_name, contract in TABLES.items():
        stored = [
            tuple(_as_sql(value) for value in row.values())
            for video_id in store.video_ids(table_name)
            for row in store.read(table_name, video_id).to_pylist()
        ]
        names = ", ".join(f'"{name}"' for name in contract.column_names)
        indexed = [tuple(row.values()) for row in catalog.query(f"SELECT {names} FROM {table_name}")]
        if sorted(map(repr, stored)) != sorted(map(repr, indexed)):
            yield f"{table_name}: {len(stored)} rows in Parquet, {len(indexed)} in the catalog, or others"


def _as_sql(value: object) -> object:
    """A value as the catalog's docs say it is stored."""
    if isinstance(value, list) and value and isinstance(value[0], float):
        return np.asarray(value, np.float16).tobytes()
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    return int(value) if isinstance(value, bool) else value
