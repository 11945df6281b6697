"""Pictures as files with a table of their rows: the formats `imagefolder`, `folder` and `csv`."""

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from thumb_assets.dataset.card import write_card
from thumb_assets.dataset.kit import Format, Part, Picture, Written, name_in_split, of_split, read_files, write_files
from thumb_assets.store.table_file import for_spreadsheets
from thumb_assets.tables.dataset import FILE_NAME
from thumb_assets.tables.declaration import TableContract

ROWS_FILE = "stills.csv"


def _data_files(split: str) -> str:
    return f"{split}/**"


def _finish_imagefolder(folder: Path, written: Written) -> None:
    """A metadata.parquet per split: without one, `datasets` would take the folders of the videos for class labels."""
    schema = written.contract.arrow_schema()
    for split, number in written.num_stills.items():
        if not number:
            continue
        with (folder / split / "metadata.parquet").open("wb") as handle, pq.ParquetWriter(handle, schema) as writer:
            for batch in of_split(written.rows(), split):
                place = schema.get_field_index(FILE_NAME.name)
                names = [name.removeprefix(f"{split}/") for name in batch.column(FILE_NAME.name).to_pylist()]
                writer.write_batch(batch.set_column(place, schema.field(place), pa.array(names)))
    write_card(folder, written, _data_files)


def _finish_folder(folder: Path, written: Written) -> None:
    _write_csv(folder / ROWS_FILE, written)
    write_card(folder, written, None)


def _write_csv(path: Path, written: Written) -> None:
    schema = written.contract.arrow_schema()
    with path.open("wb") as handle, pa_csv.CSVWriter(handle, schema) as writer:
        for batch in written.rows():
            writer.write_table(for_spreadsheets(pa.Table.from_batches([batch], schema)))


def _write_nothing(_folder: Path, _part: Part, _contract: TableContract, pictures: Iterable[Picture]) -> None:
    """Lets the pictures pass: their rows are all there is."""
    deque(pictures, maxlen=0)


def _read_nothing(_folder: Path, _part: Part, _names: Iterable[str]) -> Iterator[bytes]:
    return iter(())


def _still_place(_part: Part, video_id: str, still_name: str) -> str:
    return f"stills/{video_id}/{still_name}"


IMAGEFOLDER = Format(
    name="imagefolder",
    about="pictures as files in a folder per split, with metadata.parquet and a dataset card",
    loads='datasets.load_dataset("imagefolder", data_dir="{folder}")',
    file_name=name_in_split,
    write_part=write_files,
    read_part=read_files,
    finish=_finish_imagefolder,
    data_files=_data_files,
)
FOLDER = Format(
    name="folder",
    about=f"pictures as files in a folder per split, with {ROWS_FILE}",
    loads=f'pandas.read_csv("{{folder}}/{ROWS_FILE}")',
    file_name=name_in_split,
    write_part=write_files,
    read_part=read_files,
    finish=_finish_folder,
)
CSV = Format(
    name="csv",
    about=f"{ROWS_FILE} alone; its file_name is the still's place in the data folder",
    loads=f'pandas.read_csv("{{folder}}/{ROWS_FILE}")',
    file_name=_still_place,
    write_part=_write_nothing,
    read_part=_read_nothing,
    finish=_finish_folder,
    has_pictures=False,
)
