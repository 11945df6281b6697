"""A made-up library: each frame shows something by name, and the same name looks the same in every video."""

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import table_from_rows
from thumb_assets_tests.unit.store.builders import FOOTER, row

NUM_EMBEDDING, NUM_DESCRIPTOR = 24, 40
MODEL = {"model_name": "made-up", "pretrained": "none", "prompts_sha256": "c" * 64}
# Names that mean something.
BLACK = "black"

_SHAPE = {"rotation_degrees": 0, "sample_aspect_ratio_num": 1, "sample_aspect_ratio_den": 1}


def write_video(
    store: TableStore,
    video_id: str,
    shows: Sequence[str],
    *,
    selected: Sequence[int] = (0,),
    model: dict[str, str] | None = MODEL,
    has_appearance: bool = True,
    sharpness: float | None = None,
) -> None:
    """Tables of a video with a candidate every second, frame_index 0, 1, 2...

    Args:
        shows: what each frame shows; the same name gives vectors that are alike, and one hash.
        selected: frame_index of the selections, best first.
        model: of the embeddings; None leaves the table `clip_scores` out.
        sharpness: Laplacian variance of every frame; None: by what it shows.
    """
    rows_of: dict[str, list[dict[str, Any]]] = {}
    noise = np.random.default_rng(zlib.crc32(video_id.encode()))
    for position, name in enumerate(shows):
        is_black = name == BLACK
        seconds = float(position)
        variance = float(zlib.crc32(name.encode()) % 997) if sharpness is None else sharpness
        values: dict[str, dict[str, Any]] = {
            "candidate_frames": {
                "pts_seconds": seconds,
                "sampling_methods": ["uniform"],
                "shot_index": position,
                **dict.fromkeys(("state_start_frame_index", "state_exclusive_end_frame_index")),
            },
            "sharpness": {
                "laplacian_variance": variance,
                "luma_mean": 1.0 if is_black else 120.0,
                "luma_std": 0.5 if is_black else 50.0,
            },
            "appearance": {
                "luma_entropy": 6.0,
                "dark_share": 1.0 if is_black else 0.0,
                "difference_hash": f"{hash_of(name):016x}",
                "descriptor": _vector(f"descriptor {name}", NUM_DESCRIPTOR, noise),
                **dict.fromkeys(("bright_share", "acutance", "text_share", "bar_share"), 0.0),
                **dict.fromkeys(("edges", "changed_share")),
            },
            "clip_scores": {"embedding": _vector(f"embedding {name}", NUM_EMBEDDING, noise)},
        }
        for table_name, columns in values.items():
            rows_of.setdefault(table_name, []).append(row(table_name, position, video_id, **columns))
    left_out = {"appearance": not has_appearance, "clip_scores": model is None}
    for table_name, rows in rows_of.items():
        if not left_out.get(table_name):
            footer = FOOTER | (model or {} if table_name == "clip_scores" else {})
            store.write(table_name, table_from_rows(table_name, rows), video_id=video_id, footer=footer)
    store.write(
        "videos",
        table_from_rows("videos", [row("videos", 0, video_id, width=640, height=360, **_SHAPE)]),
        video_id=video_id,
        footer=FOOTER,
    )
    selections = [
        row("selections", index, video_id, rank=rank, pts_seconds=float(index))
        for rank, index in enumerate(selected, start=1)
    ]
    store.write("selections", table_from_rows("selections", selections), video_id=video_id, footer=FOOTER)


def hash_of(name: str) -> int:
    """The 64-bit difference hash of what is shown."""
    return int(np.random.default_rng(zlib.crc32(name.encode())).integers(0, 1 << 63))


def _vector(name: str, size: int, noise: np.random.Generator) -> NDArray[np.float16]:
    vector = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(size)
    vector = vector / np.linalg.norm(vector) + 0.005 * noise.standard_normal(size)
    return (vector / np.linalg.norm(vector)).astype(np.float16)
