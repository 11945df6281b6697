"""Holds data against its contract: `conform` casts or raises, `contract_problems` reports."""

import functools
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thumb_assets.errors import ContractError
from thumb_assets.tables.contracts import TABLES
from thumb_assets.tables.declaration import Embedding, TableContract


def table_from_rows(table_name: str, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """An Arrow table of the contract from dicts, ordered by its key.

    Args:
        table_name: a key of TABLES.
        rows: one mapping per row with exactly the contract's columns; embeddings as float16 arrays of one length.

    Raises:
        ContractError: see `conform`.
    """
    contract = TABLES[table_name]
    rows = list(rows)
    for row in rows:
        if set(row) != set(contract.column_names):
            difference = sorted(set(row) ^ set(contract.column_names))
            raise ContractError(f"table {table_name}: a row has other columns than the contract: {difference}")
    schema = contract.arrow_schema(_embedding_size(contract, rows))
    try:
        arrays = [_array([row[field.name] for row in rows], field.type) for field in schema]
    except UnicodeEncodeError as error:  # a file name of bytes that are no UTF-8
        raise ContractError(f"table {table_name}: text {error.object!r} cannot be stored as UTF-8") from error
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as error:
        raise ContractError(f"table {table_name}: {_first_line(error)}") from error
    return conform(table_name, pa.Table.from_arrays(arrays, schema=_all_nullable(schema)))


def empty_table(table_name: str) -> pa.Table:
    """A table of the contract without rows."""
    return table_from_rows(table_name, ())


def conform(table_name: str, table: pa.Table) -> pa.Table:
    """The table cast to its contract, columns in order, rows sorted by the key.

    Raises:
        ContractError: a column is missing or extra, a type cannot be cast safely, a null stands where none may, a value
            is none of the column's choices, a float is infinite or NaN, a list holds a null, an embedding is empty, or
            the key repeats.
    """
    contract = TABLES[table_name]
    missing = [name for name in contract.column_names if name not in table.column_names]
    extra = [name for name in table.column_names if name not in contract.column_names]
    if missing or extra:
        raise ContractError(f"table {table_name}: missing columns {missing}, extra columns {extra}")
    schema = contract.arrow_schema(_size_of(contract, table))
    try:
        table = table.select(list(contract.column_names)).cast(_all_nullable(schema), safe=True)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ContractError(f"table {table_name}: {_first_line(error)}") from error
    table = _sorted(table, contract).combine_chunks()
    problems = _problems(contract, table)
    if problems:
        raise ContractError(f"table {table_name}: " + "; ".join(problems))
    return pa.Table.from_arrays(table.columns, schema=schema)


def content_sha256(table: pa.Table) -> str:
    """Hex SHA-256 of a table's columns and rows, without its footer; equal tables have equal hashes.

    >>> content_sha256(empty_table("shots")) == content_sha256(empty_table("shots").replace_schema_metadata({"a": "b"}))
    True
    """
    digest = _Digest()
    columns = [_without_hidden_values(_as_one(column)) for column in table.columns]
    plain = pa.Table.from_arrays(columns, schema=table.schema.remove_metadata())
    with pa.ipc.new_stream(pa.PythonFile(digest, mode="w"), plain.schema) as writer:
        writer.write_table(plain)
    return digest.hexdigest()


def contract_problems(table_name: str, table: pa.Table) -> list[str]:
    """Lists where a stored table breaks its contract, order and types included, one line each; empty if it conforms."""
    contract = TABLES[table_name]
    try:
        expected = contract.arrow_schema(_size_of(contract, table))
    except ContractError as error:
        return [str(error)]
    if not table.schema.equals(expected, check_metadata=False):
        return [f"schema is {table.schema.remove_metadata().to_string()!r}, expected {expected.to_string()!r}"]
    problems = _problems(contract, table)
    if not problems and _sorted(table, contract) is not table:
        problems.append(f"rows are not ascending by {', '.join(contract.key)}")
    return problems


def _as_one(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _without_hidden_values(array: pa.Array) -> pa.Array:
    """The same values with zeros under the nulls, where Arrow has any bytes: others than Parquet gives back.

    Buffers are read as they are: where pandas is installed, Arrow imports it for NumPy's and Python's values, which
    costs a command that only reads tables half of its time.
    """
    if array.null_count == 0:
        return array
    is_valid = _bits(array.is_valid())
    if Embedding.matches(array.type):
        size = array.type.list_size
        values = np.zeros((len(array), size), np.float16)
        values[is_valid] = np.frombuffer(content_buffer(array.flatten()), np.float16).reshape(int(is_valid.sum()), size)
        child = pa.array(values.reshape(-1), pa.float16())
        return pa.Array.from_buffers(array.type, len(array), [_bitmap(is_valid)], children=[child])
    if not pa.types.is_primitive(array.type):  # text and lists: a null has no bytes of its own
        return array
    if pa.types.is_boolean(array.type):
        content = _bitmap(_bits(array) & is_valid)
    else:
        values = np.frombuffer(content_buffer(array), np.uint8).reshape(len(array), -1).copy()
        values[~is_valid] = 0
        content = pa.py_buffer(values.tobytes())
    return pa.Array.from_buffers(array.type, len(array), [_bitmap(is_valid), content])


def _bits(array: pa.BooleanArray) -> NDArray[np.bool_]:
    """The values of an array of truth values, whatever they are under its nulls."""
    bits = np.unpackbits(np.frombuffer(array.buffers()[1], np.uint8), bitorder="little")
    return bits[array.offset : array.offset + len(array)].astype(np.bool_)


def content_buffer(array: pa.Array) -> pa.Buffer:
    """The bytes of the values of a primitive array, without Arrow's `to_numpy`; see `_without_hidden_values`."""
    size, content = array.type.bit_width // 8, array.buffers()[1]
    return pa.py_buffer(b"") if content is None else content.slice(array.offset * size, len(array) * size)


def _bitmap(values: NDArray[np.bool_]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(values, bitorder="little").tobytes())


class _Digest:
    """A file that keeps of what is written to it the SHA-256 only."""

    closed = False

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()

    def write(self, data: Any) -> int:
        """Takes bytes or an Arrow buffer."""
        self._sha256.update(data)
        return len(data)

    def hexdigest(self) -> str:
        """Digest of everything written, as hex."""
        return self._sha256.hexdigest()

    def flush(self) -> None:
        """Does nothing, since nothing waits."""


def _sorted(table: pa.Table, contract: TableContract) -> pa.Table:
    """The table with its rows ascending by the key; the same object where they are already, which costs no copy."""
    indices = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in contract.key])
    return table if (indices.to_numpy() == np.arange(len(indices))).all() else table.take(indices)


