"""Cost of selecting a library again: `uv run python -m benchmarks.what_if [--runs N] [--videos N] [--candidates N]`.

Made-up tables of many videos, stored as the engine stores them; measured is all that `what_if` does after the first
time: looking at every file, reading what is stored, selecting, comparing. No start of Python, no text encoder.
"""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

import click
import numpy as np
import pyarrow as pa

from benchmarks.machine import describe_machine
from thumb_assets.appearance import NUM_DIMENSIONS as NUM_DESCRIPTOR_DIMENSIONS
from thumb_assets.clip.scorer import Prompts
from thumb_assets.library.what_if import NewPrompts, what_if
from thumb_assets.select.choose import pick
from thumb_assets.select.measure import TABLES_OF_SCORES, ScoreTables, arrays_from_tables
from thumb_assets.settings.load import load_settings
from thumb_assets.settings.selection import SelectionSettings
from thumb_assets.store.kept_candidates import KeptCandidates
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import conform
from thumb_assets.tables.contracts import TABLES
from thumb_assets.tables.declaration import Column

NUM_VIDEOS, NUM_CANDIDATES = 1000, 300
NUM_DIMENSIONS = (64, 768)
_NUM_POSITIVE, _NUM_NEGATIVE, _NUM_TITLE_CARD = 1, 4, 3
_FRAME_SIZE = (1920, 1080)
_MODEL = {"model_name": "made-up", "pretrained": "none"}
_FOOTER = {
    "video_sha256": "a" * 64,
    "settings_sha256": "b" * 64,
    "tool_versions": "{}",
    "lower_better": '{"piqe": true}',
    "prompts_sha256": "c" * 64,
    **_MODEL,
}
_CHANGES = {
    "top_k": ("selection.top_k=5",),
    "weights": ("selection.weights.sharpness=1", "selection.weights.clip=0.1"),
    "least gap and reject rules": ("selection.min_gap_seconds=10", "selection.reject.min_luma_mean=40"),
    "shots may repeat, 50 places": ("selection.distinct_shots=false", "selection.top_k=50"),
    "keyframes": ("selection.strategy=keyframes", "selection.top_k=50"),
}
# A real video of that length has dozens of frames to each candidate. They are read the first time only, and what is
# looked at of them then is what lies around the candidates.
_FRAMES_PER_CANDIDATE = 4
_SECONDS_BETWEEN, _CANDIDATES_PER_SHOT = 2.0, 4


@dataclass(frozen=True)
class Cost:
    """Cost of one change, the median of the runs: seconds on the clock, and of all threads.

    Attributes:
        num_videos: of the library, or 1.
        is_first: whether all tables were read for it, as happens once after they were made.
    """

    change: str
    wall_seconds: float
    cpu_seconds: float
    num_changed: int
    num_videos: int
    is_first: bool = False


# Seconds on the clock, of all threads, and the number of videos that change.
_Timing = tuple[float, float, int]


def measure_what_if(
    *, num_runs: int = 5, num_videos: int = NUM_VIDEOS, num_candidates: int = NUM_CANDIDATES
) -> list[Cost]:
    """Makes the tables in a temporary folder and measures each change.

    Args:
        num_runs: repetitions, apart from the first time, which reads the tables and is a row of its own.
    """
    costs = []
    with tempfile.TemporaryDirectory(prefix="thumb-assets-what-if-") as folder:
        store = TableStore(Path(folder))
        write_library(store, num_videos, num_candidates)
        cost_of = partial(_cost, num_videos)
        for change, overrides in _CHANGES.items():
            run = partial(_num_changes, store, overrides)
            if not costs:
                costs.append(replace(cost_of(f"{change}, the very first time", [_timed(run)]), is_first=True))
            costs.append(cost_of(change, [_timed(run) for _ in range(num_runs)]))
        for num_dimensions in NUM_DIMENSIONS:
            write_clip_scores(store, num_videos, num_candidates, num_dimensions)
            run = partial(_num_changes, store, (), _made_up_prompts(num_dimensions))
            change = f"prompts, {num_dimensions} dimensions"
            first = cost_of(f"{change}, the first time after `clip_scores`", [_timed(run)])
            costs.append(replace(first, is_first=True))
            costs.append(cost_of(change, [_timed(run) for _ in range(num_runs)]))
        costs.append(_cost(1, "weights of one video", _of_one_video(store, num_runs)))
    return costs


def _of_one_video(store: TableStore, num_runs: int) -> list[_Timing]:
    """Runs in turn with weights that differ from those before, over candidates that stay in memory."""
    kept, names = KeptCandidates(store), [video_id_of(0)]
    weights = [load_settings(overrides=[f"selection.weights.sharpness={number}"]) for number in range(num_runs + 1)]
    runs = [partial(what_if, store, settings, video_ids=names, kept=kept) for settings in weights]
    timings = [_timed(lambda run=run: len(run().changes)) for run in runs]  # type: ignore[misc]
    return timings[1:]


