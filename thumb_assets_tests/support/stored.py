"""Damage to stored tables, as disks, other programs and older versions do it."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from thumb_assets.tables.contracts import TABLES


def flip_a_bit(path: Path) -> None:
    """In the middle of the largest column's data."""
    group = pq.read_metadata(path).row_group(0)
    column = max((group.column(index) for index in range(group.num_columns)), key=lambda of: of.total_compressed_size)
    begin = column.dictionary_page_offset if column.has_dictionary_page else column.data_page_offset
    content = bytearray(path.read_bytes())
    content[begin + column.total_compressed_size - 2] ^= 1
    path.write_bytes(bytes(content))


def truncate(path: Path) -> None:
    """To its first half."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def age(path: Path) -> None:
    """To a version of the contract before the first."""
    table = _read(path)
    _write(path, table, dict(table.schema.metadata) | {b"schema_version": b"0"})


def alter(path: Path) -> None:
    """One value, with the footer as it was: Parquet that every program reads."""
    table, contract = _read(path), TABLES[path.parent.name]
    for position, column in enumerate(contract.columns):
        values = table.column(column.name)
        is_number = pa.types.is_integer(values.type) or pa.types.is_floating(values.type)
        if is_number and column.name not in contract.key and values.null_count < len(values):
            other = pc.add(values, pa.scalar(1, values.type))
            altered = table.set_column(position, table.schema.field(column.name), other)
            _write(path, altered, table.schema.metadata)
            return
    _write(path, table.slice(1), table.schema.metadata)


def delete(path: Path) -> None:
    """Leaves nothing."""
    path.unlink()


DAMAGES: dict[str, Callable[[Path], None]] = {
    "flipped": flip_a_bit,
    "truncated": truncate,
    "older": age,
    "altered": alter,
    "deleted": delete,
}


def _read(path: Path) -> pa.Table:
    with path.open("rb") as handle:
        return pq.ParquetFile(handle).read()


def _write(path: Path, table: pa.Table, footer: dict[bytes, bytes]) -> None:
    pq.write_table(table.replace_schema_metadata(footer), path, write_page_checksum=True)
