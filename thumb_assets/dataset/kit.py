"""`Format`: all that the rest of the project knows of one format of datasets, and what is handed to it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from thumb_assets.dataset.picks import Pick
from thumb_assets.tables.declaration import TableContract


@dataclass(frozen=True)
class Part:
    """Pictures of one split that are written together, and written again together where that was interrupted.

    Attributes:
        index: 0-based among the parts of its split, of which there are `count`.
        picks: by video, ascending, and by frame.
    """

    split: str
    index: int
    count: int
    picks: tuple[Pick, ...]

    @property
    def name(self) -> str:
        """Its name, which sorts by place.

        >>> Part("train", 0, 2, ()).name
        'train-00000-of-00002'
        """
        return f"{self.split}-{self.index:05d}-of-{self.count:05d}"


@dataclass(frozen=True)
class Picture:
    """A row of the contract, and the bytes of its picture's file."""

    row: Mapping[str, Any]
    data: bytes


@dataclass(frozen=True)
class Written:
    """A dataset whose parts are all written, as what describes it sees it.

    Attributes:
        rows: gives all rows in their order, some at a time.
        num_stills: by split.
        card: the dataset card, Markdown without the YAML at its top.
        licence: the one licence of all pictures; None where there are several or one is not known.
        authors: of the videos, where they are known.
    """

    title: str
    description: str
    contract: TableContract
    rows: Callable[[], Iterator[pa.RecordBatch]]
    num_stills: Mapping[str, int]
    card: str
    licence: str | None
    authors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        about: what it is, one clause.
        loads: how it is loaded, lines of code or a command; `{folder}` is the dataset.
        file_name: the column file_name of a picture: its part, its video_id, its still's name.
        write_part: writes the pictures of a part into the dataset's folder.
        read_part: gives the pictures' bytes back in their order, by the values of file_name.
        finish: writes what stands beside the parts.
        data_files: by split a pattern for its files, for the card's YAML; None where no library reads that.
        has_pictures: False: the rows alone, which say where the stills lie.
    """

    name: str
    about: str
    loads: str
    file_name: Callable[[Part, str, str], str]
    write_part: Callable[[Path, Part, TableContract, Iterable[Picture]], None]
    read_part: Callable[[Path, Part, Iterable[str]], Iterator[bytes]]
    finish: Callable[[Path, Written], None]
    data_files: Callable[[str], str] | None = None
    has_pictures: bool = True


def name_in_split(part: Part, video_id: str, still_name: str) -> str:
    """The usual place of a picture: a folder per split, in it one per video."""
    return str(PurePosixPath(part.split, video_id, still_name))


def write_files(folder: Path, _part: Part, _contract: TableContract, pictures: Iterable[Picture]) -> None:
    """Writes each picture as a file of its own."""
    for picture in pictures:
        path = folder / picture.row["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture.data)


def read_files(folder: Path, _part: Part, names: Iterable[str]) -> Iterator[bytes]:
    """Reads pictures that are files of their own."""
    for name in names:
        yield (folder / name).read_bytes()


def dtype_name(data_type: pa.DataType) -> str:
    """The name of a column's type in `datasets`, which has its own for Arrow's double.

    >>> dtype_name(pa.float64()), dtype_name(pa.string())
    ('float64', 'string')
    """
    return "float64" if pa.types.is_float64(data_type) else str(data_type)


def of_split(rows: Iterator[pa.RecordBatch], split: str) -> Iterator[pa.RecordBatch]:
    """The rows of one split; no batch holds rows of two."""
    for batch in rows:
        if batch.num_rows and batch.column("split")[0].as_py() == split:
            yield batch
