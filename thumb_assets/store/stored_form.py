"""The form of a table in its Parquet file: the footer, lists of embeddings, and proof that the rows are as written."""

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

import thumb_assets
from thumb_assets.errors import ContractError
from thumb_assets.tables.conform import content_sha256
from thumb_assets.tables.declaration import Embedding, TableContract

# Footer key of the hash of a table's rows; see `content_sha256`.
CONTENT = "content_sha256"
# Footer key of the version of Arrow that wrote a table. A hash is compared under the same one only: another may lay the
# same rows out in other bytes, and a stage's key holds the version anyway.
_ARROW_VERSION = "arrow_version"
# Footer key of what people should know of a stage's results; in its first table.
NOTE = "note"
# Written by the store itself into every footer.
OWN_FOOTER_KEYS = ("table", "schema_version", _ARROW_VERSION)
# What whoever writes a table must give; these tables are made by no stage.
REQUIRED_FOOTER_KEYS = ("video_sha256", "settings_sha256", "tool_versions")
TABLES_WITHOUT_FOOTER = ("outcomes", "decisions", "recurrences")
ARROW_KEY = b"ARROW:schema"
_SIZE_KEY = b"embedding_size"


def footer_metadata(contract: TableContract, table: pa.Table, footer: Mapping[str, str]) -> dict[str, str]:
    """The footer of a conforming table: what its writer gives, and the store's own keys.

    Raises:
        ContractError: a key is missing or the store's own, or is no text.
    """
    required = () if contract.name in TABLES_WITHOUT_FOOTER else REQUIRED_FOOTER_KEYS
    missing = [key for key in required if not footer.get(key)]
    taken = [key for key in footer if key in (*OWN_FOOTER_KEYS, ARROW_KEY.decode())]
    no_text = [key for key, value in footer.items() if not isinstance(value, str)]
    if missing or taken or no_text:
        raise ContractError(
            f"table {contract.name}: footer lacks {missing}, sets the store's own {taken}, has no text in {no_text}"
        )
    try:
        is_object = isinstance(json.loads(footer.get("tool_versions", "{}")), dict)
    except json.JSONDecodeError:
        is_object = False
    if not is_object:
        raise ContractError(f"table {contract.name}: footer's tool_versions is not a JSON object")
    own = {"table": contract.name, "schema_version": str(contract.schema_version), _ARROW_VERSION: pa.__version__}
    content = footer.get(CONTENT) or content_sha256(table)
    return {**own, "code_version": thumb_assets.__version__, **footer, CONTENT: content}


def to_stored(table: pa.Table) -> pa.Table:
    """Embeddings as lists of any length: Arrow 25, the last for Python 3.10, cannot read fixed ones back with nulls."""
    fields = [
        field.with_type(pa.list_(field.type.value_type)).with_metadata({_SIZE_KEY: str(field.type.list_size)})
        if Embedding.matches(field.type)
        else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def from_stored(table: pa.Table) -> pa.Table:
    """The other way round. Parquet has its own name for what is in a list, which is not ours."""
    fields = [pa.field(field.name, _type_from_stored(field), nullable=field.nullable) for field in table.schema]
    columns = [
        column.cast(field.type) if pa.types.is_list(column.type) else column
        for column, field in zip(table.columns, fields, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata=table.schema.metadata))


def _type_from_stored(field: pa.Field) -> pa.DataType:
    if field.metadata and _SIZE_KEY in field.metadata:
        return Embedding.of_size(int(field.metadata[_SIZE_KEY]))
    return pa.list_(field.type.value_type) if pa.types.is_list(field.type) else field.type


def verify_stored(table: pa.Table, contract: TableContract, *, path: Path, stage: str | None) -> None:
    """Holds a table that was read against its contract, as it was when it was written, and the hash in its footer.

    Args:
        stage: that makes it; None for tables that no stage makes.

    Raises:
        ContractError: its version of the contract is not read any more, or its rows are not those that were written.
    """
    footer = table.schema.metadata or {}
    version = footer.get(b"schema_version", b"").decode()
    contract = contract.as_of(version)
    sizes = [field.type.list_size for field in table.schema if Embedding.matches(field.type)]
    expected = contract.arrow_schema(sizes[0] if sizes else 0)
    again = f"run the stage {stage!r} again" if stage else "delete it"
    if version != str(contract.schema_version):
        raise ContractError(
            f"{path}: was written under another version of the contract of {contract.name!r} (schema version "
            f"{version or 'unknown'}, expected {contract.schema_version}); {again}"
        )
    if not table.schema.equals(expected, check_metadata=False):
        unlike = sorted(_fields(table.schema) ^ _fields(expected)) or ["their order"]
        raise ContractError(
            f"{path}: has other columns than the contract of {contract.name!r} ({', '.join(unlike)}); {again}"
        )
    recorded = footer.get(CONTENT.encode())
    if recorded is None or _arrow_version(footer) != pa.__version__:
        return
    if content_sha256(table) != recorded.decode():
        raise ContractError(f"{path}: its rows are not those that were written; {again}")


def _fields(schema: pa.Schema) -> set[str]:
    return {f"{field.name} {field.type}{'?' if field.nullable else ''}" for field in schema}


def _arrow_version(footer: Mapping[bytes, bytes]) -> str | None:
    own = footer.get(_ARROW_VERSION.encode())
    if own is not None:
        return own.decode()
    try:  # tables of versions that recorded it among a stage's tools only
        return str(json.loads(footer.get(b"tool_versions", b"{}")).get("pyarrow"))
    except (ValueError, AttributeError):
        return None
