"""The rows of the candidate cache: how the tables of one video become one row, and many rows become arrays again."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thumb_assets.select import Measured, MeasuredFaces, measured_from_tables
from thumb_assets.select.align import candidate_positions
from thumb_assets.store.outcomes import outdated_tables
from thumb_assets.store.parquet import TableStore
from thumb_assets.video import Geometry

_FACE_VALUES = ("x", "y", "width", "height", "confidence", "laplacian_variance")
_CANDIDATE_INTEGERS = ("frame_indices", "shot_indices")
_CANDIDATE_FLOATS = ("pts_seconds", "laplacian_variance", "luma_mean", "luma_std", "clip_score")
# What of the footer of `clip_scores` says whether texts can be held against its embeddings.
_FOOTER_KEYS = ("model_name", "pretrained", "prompts_sha256")

_integers, _floats = pa.list_(pa.int64()), pa.list_(pa.float64())


def _schema(columns: Mapping[str, pa.DataType]) -> pa.Schema:
    return pa.schema({"video_id": pa.string(), "versions": pa.string(), **columns})


# How the video stands: what is selected, which tables are not to be used.
STANDING_SCHEMA = _schema(
    {"outdated": pa.list_(pa.string()), "has_selections": pa.bool_(), "frame_index": _integers, "pts_seconds": _floats}
)
# `Measured` of one video. NaN where there is no value; the metrics' values one metric after the other.
MEASURED_SCHEMA = _schema(
    {
        **dict.fromkeys(_CANDIDATE_INTEGERS, _integers),
        **dict.fromkeys(_CANDIDATE_FLOATS, _floats),
        "iqa_metrics": pa.list_(pa.string()),
        "iqa_values": _floats,
        "has_faces": pa.bool_(),
        "face_positions": _integers,
        **{f"face_{name}": _floats for name in _FACE_VALUES},
        "frame_width": pa.int64(),
        "frame_height": pa.int64(),
    }
)
# (N, D) float16 by candidate, NaN where there is none; 0 dimensions where no candidate has one.
EMBEDDINGS_SCHEMA = _schema({"num_dimensions": pa.int64(), "footer": pa.string(), "values": pa.large_binary()})


def standing_row(store: TableStore, video_id: str, _outdated: frozenset[str]) -> dict[str, Any]:
    """Raises as `TableStore.read`; so do the next two."""
    outdated = outdated_tables(store, video_id)
    table = None if "selections" in outdated else store.read_or_none("selections", video_id)
    rows = table.sort_by("rank").select(["frame_index", "pts_seconds"]).to_pydict() if table is not None else {}
    return {
        "outdated": sorted(outdated),
        "has_selections": table is not None,
        "frame_index": rows.get("frame_index", []),
        "pts_seconds": rows.get("pts_seconds", []),
    }


def measured_row(store: TableStore, video_id: str, outdated: frozenset[str]) -> dict[str, Any]:
    """What selection reads of a video, apart from the outdated tables."""
    names = ("sharpness", "clip_scores", "iqa_scores", "faces")
    tables = {name: None if name in outdated else store.read_or_none(name, video_id) for name in names}
    iqa_scores = tables["iqa_scores"]
    footer = {} if iqa_scores is None else _footer(iqa_scores)
    candidates = store.read("candidate_frames", video_id)
    if not candidates.num_rows:
        return _empty_row(has_faces=tables["faces"] is not None)
    measured = measured_from_tables(
        candidates,
        **tables,
        iqa_lower_better=json.loads(footer.get("lower_better", "{}")),
        frame_size=Geometry.from_row(store.read("videos", video_id).to_pylist()[0]).display_size,
    )
    width, height = measured.frame_sizes[0].tolist()
    return {
        **{name: getattr(measured, name) for name in (*_CANDIDATE_INTEGERS, *_CANDIDATE_FLOATS)},
        "iqa_metrics": list(measured.iqa),
        "iqa_values": np.concatenate([np.zeros(0), *measured.iqa.values()]),
        "has_faces": bool(measured.has_faces[0]),
        "face_positions": measured.faces.positions,
        **{f"face_{name}": getattr(measured.faces, name) for name in _FACE_VALUES},
        "frame_width": width,
        "frame_height": height,
    }


def embeddings_row(store: TableStore, video_id: str, _outdated: frozenset[str]) -> dict[str, Any]:
    """The embeddings of a video's candidates."""
    frame_indices = store.read("candidate_frames", video_id).column("frame_index").to_numpy()
    table = store.read("clip_scores", video_id)
    kept = {key: value for key, value in _footer(table).items() if key in _FOOTER_KEYS}
    nothing = {"num_dimensions": 0, "footer": json.dumps(kept), "values": b""}
    if not len(frame_indices) or not table.num_rows:
        return nothing
    embeddings = table.column("embedding").combine_chunks()
    num_dimensions = embeddings.type.list_size
    has_embedding = ~embeddings.is_null().to_numpy(zero_copy_only=False)
    has_embedding &= table.column("error").is_null().to_numpy()
    positions, is_candidate = candidate_positions(table, frame_indices=frame_indices)
    is_used = has_embedding & is_candidate
    if not is_used.any():
        return nothing
    values = np.full((len(frame_indices), num_dimensions), np.nan, np.float16)
    # The values of a fixed-size list include those below its nulls, so a row is where its position says.
    flat = embeddings.values.to_numpy(zero_copy_only=False).reshape(-1, num_dimensions)
    flat = flat[embeddings.offset : embeddings.offset + len(embeddings)]
    values[positions[is_used]] = flat[is_used]
    return {**nothing, "num_dimensions": num_dimensions, "values": values.tobytes()}


