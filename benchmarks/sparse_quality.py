"""The sparse pass beside the full one: CPU, shots, and the quality of the frames that it picks.

`python -m benchmarks.sparse_quality` measures the made clips; `--clip` names others, `--gop` encodes each clip again
with a sync frame every 120 frames, once as x264 does by default and once without its extra ones at scene cuts.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import click
import numpy as np
import pyarrow as pa

from benchmarks.clips import ClipShelf
from benchmarks.recipes import FIXED_GOP, WEB
from benchmarks.sources import find_sources
from thumb_assets.candidates.plan import plan_candidates
from thumb_assets.errors import ThumbAssetsError
from thumb_assets.events import UNWATCHED
from thumb_assets.pipeline.engine import run
from thumb_assets.pipeline.result import StageResult
from thumb_assets.pipeline.sparse_pass import SparsePass
from thumb_assets.select.choose import choose
from thumb_assets.select.measure import ScoreTables
from thumb_assets.settings.load import Settings, load_settings
from thumb_assets.settings.selection import RejectSettings, SelectionSettings
from thumb_assets.store.file_cache import LibraryVideo
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import table_from_rows
from thumb_assets.video.groups import IndexedDecoder

_SPARSE_STAGES = ("videos", "frames", "shots", "candidate_frames")
_SCORERS = ("sharpness", "appearance", "clip_scores", "iqa_scores")
_STAGES = (*_SPARSE_STAGES, *_SCORERS, "selections")
_TOLERANCE_SECONDS = 0.2
_GOP_SIZE, _MAX_LINES = 120, 720
_ENCODINGS = {"scene cuts": {}, "fixed": {"x264-params": "scenecut=0"}}
# Every candidate with its score: no rule drops one that can be met by a picture of a file that is whole.
_ALL = SelectionSettings(
    top_k=1000,
    min_gap_seconds=0,
    distinct_shots=False,
    diversify="none",
    reject=RejectSettings(
        min_luma_mean=0,
        max_dark_share=1,
        max_luma_mean=255,
        max_bright_share=1,
        min_luma_std=0,
        min_luma_entropy=0,
        no_damage=False,
        max_share=0,
    ),
)


@dataclass(frozen=True)
class Comparison:
    """Findings on one clip.

    Attributes:
        reason: why the sparse pass was not possible; the rest is then None.
        cpu_share: CPU of the sparse pass, models and stills apart, of decoding every frame.
        num_shots: of the full pass; `exact` and `near` are how many of their starts the sparse pass has too.
        num_sparse_shots: of the sparse pass; `true` is how many of their starts the full pass has within the tolerance.
        score_ratio: mean combined score of its picks over that of the full pass's, ranked in one pool.
    """

    name: str
    reason: str | None = None
    cpu_share: float | None = None
    num_shots: int = 0
    exact: int = 0
    near: int = 0
    num_sparse_shots: int = 0
    true: int = 0
    score_ratio: float | None = None


@click.command()
@click.option("--clip", "clips", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--gop", "is_encoded", is_flag=True, help="Encode each clip again with a sync frame every 120 frames.")
@click.option("--no-models", is_flag=True, help="Rank by sharpness alone.")
def main(clips: tuple[Path, ...], *, is_encoded: bool, no_models: bool) -> None:
    """Prints a Markdown table."""
    stages = tuple(stage for stage in _STAGES if not (no_models and stage in {"clip_scores", "iqa_scores"}))
    click.echo(_HEAD)
    rows = []
    with tempfile.TemporaryDirectory(prefix="thumb-assets-sparse-") as folder:
        for name, path in _inputs(clips or tuple(_default_clips()), Path(folder), is_encoded=is_encoded):
            try:
                row = compare(path, name=name, stages=stages, folder=Path(folder))
            except ThumbAssetsError as error:
                click.echo(f"| {name} | no video: {str(error).rpartition(': ')[2]} | | | | |")
                continue
            rows.append(row)
            click.echo(_line(row))
    click.echo(_total(rows))


def compare(path: Path, *, name: str, stages: Sequence[str], folder: Path) -> Comparison:
    """Both passes over one clip.

    Raises:
        ThumbAssetsError: the file cannot be used.
    """
    full, sparse = load_settings(), load_settings("sparse")
    with _store(folder, path) as (video_id, full_store), _store(folder, path) as (_, sparse_store):
        full_results = _run(video_id, stages, full, full_store)
        sparse_results = _run(video_id, stages, sparse, sparse_store)
        note = sparse_results["frames"].metrics.get("note")
        if note is not None:
            return Comparison(name, reason=str(note).removeprefix("sparse pass not possible: ").rpartition(";")[0])
        frames = full_results["frames"].tables["frames"]
        _require_same_frames(frames, sparse_results["frames"].tables["frames"])
        shots, sparse_shots = (
            each["shots"].tables["shots"].column("start_frame_index").to_pylist()[1:]
            for each in (full_results, sparse_results)
        )
        seconds = frames.column("pts_seconds").to_numpy()
        return Comparison(
            name,
            cpu_share=_cpu_share(path, Library(full_store.data_dir).find(video_id), sparse),
            num_shots=len(shots),
            exact=len(set(shots) & set(sparse_shots)),
            near=_num_near(shots, sparse_shots, seconds),
            num_sparse_shots=len(sparse_shots),
            true=_num_near(sparse_shots, shots, seconds),
            score_ratio=_score_ratio(video_id, full_results, sparse_results, full, full_store),
        )


def _num_near(starts: Sequence[int], others: Sequence[int], seconds: np.ndarray) -> int:
    return sum(any(abs(seconds[start] - seconds[other]) <= _TOLERANCE_SECONDS for other in others) for start in starts)


def _require_same_frames(frames: pa.Table, sparse_frames: pa.Table) -> None:
    """Every frame at its place, every hash the one of the full pass: nothing else counts otherwise."""
    is_same = sparse_frames.column("pts").equals(frames.column("pts"))
    for name in ("luma_hash", "chroma_hash"):
        pairs = zip(sparse_frames.column(name).to_pylist(), frames.column(name).to_pylist(), strict=is_same)
        is_same = is_same and all(own is None or own == other for own, other in pairs)
    if not is_same:
        raise RuntimeError("the sparse pass has a frame at a wrong place")


def _score_ratio(
    video_id: str,
    full: dict[str, StageResult],
    sparse: dict[str, StageResult],
    settings: Settings,
    store: TableStore,
) -> float | None:
    """Both runs' candidates are scored and ranked together, by the full pass's tables."""
    candidates = [each["candidate_frames"].tables["candidate_frames"] for each in (full, sparse)]
    starts = full["shots"].tables["shots"].column("start_frame_index").to_numpy()
    by_frame = {row["frame_index"]: row for table in candidates for row in table.to_pylist()}
    for row in by_frame.values():
        row["shot_index"] = int(np.searchsorted(starts, row["frame_index"], side="right")) - 1
    pool = table_from_rows("candidate_frames", by_frame.values())
    footer = store.footer("candidate_frames", video_id) or {}
    footer = {key: value for key, value in footer.items() if key not in {"table", "schema_version"}}
    store.write("candidate_frames", pool, video_id=video_id, footer=footer)
    scored = [stage for stage in _SCORERS if stage in full and full[stage].status == "done"]
    results = _run(video_id, scored, settings, store, is_recomputed=True)
    tables = {stage: results[stage].tables[stage] for stage in scored}
    footer = store.footer("iqa_scores", video_id) or {}
    # The score has to be the same measure for both: of the full pass's frames, whose differences are all known.
    tables |= {name: full[name].tables[name] for name in ("frames", "shots")}
    scores = ScoreTables.of(tables, iqa_lower_better=json.loads(footer.get("lower_better", "{}")))
    choice = choose(pool, scores, settings=_ALL)
    score = {row["frame_index"]: row["combined_score"] for row in choice.selections.to_pylist()}
    means = []
    for each in (full, sparse):
        picks = each["selections"].tables["selections"].column("frame_index").to_pylist()
        means.append(float(np.mean([score[frame_index] for frame_index in picks])))
    return means[1] / means[0] if means[0] else None


def _cpu_share(path: Path, video: LibraryVideo, settings: Settings) -> float:
    """CPU of the sparse pass, from opening the file to its tables and candidates, over that of decoding alone."""

    def sparse_pass() -> None:
        with IndexedDecoder(path, settings.video) as source:
            stages = frozenset({"videos", "frames", "shots"})
            result = SparsePass(video, stages=stages, settings=settings, rule=None, scorers=()).run(source, UNWATCHED)
        plan_candidates(result.tables["frames"], result.tables["shots"], settings.candidates)

    return _cpu_seconds(sparse_pass) / _cpu_seconds(lambda: _decode_all(path))


def _decode_all(path: Path) -> None:
    with av.open(f"file:{path}") as container:
        stream = container.streams.best("video")
        stream.codec_context.thread_type = "AUTO"
        for packet in container.demux(stream):
            packet.decode()


def _cpu_seconds(work: Callable[[], None]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def _run(
    video_id: str, stages: Sequence[str], settings: Settings, store: TableStore, *, is_recomputed: bool = False
) -> dict[str, StageResult]:
    results = {each.stage: each for each in run([video_id], stages, settings, store, is_recomputed=is_recomputed)}
    for result in results.values():
        if result.error is not None:
            raise result.error
    return results


@contextmanager
def _store(folder: Path, path: Path) -> Iterator[tuple[str, TableStore]]:
    with tempfile.TemporaryDirectory(dir=folder) as data_dir:
        videos, errors = Library(Path(data_dir)).register([path])
        if errors:
            raise errors[0]
        yield videos[0].video_id, TableStore(Path(data_dir))


def _default_clips() -> Iterator[Path]:
    shelf = ClipShelf(None, is_quick=False)
    yield from (source.path for source in find_sources(None))
    yield shelf.clip(FIXED_GOP).path
    yield shelf.clip(WEB).path


def _inputs(clips: Sequence[Path], folder: Path, *, is_encoded: bool) -> Iterator[tuple[str, Path]]:
    for path in clips:
        if not is_encoded:
            yield path.name, path
            continue
        for number, (about, options) in enumerate(_ENCODINGS.items()):
            encoded = folder / f"{path.stem}-{number}.mp4"
            try:
                _encode(path, encoded, options)
            except (av.error.FFmpegError, StopIteration):
                break  # no video: there is nothing to compare
            yield f"{path.name}, {about}", encoded
            encoded.unlink()


def _encode(source: Path, target: Path, options: dict[str, str]) -> None:
    with av.open(f"file:{source}") as container, av.open(str(target), "w") as output:
        video = container.streams.best("video")
        if video is None:
            raise StopIteration
        pictures = container.decode(video)
        first = next(pictures)
        factor = min(1.0, _MAX_LINES / first.height)
        width, height = (round(side * factor) // 2 * 2 or 2 for side in (first.width, first.height))
        rate = video.average_rate or Fraction(25)
        stream = output.add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": "23", **options})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = _GOP_SIZE
        for number, picture in enumerate(picture for group in ((first,), pictures) for picture in group):
            smaller = picture.reformat(width=width, height=height, format="yuv420p")
            smaller.pts, smaller.time_base = number, 1 / rate
            smaller.pict_type = av.video.frame.PictureType.NONE  # the source's own would ask for sync frames
            output.mux(stream.encode(smaller))
        output.mux(stream.encode(None))


_HEAD = (
    f"| clip | CPU of decoding alone | shots of the full pass found: exact, within {_TOLERANCE_SECONDS} s"
    " | its own that are right | score of its picks |\n|---|---|---|---|---|"
)


def _line(row: Comparison) -> str:
    if row.reason is not None:
        return f"| {row.name} | every frame: {row.reason} | | | |"
    score = "" if row.score_ratio is None else f"{row.score_ratio:.1%}"
    return (
        f"| {row.name} | {row.cpu_share:.0%} | {row.exact}, {row.near} of {row.num_shots} "
        f"| {row.true} of {row.num_sparse_shots} | {score} |"
    )


def _total(rows: Sequence[Comparison]) -> str:
    done = [row for row in rows if row.reason is None]
    scores = [row.score_ratio for row in done if row.score_ratio is not None]
    near, num_shots = sum(row.near for row in done), sum(row.num_shots for row in done)
    true, own = sum(row.true for row in done), sum(row.num_sparse_shots for row in done)
    exact = sum(row.exact for row in done)
    score = f"mean {np.mean(scores):.1%}, least {min(scores):.1%}" if scores else ""
    return f"| {len(done)} of {len(rows)} | | {exact}, {near} of {num_shots} | {true} of {own} | {score} |"


if __name__ == "__main__":
    main()
