"""A made-up library with stills on disk: each frame shows something by name, which looks the same everywhere."""

import hashlib
import io
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from thumb_assets.export.plan import still_file_name
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import table_from_rows
from thumb_assets_tests.unit.store.builders import FOOTER, row
from thumb_assets_tests.unit.survey import builders as survey

SIZE = (64, 36)


def add_video(
    store: TableStore,
    name: str,
    shows: Sequence[str],
    *,
    selected: Sequence[int] = (0,),
    file_name: str | None = None,
    decisions: Mapping[int, str] | None = None,
    **options: object,
) -> str:
    """A video with a candidate every second and a still per selection; returns its id.

    Args:
        shows: see `survey.builders.write_video`, which makes the other tables.
        selected: frame_index of the selections, best first.
        file_name: of the video below the library folder.
    """
    video_id = f"{name}-{zlib.crc32(name.encode()):08x}"
    survey.write_video(store, video_id, shows, selected=selected, **options)  # type: ignore[arg-type]
    rows = [
        still_row(store, video_id, frame, rank, picture_of(shows[frame]))
        for rank, frame in enumerate(selected, start=1)
    ]
    tables = {
        "videos": [
            row(
                "videos",
                0,
                video_id,
                width=SIZE[0],
                height=SIZE[1],
                rotation_degrees=0,
                sample_aspect_ratio_num=1,
                sample_aspect_ratio_den=1,
                time_base_num=1,
                time_base_den=25,
                source_path=str(store.data_dir / "videos" / (file_name or f"{name}.mp4")),
                video_sha256=hashlib.sha256(name.encode()).hexdigest(),
            )
        ],
        "stills": rows,
        "decisions": [row("decisions", frame, video_id, decision=said) for frame, said in (decisions or {}).items()],
        "selections": [
            row(
                "selections",
                frame,
                video_id,
                rank=rank,
                pts_seconds=float(frame),
                combined_score=max(0.0, 1 - rank / 100),
            )
            for rank, frame in enumerate(selected, start=1)
        ],
    }
    for table_name, of_table in tables.items():
        if of_table or table_name != "decisions":
            store.write(table_name, table_from_rows(table_name, of_table), video_id=video_id, footer=FOOTER)
    return video_id


def still_row(store: TableStore, video_id: str, frame: int, rank: int, data: bytes) -> dict[str, object]:
    """Writes a still and gives its row."""
    name = still_file_name(video_id, frame_index=frame, pts_seconds=float(frame), extension="jpg")
    path = store.stills_dir(video_id) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    facts = {"num_bytes": len(data), "file_sha256": hashlib.sha256(data).hexdigest(), "width": 64, "height": 36}
    return row("stills", frame, video_id, rank=rank, pts=25 * frame, file_name=name, **facts)


def picture_of(name: str) -> bytes:
    """A small JPEG of what is shown."""
    pixels = np.random.default_rng(zlib.crc32(name.encode())).integers(0, 255, (9, 16, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize(SIZE).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def library(data_dir: Path, number: int = 10) -> TableStore:
    """Videos that share nothing, two stills each."""
    store = TableStore(data_dir)
    for place in range(number):
        letter = chr(ord("a") + place)
        add_video(store, letter, [f"{letter}{frame}" for frame in range(4)], selected=(1, 3))
    return store
