"""A table or a text written where the user wants it, in a form other programs read."""

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from thumb_assets.errors import SettingsError
from thumb_assets.files import replaced_file, storage_errors
from thumb_assets.wording import spreadsheet_cell

FILE_SUFFIXES = (".parquet", ".csv")
_ADVICE = "choose another place or free the disk"


def require_file_suffix(path: Path) -> None:
    """Rejects unknown file suffixes before any work starts.

    Raises:
        SettingsError: it does not.
    """
    if path.suffix.lower() not in FILE_SUFFIXES:
        raise SettingsError(f"{path}: the name ends with none of {', '.join(FILE_SUFFIXES)}, so its form is not known")


def write_text_file(path: Path, text: str) -> None:
    """Writes a text, UTF-8; a file that is there is replaced whole.

    Raises:
        StorageError: the disk is full, read-only or gone, or the folder missing.
    """
    with storage_errors(path, advice=_ADVICE), replaced_file(path) as handle:
        handle.write(text.encode())


def write_table_file(path: Path, table: pa.Table) -> None:
    """Writes a table as Parquet or CSV, as the name says; a file that is there is replaced whole.

    Raises:
        SettingsError: the name says neither. StorageError: the disk is full, read-only or gone, or the folder missing.
    """
    require_file_suffix(path)
    with storage_errors(path, advice=_ADVICE), replaced_file(path) as handle:
        if path.suffix.lower() == ".csv":
            pa_csv.write_csv(for_spreadsheets(table), handle)
        else:
            pq.write_table(table, handle, compression="zstd")


def for_spreadsheets(table: pa.Table) -> pa.Table:
    """Returns the table with no text in it that a spreadsheet would run as a formula."""
    for position, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            texts = table.column(position).to_pylist()
            safe = [None if text is None else spreadsheet_cell(text) for text in texts]
            table = table.set_column(position, field, pa.array(safe, field.type))
    return table