def _num_repeated(table: pa.Table, contract: TableContract) -> int:
    """Rows of a sorted table whose key is that of the row before; a null is a problem of its own."""
    if table.num_rows < 2:
        return 0
    before, after = table.slice(0, table.num_rows - 1), table.slice(1)
    same = [pc.equal(before.column(name), after.column(name)) for name in contract.key]
    return pc.sum(pc.fill_null(functools.reduce(pc.and_, same), fill_value=False)).as_py() or 0


def _problems(contract: TableContract, table: pa.Table) -> list[str]:
    problems = []
    for column in contract.columns:
        values = table.column(column.name)
        if values.null_count and not column.is_nullable:
            problems.append(f"{column.name} has {values.null_count} nulls")
        flat = values.combine_chunks()
        if isinstance(flat, pa.ListArray | pa.FixedSizeListArray):
            if Embedding.matches(flat.type) and flat.type.list_size == 0 and flat.null_count < len(flat):
                problems.append(f"{column.name} has an empty embedding")  # Parquet cannot tell it from a null
            flat = flat.flatten()
            if flat.null_count:
                problems.append(f"{column.name} has a list with a null in it")
        # By numpy: older Arrow has no is_finite of float16.
        if pa.types.is_floating(flat.type) and not np.isfinite(flat.drop_null().to_numpy(zero_copy_only=False)).all():
            problems.append(f"{column.name} has a value that is not finite")
        if column.choices:
            bad = pc.unique(flat.filter(pc.invert(pc.is_in(flat, pa.array(column.choices)))).drop_null())
            if len(bad):
                problems.append(f"{column.name} has {bad[0].as_py()!r}, which is none of {list(column.choices)}")
    num_repeated = _num_repeated(_sorted(table, contract), contract)
    if num_repeated:
        problems.append(f"{num_repeated} rows repeat the key {', '.join(contract.key)}")
    return problems


def _array(values: list[Any], data_type: pa.DataType) -> pa.Array:
    if pa.types.is_integer(data_type):  # pa.array would truncate 0.5 to 0 without a word; a safe cast refuses it
        array = pa.array(values)
        if pa.types.is_boolean(array.type) or pa.types.is_string(array.type):  # the cast would take True and "12"
            raise pa.ArrowTypeError(f"{array[0].as_py()!r} is not an integer")
        return array.cast(data_type)
    return pa.array(values, type=data_type)


def _all_nullable(schema: pa.Schema) -> pa.Schema:
    return pa.schema([field.with_nullable(True) for field in schema])


def _embedding_size(contract: TableContract, rows: list[Mapping[str, Any]]) -> int:
    names = [column.name for column in contract.columns if isinstance(column.type, Embedding)]
    sizes = {len(row[name]) for name in names for row in rows if row[name] is not None}
    if len(sizes) > 1:
        raise ContractError(f"table {contract.name}: embeddings of different lengths {sorted(sizes)}")
    return sizes.pop() if sizes else 0


def _size_of(contract: TableContract, table: pa.Table) -> int:
    for column in contract.columns:
        if isinstance(column.type, Embedding) and column.name in table.column_names:
            data_type = table.schema.field(column.name).type
            if not Embedding.matches(data_type):
                raise ContractError(f"table {contract.name}: {column.name} is {data_type}, not {column.type}")
            return int(data_type.list_size)
    return 0


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0]
