"""Parquet shards with the pictures' bytes inside: the formats `huggingface` and `croissant`."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from thumb_assets.dataset.card import write_card
from thumb_assets.dataset.croissant import write_croissant
from thumb_assets.dataset.kit import Format, Part, Picture, Written, dtype_name
from thumb_assets.tables.declaration import TableContract

# Pictures that are held at a time; the hub's viewer, too, wants row groups of few pictures.
_PICTURES_PER_GROUP = 64
# The form in which `datasets` stores its feature Image.
_IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()})
_HUGGINGFACE = "huggingface"
DATA = "data"


def _file_name(_part: Part, _video_id: str, still_name: str) -> str:
    return still_name


def _write_part(folder: Path, part: Part, contract: TableContract, pictures: Iterable[Picture]) -> None:
    schema = _schema(contract)
    path = _shard(folder, part)
    path.parent.mkdir(parents=True, exist_ok=True)
    left = iter(pictures)
    with (
        path.open("wb") as handle,
        pq.ParquetWriter(handle, schema, compression="zstd", write_page_index=True) as writer,
    ):
        while group := list(islice(left, _PICTURES_PER_GROUP)):
            images = [{"bytes": each.data, "path": each.row["file_name"]} for each in group]
            columns = [pa.array(images, _IMAGE)]
            columns += [pa.array([each.row[field.name] for each in group], field.type) for field in list(schema)[1:]]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def _read_part(folder: Path, part: Part, _names: Iterable[str]) -> Iterator[bytes]:
    with _shard(folder, part).open("rb") as handle, pq.ParquetFile(handle, pre_buffer=False) as file:
        for batch in file.iter_batches(_PICTURES_PER_GROUP, columns=["image"], use_threads=False):
            for image in batch.column("image"):
                yield image["bytes"].as_py()


def _shard(folder: Path, part: Part) -> Path:
    return folder / DATA / f"{part.name}.parquet"


def _schema(contract: TableContract) -> pa.Schema:
    columns = contract.arrow_schema()
    features: dict[str, Any] = {"image": {"_type": "Image"}}
    features |= {field.name: {"dtype": dtype_name(field.type), "_type": "Value"} for field in columns}
    metadata = {_HUGGINGFACE: json.dumps({"info": {"features": features}})}
    return pa.schema([pa.field("image", _IMAGE), *columns], metadata=metadata)


def _finish_huggingface(folder: Path, written: Written) -> None:
    write_card(folder, written, _data_files)
    write_croissant(folder, written, data=DATA)


def _finish_croissant(folder: Path, written: Written) -> None:
    write_card(folder, written, None)
    write_croissant(folder, written, data=DATA)


def _data_files(split: str) -> str:
    return f"{DATA}/{split}-*.parquet"


HUGGINGFACE = Format(
    name=_HUGGINGFACE,
    about="Parquet shards with the pictures inside, a dataset card and Croissant's description",
    loads='datasets.load_dataset("{folder}")',
    file_name=_file_name,
    write_part=_write_part,
    read_part=_read_part,
    finish=_finish_huggingface,
    data_files=_data_files,
)
CROISSANT = Format(
    name="croissant",
    about="the same shards, described by Croissant 1.1 alone, with the provenance of each row",
    loads='mlcroissant.Dataset("{folder}/croissant.json").records("stills")',
    file_name=_file_name,
    write_part=_write_part,
    read_part=_read_part,
    finish=_finish_croissant,
)