def render(costs: Sequence[Cost]) -> str:
    """A Markdown table."""
    lines = ["| change | wall s | CPU s | videos that change |", "|---|---|---|---|"]
    lines += [f"| {c.change} | {c.wall_seconds:.3f} | {c.cpu_seconds:.3f} | {c.num_changed} |" for c in costs]
    return "\n".join(lines) + "\n"


def video_id_of(number: int) -> str:
    """Id of a made-up video."""
    return f"video-{number:08x}"


def write_library(store: TableStore, num_videos: int, num_candidates: int) -> None:
    """Tables of videos with a candidate every two seconds, four to a shot, scores and looks drawn at random."""
    random = np.random.default_rng(0)
    for number in range(num_videos):
        video_id = video_id_of(number)
        tables = _tables(random, video_id, num_candidates)
        measured = arrays_from_tables(tables["candidate_frames"], score_tables(tables))
        (chosen,) = pick(measured, settings=SelectionSettings()).chosen
        selections = {
            "frame_index": measured.frame_indices[chosen],
            "pts_seconds": measured["pts_seconds"][chosen],
            "rank": np.arange(len(chosen)) + 1,
        }
        tables["selections"] = _table("selections", video_id, selections, len(chosen))
        for name, table in tables.items():
            store.write(name, table, video_id=video_id, footer=_FOOTER)


def score_tables(tables: Mapping[str, pa.Table]) -> ScoreTables:
    """Those of the made-up tables that say something of candidates."""
    scores = {name: tables[name] for name in TABLES_OF_SCORES if name in tables}
    return ScoreTables.of(scores, iqa_lower_better={"piqe": True}, frame_size=_FRAME_SIZE)


def write_clip_scores(store: TableStore, num_videos: int, num_candidates: int, num_dimensions: int) -> None:
    """The table `clip_scores` of every video again, with other scores and embeddings."""
    random = np.random.default_rng(num_dimensions)
    for number in range(num_videos):
        video_id = video_id_of(number)
        table = _clip_scores(random, video_id, num_candidates, num_dimensions)
        store.write("clip_scores", table, video_id=video_id, footer=_FOOTER)


def _num_changes(store: TableStore, overrides: Sequence[str], prompts: NewPrompts | None = None) -> int:
    return len(what_if(store, load_settings(overrides=overrides), prompts=prompts).changes)


def _tables(random: np.random.Generator, video_id: str, num: int) -> dict[str, pa.Table]:
    frame_index = np.arange(num) * _FRAMES_PER_CANDIDATE
    with_face = frame_index[::3]
    given: dict[str, dict[str, object]] = {
        "candidate_frames": {
            "pts_seconds": np.arange(num) * _SECONDS_BETWEEN,
            "shot_index": np.arange(num) // _CANDIDATES_PER_SHOT,
            "sampling_methods": [["uniform"]] * num,
        },
        "sharpness": {
            "laplacian_variance": random.gamma(2, 50, num),
            "luma_mean": random.uniform(0, 200, num),
            "luma_std": random.uniform(5, 80, num),
        },
        "appearance": {
            **{name: random.beta(1, 12, num) for name in ("dark_share", "bright_share", "text_share", "bar_share")},
            "luma_entropy": random.uniform(2, 8, num),
            "difference_hash": [f"{each:016x}" for each in random.integers(0, 2**63, num)],
            "descriptor": _vectors(np.abs(random.standard_normal((num, NUM_DESCRIPTOR_DIMENSIONS), np.float32))),
        },
        "iqa_scores": {"metric": ["piqe"] * num, "iqa_score": random.uniform(10, 90, num)},
    }
    made = {
        name: _table(name, video_id, {"frame_index": frame_index, **columns}, num) for name, columns in given.items()
    }
    faces = {"frame_index": with_face, "confidence": random.uniform(0.5, 1, len(with_face))}
    made["faces"] = _table("faces", video_id, faces, len(with_face))
    made["videos"] = _table("videos", video_id, {"width": _FRAME_SIZE[0], "height": _FRAME_SIZE[1]}, 1)
    made["clip_scores"] = _clip_scores(random, video_id, num, NUM_DIMENSIONS[0])
    made["frames"], made["shots"] = _frames(random, video_id, num), _shots(video_id, num)
    return made


