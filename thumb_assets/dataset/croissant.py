"""Describes Parquet shards by Croissant 1.1, each row with its provenance.

Source: docs.mlcommons.org/croissant, "Croissant Format Specification" 1.1. A record is a `prov:Entity`; the fields that
say where it comes from are mapped to properties of PROV-O and schema.org ("Using External Vocabularies with Data").
"""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from thumb_assets import __version__
from thumb_assets.dataset.kit import Written

FILE = "croissant.json"
_RECORDS, _SHARDS, _SPLITS = "stills", "shards", "splits"
_TERMS = (
    *(
        "arrayShape",
        "citeAs",
        "column",
        "containedIn",
        "equivalentProperty",
        "extract",
        "field",
        "fileObject",
        "fileProperty",
    ),
    *("fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path"),
    *("readLines", "recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator", "source"),
    *("subField", "transform", "unArchive", "value"),
)
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "conformsTo": "dct:conformsTo",
    **{term: f"cr:{term}" for term in _TERMS},
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "description": {"@container": "@language"},
    "name": {"@container": "@language"},
}
# By column what it says of the picture, a prov:Entity.
_PROVENANCE = {
    "video_sha256": "prov:wasDerivedFrom",
    "source": "prov:hadPrimarySource",
    "author": "prov:wasAttributedTo",
    "licence": "sc:license",
    "still_sha256": "sc:sha256",
}
_USUAL_SPLITS = {"train": "cr:TrainingSplit", "validation": "cr:ValidationSplit", "test": "cr:TestSplit"}


def write_croissant(folder: Path, written: Written, *, data: str) -> None:
    """Writes croissant.json.

    Args:
        data: the folder of the shards within the dataset.
    """
    description = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": written.title,
        "description": written.description,
        **_licence(written),
        **({"creator": [{"@type": "Person", "name": name} for name in written.authors]} if written.authors else {}),
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "prov:wasAssociatedWith": {"@type": "prov:SoftwareAgent", "name": f"thumb-assets {__version__}"},
        },
        "distribution": _distribution(data),
        "recordSet": [_splits(written), _records(written)],
    }
    text = json.dumps(description, indent=1, ensure_ascii=False)
    (folder / FILE).write_text(f"{text}\n", encoding="utf-8")


def _licence(written: Written) -> dict[str, str]:
    return {} if written.licence is None else {"license": written.licence}


def _distribution(data: str) -> list[dict[str, Any]]:
    return [
        {
            "@type": "cr:FileSet",
            "@id": _SHARDS,
            "description": "The rows, with the pictures inside.",
            "encodingFormat": "application/x-parquet",
            "includes": f"{data}/*.parquet",
        }
    ]


def _splits(written: Written) -> dict[str, Any]:
    rows = [{f"{_SPLITS}/name": split, f"{_SPLITS}/url": _USUAL_SPLITS.get(split, "")} for split in written.num_stills]
    fields = [_field(_SPLITS, "name", "sc:Text"), _field(_SPLITS, "url", "sc:URL")]
    return {
        "@type": "cr:RecordSet",
        "@id": _SPLITS,
        "dataType": "cr:Split",
        "key": {"@id": f"{_SPLITS}/name"},
        "field": fields,
        "data": rows,
    }


def _records(written: Written) -> dict[str, Any]:
    image = _field(_RECORDS, "image", "sc:ImageObject", description="The picture.")
    image["source"] = _column("image") | {"transform": {"jsonPath": "bytes"}}
    fields = [image]
    for column in written.contract.columns:
        unit = f" Unit: {column.unit}." if column.unit else ""
        field = _field(_RECORDS, column.name, _data_type(column.type), description=f"{column.doc}{unit}")
        field["source"] = _column(column.name)
        if column.name in _PROVENANCE:
            field["equivalentProperty"] = _PROVENANCE[column.name]
        if column.name == "split":
            field["references"] = {"field": {"@id": f"{_SPLITS}/name"}}
        fields.append(field)
    return {
        "@type": "cr:RecordSet",
        "@id": _RECORDS,
        "dataType": "prov:Entity",
        "description": written.contract.grain,
        "field": fields,
    }


def _field(records: str, name: str, data_type: str, *, description: str = "") -> dict[str, Any]:
    said = {"description": description} if description else {}
    return {"@type": "cr:Field", "@id": f"{records}/{name}", "name": name, **said, "dataType": data_type}


def _column(name: str) -> dict[str, Any]:
    return {"fileSet": {"@id": _SHARDS}, "extract": {"column": name}}


def _data_type(data_type: pa.DataType) -> str:
    if pa.types.is_boolean(data_type):
        return "sc:Boolean"
    if pa.types.is_integer(data_type):
        return "sc:Integer"
    return "sc:Float" if pa.types.is_floating(data_type) else "sc:Text"
