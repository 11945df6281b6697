"""The pictures of a dataset, one after the other: their rows, and the bytes that are proven to be what was written."""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from thumb_assets.dataset.kit import Part, Picture
from thumb_assets.dataset.rows import TABLES_OF_ROWS, rows_of_video
from thumb_assets.errors import VerificationError
from thumb_assets.export.stills import export_stills
from thumb_assets.library.dataset_choice import wanted_table
from thumb_assets.library.dataset_plan import DatasetPlan
from thumb_assets.stages.kit.work import identities_of
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore
from thumb_assets.video.geometry import NO_BARS, Bars

_REMAKE = "make it again: thumb-assets run --stages stills"


def pictures_of(store: TableStore, plan: DatasetPlan, part: Part, *, scratch: Path) -> Iterator[Picture]:
    """Reads the pictures of a part in their order, each once.

    Args:
        scratch: where candidates are decoded to, one video at a time; need not exist.

    Raises:
        VerificationError: a still is missing or not what its table says.
        ThumbAssetsError: a table is damaged, or a candidate cannot be decoded; see `export_stills`.
    """
    for video_id, picks in groupby(part.picks, key=lambda pick: pick.video_id):
        frames = [pick.frame_index for pick in picks]
        yield from _of_video(store, plan, part, video_id=video_id, frames=frames, scratch=scratch)


def _of_video(
    store: TableStore, plan: DatasetPlan, part: Part, *, video_id: str, frames: list[int], scratch: Path
) -> Iterator[Picture]:
    tables = {name: store.read_or_none(name, video_id) for name in TABLES_OF_ROWS}
    with ExitStack() as closing:
        if plan.settings.dataset.is_decoded:
            scratch.mkdir(parents=True, exist_ok=True)
            place = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="decoded-", dir=scratch)))
            stills = _decoded(store, plan, frames, video_id=video_id, tables=tables, place=place)
            folder = place / video_id
        else:
            stills, folder = store.read("stills", video_id), store.stills_dir(video_id)
        wanted = stills.filter(pc.is_in(stills.column("frame_index"), pa.array(frames, pa.int64()))).to_pylist()
        rows = rows_of_video(
            plan.videos[video_id],
            wanted,
            tables,
            plan.contract,
            scores=plan.scores.get(video_id, {}),
            is_commercial=plan.settings.dataset.licence == "commercial",
        )
        for still, row in zip(wanted, rows, strict=True):
            row["still_sha256"] = still["file_sha256"]
            row["file_name"] = plan.format.file_name(part, video_id, still["file_name"])
            data = _checked(folder / still["file_name"], still["file_sha256"]) if plan.format.has_pictures else b""
            yield Picture(row, data)


def _decoded(
    store: TableStore,
    plan: DatasetPlan,
    frames: list[int],
    *,
    video_id: str,
    tables: Mapping[str, Any],
    place: Path,
) -> pa.Table:
    """The candidates as stills, decoded and proven as stills are."""
    settings = plan.settings
    known = {row["frame_index"]: row for row in tables["candidate_frames"].to_pylist()}
    scores = {row["frame_index"]: row for row in tables["selections"].to_pylist()} | dict(plan.scores.get(video_id, {}))
    rows = [
        {
            "frame_index": frame,
            "pts": known[frame]["pts"],
            "pts_seconds": known[frame]["pts_seconds"],
            "combined_score": scores[frame]["combined_score"],
        }
        for frame in frames
    ]
    video = Library(store.data_dir).find(video_id)
    bars = Bars.from_row(tables["videos"].to_pylist()[0]) if settings.stills.trim_bars else NO_BARS
    return export_stills(
        video.path,
        video_id=video_id,
        selections=wanted_table(video_id, rows),
        identities=identities_of(store.read("frames", video_id)),
        video_sha256=video.sha256,
        stills_dir=place,
        settings=settings.stills,
        export_settings=settings.export,
        video_settings=settings.video,
        bars=bars,
    )


def _checked(path: Path, sha256: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise VerificationError(f"{path}: cannot be read ({error.strerror}); {_REMAKE}") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise VerificationError(f"{path}: is not what was written; {_REMAKE}")
    return data
