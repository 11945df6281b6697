"""The rows of the candidate cache: how the tables of one video become one row, and many rows become arrays again."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thumb_assets.select.measure import (
    FACE_VALUES,
    TABLES_OF_SCORES,
    VALUES,
    CandidateArrays,
    FaceArrays,
    ScoreTables,
    arrays_from_tables,
    embedding_model_of,
)
from thumb_assets.store.outcomes import interrupted_tables, outdated_tables
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.stored_form import CONTENT
from thumb_assets.tables.checks import scores_every_candidate, verify_coverage
from thumb_assets.video.geometry import Geometry

_CANDIDATE_INTEGERS = ("frame_indices", "shot_indices")
# float16, candidate by candidate, of `_size` dimensions each; NaN where a candidate has none.
_VECTORS = ("embeddings", "descriptors")
# Bytes by candidate, in the same form; 0 where it has none.
_BITS = "edges"
# One text per candidate.
_TEXTS = ("texts", "written")
# What of the footer of `clip_scores` says whether texts can be held against its embeddings.
_FOOTER_KEYS = ("model_name", "pretrained", "prompts_sha256")

_integers, _floats, _hashes = pa.list_(pa.int64()), pa.list_(pa.float64()), pa.list_(pa.uint64())


def _schema(columns: Mapping[str, pa.DataType]) -> pa.Schema:
    return pa.schema({"video_id": pa.string(), "versions": pa.string(), **columns})


# How the video stands: what is selected, which tables are not to be used.
STANDING_SCHEMA = _schema(
    {
        "outdated": pa.list_(pa.string()),
        "interrupted": pa.list_(pa.string()),
        "has_selections": pa.bool_(),
        "frame_index": _integers,
        "pts_seconds": _floats,
    }
)
# `CandidateArrays` of one video. NaN where there is no value; the metrics' values one metric after the other.
MEASURED_SCHEMA = _schema(
    {
        **dict.fromkeys(_CANDIDATE_INTEGERS, _integers),
        **dict.fromkeys(VALUES, _floats),
        "difference_hash": _hashes,
        "iqa_metrics": pa.list_(pa.string()),
        "iqa_values": _floats,
        "has_faces": pa.bool_(),
        "face_positions": _integers,
        **{f"face_{name}": _floats for name in FACE_VALUES},
        "frame_width": pa.int64(),
        "frame_height": pa.int64(),
        **dict.fromkeys((*_VECTORS, _BITS), pa.large_binary()),
        **{f"{name}_size": pa.int64() for name in (*_VECTORS, _BITS)},
        **dict.fromkeys(_TEXTS, pa.list_(pa.string())),
        "clip_footer": pa.string(),
        "content": pa.string(),
    }
)
# The tables behind the vectors; see `contents_of_rows`.
_OF_VECTORS = ("candidate_frames", "appearance", "clip_scores")


def standing_row(store: TableStore, video_id: str, _outdated: frozenset[str]) -> dict[str, Any]:
    """Raises as `TableStore.read`; so do the next two."""
    outdated, interrupted = outdated_tables(store, video_id), interrupted_tables(store, video_id)
    table = None if "selections" in outdated - interrupted else store.read_or_none("selections", video_id)
    rows = table.sort_by("rank").select(["frame_index", "pts_seconds"]).to_pydict() if table is not None else {}
    return {
        "outdated": sorted(outdated),
        "interrupted": sorted(interrupted),
        "has_selections": table is not None,
        "frame_index": rows.get("frame_index", []),
        "pts_seconds": rows.get("pts_seconds", []),
    }


def are_scored(store: TableStore, video_id: str) -> bool:
    """True where no stored table of scores lacks a candidate: none of them was made for fewer.

    Raises: as `TableStore.read`.
    """
    candidates = store.read_or_none("candidate_frames", video_id)
    tables = (store.read_or_none(name, video_id) for name in TABLES_OF_SCORES if scores_every_candidate(name))
    return candidates is not None and all(
        verify_coverage(candidates, table).is_passed for table in tables if table is not None
    )


def measured_row(store: TableStore, video_id: str, outdated: frozenset[str]) -> dict[str, Any]:
    """The tables that selection reads of a video, but for the outdated; see `score_tables` of the pipeline."""
    tables = {name: None if name in outdated else store.read_or_none(name, video_id) for name in TABLES_OF_SCORES}
    clip_footer = {key: value for key, value in _footer(tables["clip_scores"]).items() if key in _FOOTER_KEYS}
    candidates = store.read("candidate_frames", video_id)
    content = content_of_tables({**tables, "candidate_frames": candidates}, _OF_VECTORS)
    if not candidates.num_rows:
        return _empty_row(has_faces=tables["faces"] is not None) | {"content": content}
    scores = ScoreTables.of(
        tables,
        iqa_lower_better=json.loads(_footer(tables["iqa_scores"]).get("lower_better", "{}")),
        frame_size=Geometry.from_row(store.read("videos", video_id).to_pylist()[0]).display_size,
        embedding_model=embedding_model_of(clip_footer),
    )
    measured = arrays_from_tables(candidates, scores)
    width, height = measured.frame_sizes[0].tolist()
    vectors = {name: getattr(measured, name)[0] for name in (*_VECTORS, _BITS)}
    return {
        **{name: getattr(measured, name) for name in (*_CANDIDATE_INTEGERS, "difference_hash")},
        **measured.values,
        "iqa_metrics": list(measured.iqa),
        "iqa_values": np.concatenate([np.zeros(0), *measured.iqa.values()]),
        "has_faces": bool(measured.has_faces[0]),
        "face_positions": measured.faces.positions,
        **{f"face_{name}": getattr(measured.faces, name) for name in FACE_VALUES},
        "frame_width": width,
        "frame_height": height,
        **{name: values.tobytes() for name, values in vectors.items()},
        **{f"{name}_size": values.shape[1] for name, values in vectors.items()},
        **{name: list(getattr(measured, name)[0]) for name in _TEXTS},
        "clip_footer": json.dumps(clip_footer),
        "content": content,
    }


def content_of_tables(tables: Mapping[str, pa.Table | None], names: tuple[str, ...]) -> str:
    """Hash of the contents of stored tables: the same as long as none of them says anything else."""
    contents = [_footer(tables.get(name)).get(CONTENT, "") for name in names]
    return hashlib.sha256(" ".join(contents).encode()).hexdigest()


def contents_of_rows(rows: pa.Table) -> dict[str, str]:
    """Hash of what the vectors are made of, by video."""
    return dict(zip(rows.column("video_id").to_pylist(), rows.column("content").to_pylist(), strict=True))


def _texts(rows: pa.Table, name: str) -> tuple[tuple[str, ...], ...]:
    texts = rows.column(name)
    if not pc.max(pc.binary_length(pc.list_flatten(texts))).as_py():  # most libraries have none: no object for each
        return tuple(("",) * size for size in pc.list_value_length(texts).to_pylist())
    return tuple(map(tuple, texts.to_pylist()))


def measured_of_rows(rows: pa.Table) -> CandidateArrays:
    """The arrays behind rows of the part `measured`, one or more."""
    offsets = _offsets(rows, "frame_indices")
    faces = FaceArrays(
        _offsets(rows, "face_positions"),
        _flat(rows, "face_positions"),
        *(_flat(rows, f"face_{name}") for name in FACE_VALUES),
    )
    return CandidateArrays(
        video_ids=tuple(rows.column("video_id").to_pylist()),
        offsets=offsets,
        **{name: _flat(rows, name) for name in (*_CANDIDATE_INTEGERS, "difference_hash")},
        values={name: _flat(rows, name) for name in VALUES},
        iqa=_iqa(rows, offsets),
        embeddings=_vectors(rows, "embeddings", offsets),
        descriptors=_vectors(rows, "descriptors", offsets),
        edges=_vectors(rows, _BITS, offsets, data_type=np.uint8),
        texts=_texts(rows, "texts"),
        written=_texts(rows, "written"),
        faces=faces,
        has_faces=rows.column("has_faces").to_numpy(),
        frame_sizes=np.stack([rows.column(name).to_numpy() for name in ("frame_width", "frame_height")], axis=1),
        embedding_models=tuple(embedding_model_of(json.loads(each)) for each in rows.column("clip_footer").to_pylist()),
    )


def clip_footers_of_rows(rows: pa.Table) -> dict[str, dict[str, str]]:
    """model_name, pretrained and prompts_sha256 of the embeddings, by video that has any."""
    names = ("video_id", "embeddings_size", "clip_footer")
    columns = zip(*(rows.column(name).to_pylist() for name in names), strict=True)
    return {video_id: json.loads(footer) for video_id, size, footer in columns if size}


def _vectors(
    rows: pa.Table, name: str, offsets: NDArray[np.int64], *, data_type: type[Any] = np.float16
) -> tuple[NDArray[Any], ...]:
    sizes, numbers = rows.column(f"{name}_size").to_pylist(), np.diff(offsets).tolist()
    values = (each for chunk in rows.column(name).chunks for each in _bytes_of(chunk))
    return tuple(
        value.view(data_type).reshape(number, size) for value, number, size in zip(values, numbers, sizes, strict=True)
    )


def _bytes_of(chunk: pa.LargeBinaryArray) -> Iterator[NDArray[np.uint8]]:
    """The bytes of each value, without nulls, where they lie in the mapped file: Arrow's scalars are copies."""
    _, offsets, content = chunk.buffers()
    bounds = np.frombuffer(offsets, np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]
    values = np.frombuffer(content or b"", np.uint8)
    return (values[start:end] for start, end in pairwise(bounds.tolist()))


