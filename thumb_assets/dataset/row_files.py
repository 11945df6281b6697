"""The rows of a part beside its pictures while a dataset is being written; there only once the part is whole."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from thumb_assets.errors import ContractError
from thumb_assets.files import replaced_file
from thumb_assets.tables.declaration import TableContract

_ROWS_PER_BATCH = 500


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]], contract: TableContract) -> None:
    """Writes the rows of a part.

    Raises:
        ContractError: a value is missing where none may be.
        OSError: the disk is full, read-only or gone.
    """
    schema = contract.arrow_schema()
    for field in schema:
        if not field.nullable and any(row[field.name] is None for row in rows):
            raise ContractError(f"a row of the dataset has no {field.name}; run the library's stages again")
    arrays = [pa.array([row[field.name] for row in rows], field.type) for field in schema]
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced_file(path) as handle:
        pq.write_table(pa.Table.from_arrays(arrays, schema=schema), handle, compression="zstd")


def read_rows(path: Path) -> Iterator[pa.RecordBatch]:
    """Reads the rows of a part in their order, some at a time."""
    with path.open("rb") as handle, pq.ParquetFile(handle, pre_buffer=False) as file:
        yield from file.iter_batches(_ROWS_PER_BATCH, use_threads=False)


def num_rows(path: Path) -> int:
    """The number of rows of a part."""
    return int(pq.read_metadata(path).num_rows)
