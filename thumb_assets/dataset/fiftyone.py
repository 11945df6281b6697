"""A folder that FiftyOne imports: the format `fiftyone`, its FiftyOneDataset.

Source: docs.voxel51.com, "Importing data into FiftyOne", FiftyOneDataset: `metadata.json` describes the dataset and its
fields, `samples.json` holds a document per picture as BSON's extended JSON, and paths in it are relative to the folder.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from thumb_assets.dataset.card import write_card
from thumb_assets.dataset.kit import Format, Part, Written, read_files, write_files
from thumb_assets.tables.dataset import FILE_NAME
from thumb_assets.tables.declaration import Column

# The version of the form that is written; a newer FiftyOne migrates it when it imports.
_VERSION = "1.0.0"
_FIELD = "fiftyone.core.fields."
# FiftyOne's own fields of every sample, in its order: their type and what they hold.
_OWN_FIELDS: tuple[tuple[str, str, str | None, str | None], ...] = (
    ("id", "ObjectIdField", None, None),
    ("filepath", "StringField", None, None),
    ("tags", "ListField", "StringField", None),
    ("metadata", "EmbeddedDocumentField", None, "fiftyone.core.metadata.ImageMetadata"),
)


def _file_name(_part: Part, video_id: str, still_name: str) -> str:
    return f"data/{video_id}/{still_name}"


def _finish(folder: Path, written: Written) -> None:
    columns = [each for each in written.contract.columns if each.name not in {FILE_NAME.name, "split"}]
    metadata = {
        "version": _VERSION,
        "media_type": "image",
        "name": written.title,
        "description": written.description,
        "info": {"licence": written.licence},
        "tags": [],
        "sample_fields": [*(_own_field(*each) for each in _OWN_FIELDS), *(_field(each) for each in columns)],
        "frame_fields": [],
    }
    (folder / "metadata.json").write_text(json.dumps(metadata, indent=1, ensure_ascii=False), encoding="utf-8")
    with (folder / "samples.json").open("w", encoding="utf-8") as handle:
        handle.write('{"samples": [')
        comma = "\n"
        for batch in written.rows():
            for row in batch.to_pylist():
                handle.write(comma + json.dumps(_sample(row, columns), ensure_ascii=False, allow_nan=False))
                comma = ",\n"
        handle.write("\n]}\n")
    write_card(folder, written, None)


def _sample(row: dict[str, Any], columns: list[Column]) -> dict[str, Any]:
    # By what it shows and not by when it was written, as MongoDB's own ids are.
    key = hashlib.sha256(f"{row['video_id']} {row['frame_index']}".encode()).hexdigest()[:24]
    size = {"_cls": "ImageMetadata", "width": row["width"], "height": row["height"]}
    own = {"_id": {"$oid": key}, "filepath": row["file_name"], "tags": [row["split"]], "metadata": size}
    own |= {"_media_type": "image", "_rand": int(key[:8], 16) / 16**8}
    return own | {column.name: row[column.name] for column in columns}


def _own_field(name: str, kind: str, subfield: str | None, document: str | None) -> dict[str, Any]:
    return {
        "name": name,
        "ftype": f"{_FIELD}{kind}",
        "embedded_doc_type": document,
        "subfield": f"{_FIELD}{subfield}" if subfield else None,
        "fields": [],
        "db_field": "_id" if name == "id" else name,
        "description": None,
        "info": None,
        "read_only": False,
    }


def _field(column: Column) -> dict[str, Any]:
    unit = f" Unit: {column.unit}." if column.unit else ""
    return _own_field(column.name, _kind(column.type), None, None) | {"description": f"{column.doc}{unit}"}


def _kind(data_type: Any) -> str:
    if pa.types.is_boolean(data_type):
        return "BooleanField"
    if pa.types.is_integer(data_type):
        return "IntField"
    return "FloatField" if pa.types.is_floating(data_type) else "StringField"


FIFTYONE = Format(
    name="fiftyone",
    about="a folder that FiftyOne imports as FiftyOneDataset; the split is a tag",
    loads='fiftyone.Dataset.from_dir("{folder}", dataset_type=fiftyone.types.FiftyOneDataset)',
    file_name=_file_name,
    write_part=write_files,
    read_part=read_files,
    finish=_finish,
)