def _frames(random: np.random.Generator, video_id: str, num_candidates: int) -> pa.Table:
    num = num_candidates * _FRAMES_PER_CANDIDATE
    columns = {
        "frame_index": np.arange(num),
        "pts_seconds": np.arange(num) * _SECONDS_BETWEEN / _FRAMES_PER_CANDIDATE,
        "duration_seconds": np.full(num, _SECONDS_BETWEEN / _FRAMES_PER_CANDIDATE),
        "is_keyframe": np.arange(num) % 50 == 0,
        "is_corrupt": random.uniform(size=num) < 0.0005,
        "luma_hash": "0" * 32,
        "luma_mean": random.normal(100, 8, num),
        "luma_std": random.normal(50, 3, num),
        "laplacian_variance": random.normal(100, 10, num),
        "frame_difference": random.gamma(2, 4, num),
    }
    return _table("frames", video_id, columns, num)


def _shots(video_id: str, num_candidates: int) -> pa.Table:
    num_frames, length = num_candidates * _FRAMES_PER_CANDIDATE, _CANDIDATES_PER_SHOT * _FRAMES_PER_CANDIDATE
    starts = np.arange(0, num_frames, length)
    columns = {
        "shot_index": np.arange(len(starts)),
        "start_frame_index": starts,
        "exclusive_end_frame_index": np.minimum(starts + length, num_frames),
        "transition": ["dissolve" if number % 7 == 3 else "cut" for number in range(len(starts))],
    }
    return _table("shots", video_id, columns, len(starts))


def _clip_scores(random: np.random.Generator, video_id: str, num: int, num_dimensions: int) -> pa.Table:
    columns = {
        "frame_index": np.arange(num) * _FRAMES_PER_CANDIDATE,
        "clip_score": random.normal(0, 0.05, num),
        "positive_similarity": random.normal(0.25, 0.04, num),
        "title_card_similarity": random.normal(0.2, 0.05, num),
        "embedding": _vectors(random.standard_normal((num, num_dimensions), np.float32)),
    }
    return _table("clip_scores", video_id, columns, num)


def _vectors(values: np.ndarray) -> pa.Array:
    of_norm_1 = values / np.linalg.norm(values, axis=1, keepdims=True)
    return pa.FixedSizeListArray.from_arrays(pa.array(of_norm_1.astype(np.float16).reshape(-1)), values.shape[1])


def _table(name: str, video_id: str, given: Mapping[str, object], num_rows: int) -> pa.Table:
    """A table of the contract; columns that are not given hold one value that will do."""
    columns = {}
    for column in TABLES[name].columns:
        values = video_id if column.name == "video_id" else given.get(column.name, _filler(column))
        is_one = np.isscalar(values) or values is None
        columns[column.name] = pa.array([values] * num_rows if is_one else values)
    return conform(name, pa.table(columns))


def _filler(column: Column) -> object:
    if column.is_nullable:
        return None
    if pa.types.is_string(column.type):
        return column.choices[0] if column.choices else column.name
    if pa.types.is_boolean(column.type):
        return False
    return 0 if column.name.endswith(("_degrees", "_index")) else 100


def _made_up_prompts(num_dimensions: int) -> NewPrompts:
    random = np.random.default_rng(1)
    numbers = (_NUM_POSITIVE, _NUM_NEGATIVE, _NUM_TITLE_CARD)
    texts = random.standard_normal((sum(numbers), num_dimensions)).astype(np.float32)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    prompts = Prompts(*np.split(texts, np.cumsum(numbers)[:-1]))
    return NewPrompts(prompts, _MODEL | {"prompts_sha256": "d" * 64})


def _timed(run: Callable[[], int]) -> _Timing:
    wall, cpu = time.perf_counter(), time.process_time()
    num_changed = run()
    return time.perf_counter() - wall, time.process_time() - cpu, num_changed


def _cost(num_videos: int, change: str, runs: Sequence[_Timing]) -> Cost:
    walls, cpus, num_changed = zip(*runs, strict=True)
    return Cost(change, median(walls), median(cpus), num_changed[0], num_videos)


@click.command()
@click.option("--runs", type=click.IntRange(1), default=5, show_default=True, help="Repetitions; the median counts.")
@click.option("--videos", type=click.IntRange(1), default=NUM_VIDEOS, show_default=True)
@click.option("--candidates", type=click.IntRange(1), default=NUM_CANDIDATES, show_default=True, help="Per video.")
def main(*, runs: int, videos: int, candidates: int) -> None:
    """Measure what selecting a library anew costs, and print a Markdown table."""
    costs = measure_what_if(num_runs=runs, num_videos=videos, num_candidates=candidates)
    click.echo(f"{videos} videos of {candidates} candidates, median of {runs}  \n{describe_machine()}\n")
    click.echo(render(costs), nl=False)


if __name__ == "__main__":
    main()
