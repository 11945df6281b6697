"""How a column and a table are declared."""

from dataclasses import dataclass

import pyarrow as pa


class Embedding:
    """The type of an embedding column: a fixed-size list of float16 whose length is the model's, not the contract's."""

    def __str__(self) -> str:
        return "fixed_size_list<float16>[D]"

    @staticmethod
    def matches(data_type: pa.DataType) -> bool:
        """Whether an Arrow type is a fixed-size list of float16."""
        return bool(pa.types.is_fixed_size_list(data_type) and pa.types.is_float16(data_type.value_type))

    @staticmethod
    def of_size(num_dimensions: int) -> pa.DataType:
        """The Arrow type for a model with that many dimensions."""
        return pa.list_(pa.float16(), num_dimensions)


@dataclass(frozen=True)
class Column:
    """One column: its name, type, what it means, in which unit, and whether it may be null."""

    name: str
    type: pa.DataType | Embedding
    doc: str
    unit: str = ""
    is_nullable: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableContract:
    """One table: what a row is, its columns in order, and the columns that are unique together and ascending."""

    name: str
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    schema_version: int = 1
    footer_doc: str = ""

    def column(self, name: str) -> Column:
        """The declared column of that name; KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns in order."""
        return tuple(column.name for column in self.columns)

    def arrow_schema(self, embedding_size: int = 0) -> pa.Schema:
        """The Arrow schema; `embedding_size` fixes the length of the embedding columns (0 where there is no row)."""
        fields = []
        for column in self.columns:
            data_type = Embedding.of_size(embedding_size) if isinstance(column.type, Embedding) else column.type
            fields.append(pa.field(column.name, data_type, nullable=column.is_nullable))
        return pa.schema(fields)
