"""Small whole tables of one video, made from the contracts, for the tests of the store."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from thumb_assets.store.catalog import Catalog
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import table_from_rows
from thumb_assets.tables.contracts import TABLES
from thumb_assets.tables.declaration import Column, Embedding

FOOTER = {"video_sha256": "a" * 64, "settings_sha256": "b" * 64, "tool_versions": '{"av": "18.1"}'}
NUM_FRAMES = 10


def footer_of(table_name: str) -> dict[str, str]:
    return {} if table_name == "outcomes" else FOOTER


def row(table_name: str, position: int, video_id: str, **values: Any) -> dict[str, Any]:
    """A valid row whose integer key columns are `position`."""
    made = {column.name: _value(column, position) for column in TABLES[table_name].columns}
    return {**made, "video_id": video_id, **values}


def table(table_name: str, num_rows: int, video_id: str, **values: Any) -> pa.Table:
    return table_from_rows(table_name, [row(table_name, position, video_id, **values) for position in range(num_rows)])


def write_video(store: TableStore, video_id: str, *, num_selections: int = 2) -> None:
    """A video of ten frames: two shots, four candidates, of which the first `num_selections` are selected."""
    candidates = range(4)
    selected = candidates[:num_selections]
    tables = {
        "videos": table("videos", 1, video_id),
        "frames": table("frames", NUM_FRAMES, video_id, laplacian_variance=7.0),
        "shots": table("shots", 2, video_id),
        "candidate_frames": table("candidate_frames", 4, video_id),
        "sharpness": table("sharpness", 4, video_id, laplacian_variance=42.0),
        "appearance": table("appearance", 4, video_id),
        "faces": table("faces", 1, video_id),
        "subjects": table("subjects", 4, video_id),
        "safety": table("safety", 4, video_id),
        "aesthetics": table("aesthetics", 4, video_id),
        "texts": table("texts", 2, video_id),
        "subtitles": table("subtitles", 2, video_id),
        "audio": table("audio", 2, video_id),
        "clip_scores": table("clip_scores", 4, video_id, clip_score=0.125),
        "iqa_scores": table_from_rows(
            "iqa_scores",
            [row("iqa_scores", i, video_id, metric=metric) for i in candidates for metric in ("niqe", "piqe")],
        ),
        "chapters": table("chapters", 2, video_id),
        "judgements": table("judgements", 2, video_id, judge_score=7.5),
        "selections": table_from_rows("selections", [row("selections", i, video_id, rank=i + 1) for i in selected]),
        "rejections": table_from_rows(
            "rejections",
            [row("rejections", i, video_id, stage="rank", reason="lower_score") for i in candidates[num_selections:]],
        ),
        "decisions": table("decisions", 1, video_id),
        "recurrences": table("recurrences", 2, video_id),
        "stills": table_from_rows(
            "stills", [row("stills", i, video_id, rank=i + 1, file_name=f"{i}.jpg") for i in selected]
        ),
        "crops": table_from_rows(
            "crops",
            [
                row("crops", i, video_id, rank=i + 1, aspect_ratio=aspect_ratio, file_name=f"{i}_{aspect_ratio}.jpg")
                for i in selected
                for aspect_ratio in ("16:9", "1:1")
            ],
        ),
        "renditions": table_from_rows(
            "renditions",
            [row("renditions", i, video_id, rank=i + 1, file_name=f"{i}_640w.jpg") for i in selected],
        ),
        "previews": table_from_rows(
            "previews", [row("previews", i, video_id, tile_index=i, file_name="sheet.jpg") for i in selected]
        ),
        "artwork": table_from_rows(
            "artwork", [row("artwork", i, video_id, path=f"/videos/clip-{i}.jpg") for i in selected]
        ),
        "published": table_from_rows(
            "published", [row("published", i, video_id, rank=i + 1, file_name=f"{i}.jpg") for i in selected]
        ),
    }
    for name, content in tables.items():
        store.write(name, content, video_id=video_id, footer=FOOTER)


def index(data_dir: Path, video_ids: list[str]) -> None:
    """Work of a second process: index these videos, many times over."""
    store = TableStore(data_dir)
    for _ in range(5):
        for video_id in video_ids:
            Catalog(store.catalog_path).index_video(store, video_id)


def _value(column: Column, position: int) -> Any:
    if column.name in ("error", "message", "is_permanent"):
        return None
    if column.choices:
        return [column.choices[0]] if pa.types.is_list(column.type) else column.choices[0]
    if isinstance(column.type, Embedding):
        return np.array([1, position, -0.5], np.float16)
    if pa.types.is_integer(column.type):
        return position
    if pa.types.is_floating(column.type):
        return position / 4
    return True if pa.types.is_boolean(column.type) else f"{column.name} {position}"
