"""Declarations of columns and tables, and the columns that several tables share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import pyarrow as pa


class Embedding:
    """The type of an embedding column: a fixed-size list of float16 whose length is the model's, not the contract's."""

    def __str__(self) -> str:
        return "fixed_size_list<float16>[D]"

    @staticmethod
    def matches(data_type: pa.DataType) -> bool:
        """True for an Arrow type that is a fixed-size list of float16."""
        return bool(pa.types.is_fixed_size_list(data_type) and pa.types.is_float16(data_type.value_type))

    @staticmethod
    def of_size(num_dimensions: int) -> pa.DataType:
        """The Arrow type for a model with that many dimensions."""
        return pa.list_(pa.float16(), num_dimensions)


@dataclass(frozen=True)
class Column:
    """One column: its name, type, what it means, in which unit, and whether it may be null.

    Attributes:
        since: the table's schema version that added it; tables of the version before are still read.
        before: its values for such a table; without it they are null.
        sources: columns of other tables that it comes from, each as `table.column`; none where it comes from the video
            itself, or says how the row was made.
    """

    name: str
    type: pa.DataType | Embedding
    doc: str
    unit: str = ""
    is_nullable: bool = False
    choices: tuple[str, ...] = ()
    since: int = 1
    before: Callable[[pa.Table], pa.ChunkedArray] | None = None
    sources: tuple[str, ...] = ()

    def of(self, *sources: str) -> "Column":
        """The same column in a table where it comes from others."""
        return replace(self, sources=tuple(dict.fromkeys(sources)))


@dataclass(frozen=True)
class TableContract:
    """One table: what a row is, its columns in order, and the columns that are unique together and ascending.

    Attributes:
        stage: the stage that writes it; its own name unless given, None where no stage does.
    """

    name: str
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    schema_version: int = 1
    footer_doc: str = ""
    stage: str | None = ""

    def __post_init__(self) -> None:
        """Sets the default of `stage`."""
        if self.stage == "":
            object.__setattr__(self, "stage", self.name)

    def made_of(self, sources: Mapping[str, tuple[str, ...]]) -> "TableContract":
        """The same table, its columns coming from others: by column, each as `table.column`."""
        return replace(self, columns=tuple(each.of(*sources.get(each.name, each.sources)) for each in self.columns))

    def column(self, name: str) -> Column:
        """The declared column of that name; KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns in order."""
        return tuple(column.name for column in self.columns)

    @property
    def lineage(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """By column that comes from other tables: (table, column) of each source."""
        parted = {each.name: [source.partition(".") for source in each.sources] for each in self.columns}
        return {name: tuple((table, column) for table, _, column in parts) for name, parts in parted.items() if parts}

    def arrow_schema(self, embedding_size: int = 0) -> pa.Schema:
        """The Arrow schema; `embedding_size` fixes the length of the embedding columns (0 where there is no row)."""
        fields = []
        for column in self.columns:
            data_type = Embedding.of_size(embedding_size) if isinstance(column.type, Embedding) else column.type
            fields.append(pa.field(column.name, data_type, nullable=column.is_nullable))
        return pa.schema(fields)

    def as_of(self, version: str) -> "TableContract":
        """The contract of a former schema version where columns were only added since, else this one."""
        later = range(int(version) + 1, self.schema_version + 1) if version.isdecimal() else range(0)
        if not later or later[0] == 1 or not set(later) <= {column.since for column in self.columns}:
            return self
        columns = tuple(column for column in self.columns if column.since <= int(version))
        return replace(self, columns=columns, schema_version=int(version))

    def with_later_columns(self, table: pa.Table) -> pa.Table:
        """A table of a former version with the columns that were added since."""
        present = set(table.column_names)  # Arrow makes the list each time
        for position, column in enumerate(self.columns):
            if column.name not in present:
                values = pa.nulls(table.num_rows, column.type) if column.before is None else column.before(table)
                table = table.add_column(position, pa.field(column.name, column.type, column.is_nullable), values)
        return table


_text, _int, _float = pa.string(), pa.int64(), pa.float64()

VIDEO_ID = Column("video_id", _text, "Key of the video: slug of the file stem, `-`, 8 hex of the content hash.")
FRAME_INDEX = Column("frame_index", _int, "0-based position among the displayed frames, equal to FFmpeg's `n`.")
PTS = Column("pts", _int, "Presentation time stamp of the stream.", "time_base")
PTS_SECONDS = Column(
    "pts_seconds",
    _float,
    "Seconds on a timeline that never goes back: pts x time_base, but where stamps start again, wrap or jump.",
    "s",
)
SHOT_INDEX = Column("shot_index", _int, "0-based position of the shot in the video.")
RANK = Column("rank", _int, "1 is the best; dense.")
LUMA_HASH = Column(
    "luma_hash", _text, "XXH3-128 of the decoder's first plane, rows without padding, before any geometry.", "hex"
)
ERROR = Column("error", _text, "Why this row has no value; null where it has one.", is_nullable=True)
