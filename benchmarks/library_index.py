"""Cost of finding neighbours in a large library: `uv run python -m benchmarks.library_index [--vectors N]`.

Made-up vectors in clusters, as a library has them: twenty frames of a shot near each other, shots anywhere. Measured
are building the index, asking it and comparing a question with every vector, all in the same run, and how many of the
ten nearest the index finds (recall@10).
"""

import time
from dataclasses import dataclass

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe_machine
from thumb_assets.survey.index import VectorIndex

NUM_VECTORS, NUM_DIMENSIONS, NUM_QUESTIONS, NUM_NEAREST = 1_000_000, 256, 200, 10
_FRAMES_PER_SHOT = 20
# Of the noise within a shot, against the length of its middle: cosines of about 0.95.
_NOISE = 0.23
_ROWS_PER_BLOCK = 50_000
# The survey asks so many at a time.
_MANY = 10_000


@dataclass(frozen=True)
class IndexCost:
    """Cost of one library.

    Attributes:
        build_seconds, build_cpu_seconds: of the index, on the clock and of all threads.
        question_seconds: per question of NUM_QUESTIONS at once. many_seconds: of as many as the survey asks at once.
        exact_seconds: per question, compared with every vector.
        recall: of the NUM_NEAREST nearest, the share that the index finds.
    """

    num_vectors: int
    num_dimensions: int
    build_seconds: float
    build_cpu_seconds: float
    question_seconds: float
    many_seconds: float
    exact_seconds: float
    recall: float


def measure_index(*, num_vectors: int = NUM_VECTORS, num_dimensions: int = NUM_DIMENSIONS) -> IndexCost:
    """Builds the index of made-up vectors, and asks it and every vector the same questions."""
    vectors = made_up_vectors(num_vectors, num_dimensions)
    random = np.random.default_rng(1)
    chosen = random.choice(num_vectors, min(NUM_QUESTIONS, num_vectors), replace=False)
    wall, cpu = time.perf_counter(), time.process_time()
    index = VectorIndex.of(vectors)
    build_seconds, build_cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    started = time.perf_counter()
    found, _ = index.nearest(vectors[chosen], number=NUM_NEAREST)
    question_seconds = (time.perf_counter() - started) / len(chosen)
    many = vectors[:_MANY]
    started = time.perf_counter()
    index.nearest(many, number=NUM_NEAREST)
    many_seconds = (time.perf_counter() - started) / len(many)
    started = time.perf_counter()
    exact = _nearest(vectors, vectors[chosen], NUM_NEAREST)
    exact_seconds = (time.perf_counter() - started) / len(chosen)
    hits = [len(set(one) & set(other)) for one, other in zip(found.tolist(), exact.tolist(), strict=True)]
    return IndexCost(
        num_vectors=num_vectors,
        num_dimensions=num_dimensions,
        build_seconds=build_seconds,
        build_cpu_seconds=build_cpu_seconds,
        question_seconds=question_seconds,
        many_seconds=many_seconds,
        exact_seconds=exact_seconds,
        recall=sum(hits) / (NUM_NEAREST * len(chosen)),
    )


def made_up_vectors(number: int, num_dimensions: int) -> NDArray[np.float32]:
    """(number, num_dimensions) float32 of L2 norm 1, in clusters of _FRAMES_PER_SHOT, in no order."""
    random = np.random.default_rng(0)
    middles = random.standard_normal((-(-number // _FRAMES_PER_SHOT), num_dimensions), np.float32)
    vectors = np.repeat(middles, _FRAMES_PER_SHOT, axis=0)[:number]
    for start in range(0, number, _ROWS_PER_BLOCK):
        block = vectors[start : start + _ROWS_PER_BLOCK]
        block += _NOISE * random.standard_normal(block.shape, np.float32)
        block /= np.linalg.norm(block, axis=1, keepdims=True)
    random.shuffle(vectors)
    return vectors


def _nearest(vectors: NDArray[np.float32], questions: NDArray[np.float32], number: int) -> NDArray[np.int64]:
    """The nearest to each question among all, in no order; block by block, as memory asks for it."""
    best = np.zeros((len(questions), 0), np.int64)
    cosines = np.zeros((len(questions), 0), np.float32)
    for start in range(0, len(vectors), _ROWS_PER_BLOCK):
        products = questions @ vectors[start : start + _ROWS_PER_BLOCK].T
        places = np.argpartition(-products, min(number, products.shape[1] - 1), axis=1)[:, :number]
        best = np.concatenate([best, places + start], axis=1)
        cosines = np.concatenate([cosines, np.take_along_axis(products, places, axis=1)], axis=1)
    return np.take_along_axis(best, np.argsort(-cosines, axis=1, kind="stable")[:, :number], axis=1)


HEADER = (
    "| vectors | D | build s | CPU s | ms, 200 at once | 10,000 at once | every vector | ratio | recall@10 |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def render(cost: IndexCost) -> str:
    """A row below HEADER."""
    milliseconds = [1e3 * value for value in (cost.question_seconds, cost.many_seconds, cost.exact_seconds)]
    return (
        f"| {cost.num_vectors:,} | {cost.num_dimensions} | {cost.build_seconds:.0f} | {cost.build_cpu_seconds:.0f} "
        f"| {' | '.join(f'{value:.2f}' for value in milliseconds)} "
        f"| {cost.exact_seconds / cost.question_seconds:.0f} | {cost.recall:.3f} |"
    )


@click.command()
@click.option("--vectors", multiple=True, type=click.IntRange(min=1), default=[NUM_VECTORS], show_default=True)
@click.option("--dimensions", type=click.IntRange(min=2), default=NUM_DIMENSIONS, show_default=True)
def main(vectors: tuple[int, ...], dimensions: int) -> None:
    """Print what the index costs, for libraries of so many vectors."""
    click.echo(f"{describe_machine()}\n\n{HEADER}")
    for number in vectors:
        click.echo(render(measure_index(num_vectors=number, num_dimensions=dimensions)))


if __name__ == "__main__":
    main()