def measured_of_rows(rows: pa.Table) -> Measured:
    """The arrays behind rows of the part `measured`, one or more; the candidates' own are not copied."""
    offsets = _offsets(rows, "frame_indices")
    faces = MeasuredFaces(
        _offsets(rows, "face_positions"),
        _flat(rows, "face_positions"),
        *(_flat(rows, f"face_{name}") for name in _FACE_VALUES),
    )
    return Measured(
        video_ids=tuple(rows.column("video_id").to_pylist()),
        offsets=offsets,
        **{name: _flat(rows, name) for name in (*_CANDIDATE_INTEGERS, *_CANDIDATE_FLOATS)},
        iqa=_iqa(rows, offsets),
        faces=faces,
        has_faces=rows.column("has_faces").to_numpy(),
        frame_sizes=np.stack([rows.column(name).to_numpy() for name in ("frame_width", "frame_height")], axis=1),
    )


def _iqa(rows: pa.Table, offsets: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    metrics_of = rows.column("iqa_metrics").to_pylist()
    starts = _offsets(rows, "iqa_values")[:-1].tolist()
    flat = _flat(rows, "iqa_values")
    values: dict[str, NDArray[np.float64]] = {}
    bounds = zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
    for metrics, start, (begin, end) in zip(metrics_of, starts, bounds, strict=True):
        for place, metric in enumerate(metrics):
            own = values.setdefault(metric, np.full(int(offsets[-1]), np.nan))
            own[begin:end] = flat[start + place * (end - begin) : start + (place + 1) * (end - begin)]
    return values


def _empty_row(*, has_faces: bool) -> dict[str, Any]:
    lists: dict[str, Any] = {field.name: [] for field in MEASURED_SCHEMA if pa.types.is_list(field.type)}
    return {**lists, "has_faces": has_faces, "frame_width": 0, "frame_height": 0}


def _flat(rows: pa.Table, name: str) -> Any:
    return rows.column(name).combine_chunks().flatten().to_numpy()


def _offsets(rows: pa.Table, name: str) -> NDArray[np.int64]:
    sizes = pc.list_value_length(rows.column(name)).to_numpy()
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])


def _footer(table: pa.Table) -> dict[str, str]:
    return {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
