"""Work on the tables of a video that several stages share: fetching frames, joining scores, checking coverage."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from thumb_assets.select.measure import TABLES_OF_SCORES, ScoreTables, embedding_model_of
from thumb_assets.settings.load import Settings
from thumb_assets.settings.stages import VideoSettings
from thumb_assets.stages.kit.declaration import VideoTables
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.checks import Verdict, verify_coverage
from thumb_assets.video.geometry import Bars, Geometry

if TYPE_CHECKING:
    from thumb_assets.video.fetch import FrameIdentities
    from thumb_assets.video.frame import Frame
    from thumb_assets.video.stamps import VideoStamps

# What a scorer of candidates reads.
OF_FRAMES = ("videos", "frames", "candidate_frames")
# What is known of candidates besides themselves.
OF_CANDIDATES = tuple(name for name in TABLES_OF_SCORES if name != "judgements")


def covers_candidates(video_id: str, stage: str, store: TableStore, _settings: Settings) -> Verdict:
    """Every candidate frame has a row, with a value or an error."""
    candidates = store.read("candidate_frames", video_id)
    return verify_coverage(candidates, store.read(stage, video_id))


def score_tables(job: VideoTables) -> ScoreTables:
    """Collects the tables of scores of a video's candidates."""
    tables = {name: job.optional_table(name) for name in TABLES_OF_SCORES}
    has_metrics, has_embeddings = tables["iqa_scores"] is not None, tables["clip_scores"] is not None
    lower_better = json.loads(job.footer("iqa_scores").get("lower_better", "{}")) if has_metrics else {}
    frame_size = Geometry.from_row(job.table("videos").to_pylist()[0]).display_size
    embedding_model = embedding_model_of(job.footer("clip_scores")) if has_embeddings else None
    return ScoreTables.of(tables, iqa_lower_better=lower_better, frame_size=frame_size, embedding_model=embedding_model)


def bars_of(job: VideoTables) -> Bars:
    """The steady black bars of a video; raises MissingInputError where it was not read yet."""
    return Bars.from_row(job.table("videos").to_pylist()[0])


def video_stamps(job: VideoTables) -> "VideoStamps":
    """The stamps of a video with a frame or none, from its tables `videos` and `frames`."""
    (video,) = job.table("videos").to_pylist()
    first = job.table("frames").slice(0, 1).to_pylist()
    pts, seconds = (first[0]["pts"], first[0]["pts_seconds"]) if first else (0, 0.0)
    from thumb_assets.video.stamps import VideoStamps

    return VideoStamps.of(video, first_pts=pts, first_seconds=seconds)


def picture_span(job: VideoTables) -> tuple[float, float]:
    """Seconds at which the first frame of a video appears and the last one is gone, on its timeline."""
    frames = job.table("frames")
    if not frames.num_rows:
        return 0.0, 0.0
    begin, last = frames.column("pts_seconds")[0].as_py(), frames.slice(frames.num_rows - 1).to_pylist()[0]
    return begin, max(begin, last["pts_seconds"] + last["duration_seconds"])


@contextmanager
def fetched_frames(
    job: VideoTables, frame_indices: Iterable[int], settings: VideoSettings
) -> "Iterator[Iterator[Frame]]":
    """Those frames, ascending, each fetched exactly when it is asked for. Raises as `FrameFetcher`."""
    from thumb_assets.video.fetch import FrameFetcher

    with FrameFetcher(job.video.path, identities_of(job.table("frames")), settings) as fetcher:
        yield (frame for frame, _method in fetcher.fetch_many(frame_indices))


def verify_pictures(
    verify: Callable[..., Verdict],
    video_id: str,
    table_name: str,
    store: TableStore,
    settings: Settings,
    *,
    folder: Path,
) -> Verdict:
    """Verifies that each picture of a table shows the frame that its row names.

    Args:
        verify: of `export`, as `verify_mapping`.
        folder: the video's pictures.
    """
    return verify(
        Library(store.data_dir).find(video_id).path,
        store.read(table_name, video_id),
        identities=identities_of(store.read("frames", video_id)),
        folder=folder,
        video_settings=settings.video,
        by=settings.export.verification,
    )


def decoding_again(settings: Settings) -> Settings:
    """The settings with which checks decode the frame of each picture again, for somebody who asks for just that."""
    if settings.export.verification != "file":
        return settings
    export = settings.export.model_copy(update={"verification": "decode"})
    return settings.model_copy(update={"export": export})


def num_bytes(pictures: pa.Table) -> int:
    """Bytes of all files that a table of pictures names."""
    total: int | None = pc.sum(pictures.column("num_bytes")).as_py()
    return total or 0


def identities_of(frames: pa.Table) -> "FrameIdentities":
    """Reads the identities that `FrameFetcher` needs from the table `frames`."""
    from thumb_assets.video.fetch import FrameIdentities

    return FrameIdentities(
        pts=frames.column("pts").to_numpy(),
        pts_seconds=frames.column("pts_seconds").to_numpy(),
        luma_hash=_Column(frames.column("luma_hash")),
        chroma_hash=_Column(frames.column("chroma_hash")),
        is_keyframe=frames.column("is_keyframe").to_numpy(zero_copy_only=False),
        field_order=_Column(frames.column("field_order")),
    )


class _Column(Sequence[Any]):
    """A column whose values become Python's one by one, when they are asked for: an hour has 90,000 frames."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._values = column

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: Any) -> Any:
        return self._values[index].as_py()
