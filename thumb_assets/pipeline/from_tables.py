"""The stages that need no model, each out of the tables of one video."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from thumb_assets.candidates import plan_candidates
from thumb_assets.export import export_crops, export_stills
from thumb_assets.http import HttpClient
from thumb_assets.pipeline.guidance import Guides, words_without_embeddings
from thumb_assets.pipeline.job import Made, SkippedError, VideoJob
from thumb_assets.publish import publish_to_http, publish_to_sql, told_stills
from thumb_assets.select.choose import choose
from thumb_assets.select.measure import TABLES_OF_SCORES, ScoreTables, embedding_model_of
from thumb_assets.select.tell import DOUBTFUL, SETTINGS
from thumb_assets.settings import (
    PublishSettings,
    Settings,
    VideoSettings,
    publish_sql_url,
    publish_token,
)
from thumb_assets.store import TableStore, pinned_frames
from thumb_assets.tables import table_from_rows, verify_coverage
from thumb_assets.video import Frame, FrameFetcher, FrameIdentities, Geometry


def choose_candidates(job: VideoJob, settings: Settings) -> Made:
    """The table `candidate_frames`."""
    decisions = job.optional_table("decisions")
    pinned = [] if decisions is None else pinned_frames(decisions)
    table = plan_candidates(job.table("frames"), job.table("shots"), settings.candidates, pinned=pinned)
    return Made({"candidate_frames": table}, {SETTINGS: settings.candidates.model_dump_json()})


def score_tables(job: VideoJob, iqa_footer: Mapping[str, str]) -> ScoreTables:
    """What is known of a video's candidates.

    Args:
        iqa_footer: of the table `iqa_scores`, or of the scorer that made it; it says which way a metric points.
    """
    tables = {name: job.optional_table(name) for name in TABLES_OF_SCORES}
    lower_better = json.loads(iqa_footer.get("lower_better", "{}")) if tables["iqa_scores"] is not None else {}
    frame_size = Geometry.from_row(job.table("videos").to_pylist()[0]).display_size
    embedding_model = None if tables["clip_scores"] is None else embedding_model_of(job.footer("clip_scores"))
    return ScoreTables(**tables, iqa_lower_better=lower_better, frame_size=frame_size, embedding_model=embedding_model)


def select_frames(job: VideoJob, settings: Settings, guides: Guides, iqa_footer: Mapping[str, str]) -> Made:
    """The tables `selections` and `rejections`.

    Args:
        guides: of the run.
        iqa_footer: of the table `iqa_scores`, or of the scorer that made it; it says which way a metric points.
    """
    tables = score_tables(job, iqa_footer)
    clip_footer = job.footer("clip_scores") if tables.clip_scores is not None else {}
    guidance = guides.of_video(job.video_id, clip_footer)
    choice = choose(job.table("candidate_frames"), tables, settings=settings.selection, guidance=guidance)
    metrics: dict[str, int | float | str] = {
        "num_rejections": choice.rejections.num_rows,
        "components": ", ".join(choice.components) or "none",
    }
    scores = {name: job.optional_table(name) for name in ("sharpness", "appearance", "clip_scores", "iqa_scores")}
    unscored = [
        name
        for name, table in scores.items()
        if table is not None and not verify_coverage(job.table("candidate_frames"), table).is_passed
    ]
    notes = [f"{', '.join(unscored)} lack some of the candidates: run these stages again"] if unscored else []
    known = guidance.scorer.embedding_model if guidance.scorer else None
    if known is not None and tables.embedding_model not in {None, known}:
        notes.append(
            f"the learned scorer has no say: it knows embeddings of {known}, not of {tables.embedding_model}; run "
            "`thumb-assets learn` again"
        )
    if note := words_without_embeddings(settings, clip_footer):
        notes.append(note)
    if notes:
        metrics["note"] = "; ".join(notes)
    made = {"selections": choice.selections, "rejections": choice.rejections}
    footer = {
        "components": json.dumps(choice.components),
        SETTINGS: settings.selection.model_dump_json(),
        DOUBTFUL: json.dumps(choice.doubtful),
    }
    return Made(made, footer, metrics)


@contextmanager
def fetched_frames(job: VideoJob, frame_indices: Iterable[int], settings: VideoSettings) -> Iterator[Iterator[Frame]]:
    """Those frames, ascending, each fetched exactly when it is asked for. Raises as `FrameFetcher`."""
    with FrameFetcher(job.video.path, identities_of(job.table("frames")), settings) as fetcher:
        yield (frame for frame, _method in fetcher.fetch_many(frame_indices))


def make_stills(job: VideoJob, settings: Settings, store: TableStore) -> Made:
    """The stills of the selections, and their table."""
    stills = export_stills(
        job.video.path,
        video_id=job.video_id,
        selections=job.table("selections"),
        identities=identities_of(job.table("frames")),
        video_sha256=job.video.sha256,
        stills_dir=store.stills_root,
        settings=settings.stills,
        export_settings=settings.export,
        video_settings=settings.video,
        header=job.header,
        on_swap=partial(store.delete, "stills", job.video_id),
    )
    return Made({"stills": stills}, {}, {"num_bytes": _num_bytes(stills)})


def make_crops(job: VideoJob, settings: Settings, store: TableStore) -> Made:
    """The crops of the stills, and their table.

    Raises:
        SkippedError: none is asked for.
    """
    if not settings.crops.aspect_ratios:
        raise SkippedError('no aspect ratio is asked for: set crops.aspect_ratios, for example ["16:9", "1:1"]')
    crops = export_crops(
        job.video.path,
        video_id=job.video_id,
        stills=job.table("stills"),
        faces=job.optional_table("faces"),
        identities=identities_of(job.table("frames")),
        video_sha256=job.video.sha256,
        crops_dir=store.crops_root,
        settings=settings.crops,
        stills_settings=settings.stills,
        export_settings=settings.export,
        video_settings=settings.video,
        header=job.header,
        on_swap=partial(store.delete, "crops", job.video_id),
    )
    return Made({"crops": crops}, {}, {"num_bytes": _num_bytes(crops)})


def publish(job: VideoJob, settings: Settings, store: TableStore) -> Made:
    """Tells the target of the stills; the table says what it was told of.

    Raises:
        SkippedError: there is no target.
    """
    asked = settings.publish
    if asked.target == "none":
        raise SkippedError("no target is set: publish.target is none")
    stills = told_stills(
        job.table("stills"),
        job.table("selections"),
        folder=store.stills_dir(job.video_id),
        stills_url=asked.stills_url,
    )
    key = _key(job, asked)
    if asked.target == "sql":
        told = stills[:1]
        for still in told:  # a video without a still leaves the row as it is
            publish_to_sql(publish_sql_url(), asked, key=key, still=still)
    else:
        told = stills
        with closing(HttpClient(allowed_hosts=asked.allowed_hosts, timeout_seconds=asked.timeout_seconds)) as client:
            publish_to_http(client, asked, key=key, video_id=job.video_id, stills=told, token=publish_token())
    names = ("rank", "frame_index", "file_name", "file_sha256")
    rows = [
        {"video_id": job.video_id, "target": asked.target, "key": key, **{name: still[name] for name in names}}
        for still in told
    ]
    return Made({"published": table_from_rows("published", rows)})


def _key(job: VideoJob, asked: PublishSettings) -> str:
    path = Path(job.video.source_path)
    keys = {
        "video_id": job.video_id,
        "file_name": path.name,
        "file_stem": path.stem,
        "source_path": job.video.source_path,
    }
    return keys[asked.key]


def identities_of(frames: pa.Table) -> FrameIdentities:
    """What `FrameFetcher` needs, out of the `frames` table."""
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


def _num_bytes(pictures: pa.Table) -> int:
    total: int | None = pc.sum(pictures.column("num_bytes")).as_py()
    return total or 0
