"""The files that a table names (stills, crops, chapters and others): whether they are those that were written."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.outputs import cover_of

# Footer keys of a table without a column of file names: sizes and SHA-256 of its files by name, as JSON.
FILES, FILES_SHA256 = "files", "files_sha256"


@dataclass(frozen=True)
class _Expected:
    num_bytes: int
    sha256: str | None


def file_problems(store: TableStore, table_name: str, table: pa.Table, video_id: str, *, is_full: bool) -> list[str]:
    """Problems with the files that a table names, one line each; other files are of no concern.

    Args:
        table: of that name and video, as stored: its footer may name its files.
        is_full: read every file; else only those that were touched after the table was written, which costs a look at
            their sizes and times.
    """
    folder = store.files_dir(table_name, video_id)
    if folder is None:
        return []
    since = -1 if is_full else _last_change(store.table_path(table_name, video_id))
    expected = _expected(table_name, table).items()
    return [problem for name, file in expected for problem in _problems(folder / name, file, since_ns=since)]


def file_sizes(table: pa.Table) -> dict[str, int]:
    """Bytes of each file that a table names in a column, by name."""
    return dict(zip(*(table.column(name).to_pylist() for name in ("file_name", "num_bytes")), strict=True))


def _expected(table_name: str, table: pa.Table) -> dict[str, _Expected]:
    if "file_name" in table.column_names:
        ranks = ["rank"] if "rank" in table.column_names else []
        rows = table.select(["file_name", "num_bytes", "file_sha256", *ranks]).to_pylist()
        expected = {row["file_name"]: _Expected(row["num_bytes"], row["file_sha256"]) for row in rows}
        if table_name == "stills" and (cover := cover_of(rows)) is not None:
            expected[cover[0]] = _Expected(cover[1]["num_bytes"], cover[1]["file_sha256"])
        return expected
    footer = table.schema.metadata or {}
    sizes = json.loads(footer.get(FILES.encode(), b"{}"))
    hashes = json.loads(footer.get(FILES_SHA256.encode(), b"{}"))
    return {name: _Expected(size, hashes.get(name)) for name, size in sizes.items()}


def _problems(path: Path, expected: _Expected, *, since_ns: int) -> Iterator[str]:
    try:
        status = path.stat()
        if status.st_size != expected.num_bytes:
            yield f"{path}: has {status.st_size} bytes, {expected.num_bytes} were written"
        elif expected.sha256 is not None and max(status.st_mtime_ns, status.st_ctime_ns) >= since_ns:
            with path.open("rb") as handle:
                if _sha256(handle.read()) != expected.sha256:
                    yield f"{path}: its content is not what was written"
    except FileNotFoundError:
        yield f"{path}: is missing"
    except OSError as error:
        yield f"{path}: cannot be read: {error.strerror}"


def _last_change(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return -1


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