def _iqa(rows: pa.Table, offsets: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    metrics_of = rows.column("iqa_metrics").to_pylist()
    starts = _offsets(rows, "iqa_values")[:-1].tolist()
    flat = _flat(rows, "iqa_values")
    values: dict[str, NDArray[np.float64]] = {}
    bounds = zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
    for metrics, start, (begin, end) in zip(metrics_of, starts, bounds, strict=True):
        for place, metric in enumerate(metrics):
            if metric not in values:
                values[metric] = np.full(int(offsets[-1]), np.nan)
            own = values[metric]
            own[begin:end] = flat[start + place * (end - begin) : start + (place + 1) * (end - begin)]
    return values


def _empty_row(*, has_faces: bool) -> dict[str, Any]:
    lists: dict[str, Any] = {field.name: [] for field in MEASURED_SCHEMA if pa.types.is_list(field.type)}
    names = (*_VECTORS, _BITS)
    nothing = dict.fromkeys(names, b"") | {f"{name}_size": 0 for name in names}
    return {**lists, **nothing, "has_faces": has_faces, "frame_width": 0, "frame_height": 0, "clip_footer": "{}"}


def _flat(rows: pa.Table, name: str) -> Any:
    # Arrow would put all of it together in memory of its own before NumPy does.
    return np.concatenate([chunk.flatten().to_numpy() for chunk in rows.column(name).chunks])


def _offsets(rows: pa.Table, name: str) -> NDArray[np.int64]:
    sizes = pc.list_value_length(rows.column(name)).to_numpy()
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])


def _footer(table: pa.Table | None) -> dict[str, str]:
    if table is None:
        return {}
    return {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
