"""Cost of searching a large library: `uv run python -m benchmarks.search [--frames N] [--folder FOLDER]`.

Made-up candidates of videos of 300, with looks in clusters of twenty, as the frames of a shot are, scores drawn at
random and a text for every third. Measured are making the indexes, opening them, and queries of each kind, from the
question to the frames with their reasons; no start of Python, no text encoder, no tables. `--folder` keeps the index,
which takes most of the time.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import click
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.library_index import made_up_vectors
from benchmarks.machine import describe_machine
from thumb_assets.appearance import NUM_DIMENSIONS as NUM_DESCRIPTOR_DIMENSIONS
from thumb_assets.search.conditions import conditions_of
from thumb_assets.search.finder import Finder, Searched
from thumb_assets.search.query import Query
from thumb_assets.select.measure import FACE_VALUES, VALUES, CandidateArrays, FaceArrays
from thumb_assets.select.similarity import comparable_vectors
from thumb_assets.settings.load import load_settings
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.quote_rows import Quotes

NUM_FRAMES, NUM_CANDIDATES, NUM_DIMENSIONS, NUM_QUESTIONS = 1_000_000, 300, 64, 50
_FRAMES_PER_TEXT, _WORDS_PER_TEXT, _NUM_WORDS = 3, 8, 20_000
_NUM_NEAREST = 10


@dataclass(frozen=True)
class SearchCost:
    """Cost of one kind of query in milliseconds: median and greatest on the clock, median of all threads."""

    kind: str
    milliseconds: float
    greatest: float
    cpu_milliseconds: float


@dataclass(frozen=True)
class SearchCosts:
    """Cost of a library.

    Attributes:
        make_seconds: until the index was made; 0 where it was there already.
        open_seconds: until a new process could answer by example.
        recall: the share of the ten nearest of a frame that are found.
    """

    num_frames: int
    make_seconds: float
    open_seconds: float
    recall: float
    queries: tuple[SearchCost, ...]


def measure_search(folder: Path, *, num_frames: int = NUM_FRAMES, num_questions: int = NUM_QUESTIONS) -> SearchCosts:
    """Makes a library up, makes its index in a folder where it is not there, and asks it."""
    searched, settings, store = made_up_library(num_frames), load_settings(), TableStore(folder)
    random = np.random.default_rng(1)
    measured = searched.measured
    examples = []
    for position in random.choice(len(measured.frame_indices), num_questions, replace=False).tolist():
        video = int(np.searchsorted(measured.offsets, position, side="right")) - 1
        examples.append((measured.video_ids[video], int(measured.frame_indices[position])))
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        finder = Finder(searched, settings, store)
        finder.find(Query(like=examples[0]))
        seconds.append(time.perf_counter() - started)
    words = [f"word{a} word{b}" for a, b in random.integers(0, 200, (num_questions, 2))]
    ranges = conditions_of(["luma_mean>=100", "text_share<0.05"])
    asked: dict[str, Callable[[int], Query]] = {
        "by example": lambda number: Query(like=examples[number]),
        "by example, within ranges of two scores": lambda number: Query(like=examples[number], ranges=ranges),
        "by example, within a narrow range": lambda number: Query(
            like=examples[number], ranges=conditions_of(["luma_mean>=198"])
        ),
        "by ranges of two scores": lambda _: Query(ranges=ranges),
        "by words, over the texts": lambda number: Query(words=words[number]),
    }
    costs = tuple(_cost(kind, finder, query, num_questions) for kind, query in asked.items())
    return SearchCosts(
        len(measured.frame_indices),
        seconds[0] if seconds[0] > 3 * seconds[1] else 0.0,
        seconds[1],
        _recall(finder, searched, examples[:20]),
        costs,
    )


def made_up_library(num_frames: int) -> Searched:
    """Candidates, scores and texts of videos of 300 candidates, four to a shot."""
    num_videos = -(-num_frames // NUM_CANDIDATES)
    num = num_videos * NUM_CANDIDATES
    random = np.random.default_rng(0)
    video_ids = tuple(f"video-{number:08x}" for number in range(num_videos))
    values = {name: random.random(num) for name in VALUES}
    values |= {
        "luma_mean": random.uniform(0, 200, num),
        "pts_seconds": np.tile(np.arange(NUM_CANDIDATES) * 2.0, num_videos),
    }
    offsets = np.arange(num_videos + 1) * NUM_CANDIDATES
    measured = CandidateArrays(
        video_ids=video_ids,
        offsets=offsets,
        frame_indices=np.tile(np.arange(NUM_CANDIDATES) * 50, num_videos),
        shot_indices=np.tile(np.arange(NUM_CANDIDATES) // 4, num_videos),
        values=values,
        difference_hash=random.integers(0, 1 << 63, num).astype(np.uint64),
        iqa={},
        embeddings=_by_video(num, NUM_DIMENSIONS),
        descriptors=_by_video(num, NUM_DESCRIPTOR_DIMENSIONS),
        faces=FaceArrays(np.zeros(num_videos + 1, np.int64), np.zeros(0, np.int64), *[np.zeros(0)] * len(FACE_VALUES)),
        has_faces=np.zeros(num_videos, np.bool_),
        frame_sizes=np.full((num_videos, 2), 720),
        embedding_models=("made-up (none)",) * num_videos,
    )
    return Searched(measured, dict.fromkeys(video_ids, "made-up"), _made_up_quotes(random, video_ids), {})


def _by_video(num: int, num_dimensions: int) -> tuple[NDArray[np.float16], ...]:
    vectors = made_up_vectors(num, num_dimensions).astype(np.float16)
    return tuple(vectors[start : start + NUM_CANDIDATES] for start in range(0, num, NUM_CANDIDATES))


def _made_up_quotes(random: np.random.Generator, video_ids: tuple[str, ...]) -> Quotes:
    of_video = NUM_CANDIDATES // _FRAMES_PER_TEXT
    num = of_video * len(video_ids)
    numbers = np.minimum(random.zipf(1.3, (num, _WORDS_PER_TEXT)) - 1, _NUM_WORDS - 1)
    words = [[f"word{number}" for number in dict.fromkeys(row)] for row in numbers.tolist()]
    return Quotes(
        video_ids=video_ids,
        contents=("made-up",) * len(video_ids),
        offsets=np.arange(len(video_ids) + 1) * of_video,
        sources=np.zeros(num, np.int64),
        texts=pa.array([" ".join(each) for each in words]),
        seconds=np.zeros(num),
        frame_indices=np.tile(np.arange(of_video) * 50 * _FRAMES_PER_TEXT, len(video_ids)),
        words=pa.array(words),
    )


def _cost(kind: str, finder: Finder, query: Callable[[int], Query], num_questions: int) -> SearchCost:
    finder.find(query(0))
    seconds, cpu_seconds = [], []
    for number in range(num_questions):
        wall, cpu = time.perf_counter(), time.process_time()
        finder.find(query(number))
        seconds.append(time.perf_counter() - wall)
        cpu_seconds.append(time.process_time() - cpu)
    return SearchCost(kind, 1e3 * median(seconds), 1e3 * max(seconds), 1e3 * median(cpu_seconds))


def _recall(finder: Finder, searched: Searched, examples: list[tuple[str, int]]) -> float:
    """Compared are the best frames of the nearest shots, with what comparing with every frame gives."""
    measured, similarity = searched.measured, load_settings().selection.similarity
    per_shot = 4
    places = [(measured.video_ids.index(video_id), index // 50) for video_id, index in examples]

    def looks(video: int) -> NDArray[np.float32]:
        made = comparable_vectors(measured.embeddings[video], measured.descriptors[video], settings=similarity)
        assert made is not None
        return made

    questions = np.stack([looks(video)[row] for video, row in places])
    cosines = np.concatenate([looks(video) @ questions.T for video in range(len(measured.video_ids))])
    of_shots = cosines.reshape(-1, per_shot, len(examples))
    hits = 0
    for number, ((video, row), example) in enumerate(zip(places, examples, strict=True)):
        best = of_shots[:, :, number].max(axis=1)
        best[(video * NUM_CANDIDATES + row) // per_shot] = -1
        shots = np.argsort(-best)[:_NUM_NEAREST]
        frames = shots * per_shot + of_shots[shots, :, number].argmax(axis=1)
        exact = {(measured.video_ids[f // NUM_CANDIDATES], f % NUM_CANDIDATES * 50) for f in frames.tolist()}
        found = finder.find(Query(like=example, limit=_NUM_NEAREST)).found
        hits += len(exact & {(each.video_id, each.frame_index) for each in found})
    return hits / (_NUM_NEAREST * len(examples))


def render(costs: SearchCosts) -> str:
    """Lines of Markdown."""
    about = f"{costs.num_frames:,} frames: index made in {costs.make_seconds:.0f} s (0: it was there), opened in "
    lines = [
        f"{about}{costs.open_seconds:.1f} s, recall of the {_NUM_NEAREST} nearest {costs.recall:.3f}",
        "",
        "| query | median ms | greatest ms | CPU ms |",
        "|---|---|---|---|",
        *(
            f"| {each.kind} | {each.milliseconds:.0f} | {each.greatest:.0f} | {each.cpu_milliseconds:.0f} |"
            for each in costs.queries
        ),
    ]
    return "\n".join(lines)


@click.command()
@click.option("--frames", type=click.IntRange(min=NUM_CANDIDATES), default=NUM_FRAMES, show_default=True)
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Keeps the index; default: none does.")
def main(*, frames: int, folder: Path | None) -> None:
    """Print what searching a library of so many frames costs."""
    click.echo(f"{describe_machine()}\n")
    with tempfile.TemporaryDirectory(prefix="thumb-assets-search-") as temporary:
        click.echo(render(measure_search(folder or Path(temporary), num_frames=frames)))


if __name__ == "__main__":
    main()
