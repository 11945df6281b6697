"""Runs the contestants in turn, each in a warm process of its own, and keeps what each repetition cost."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from benchmarks.contestants import Contestant
from benchmarks.costs import cpu_seconds, peak_bytes, reset_peak, resident_bytes
from thumb_assets.errors import ThumbAssetsError
from thumb_assets.pipeline.environment import in_engine_environment

Value = TypeVar("Value")


@dataclass(frozen=True)
class Entry:
    """A contestant under its name in the report; `max_runs` holds the repetitions of a slow one down."""

    name: str
    contestant: Contestant
    max_runs: int | None = None


@dataclass(frozen=True)
class Start:
    """Cost of a contestant's process before its first picture.

    Attributes:
        cpu_seconds: interpreter, imports, models.
        resident_bytes: memory with the models loaded.
        unavailable: stages left out, because their model cannot be had or is off.
    """

    cpu_seconds: float
    resident_bytes: int | None
    unavailable: tuple[str, ...]


@dataclass(frozen=True)
class Sample:
    """One repetition.

    Attributes:
        done: what was done, in words.
        num_frames: frames seen by a contestant that has to see every one, else None.
        cpu_seconds: user plus system time of all threads and children.
        wall_seconds: from begin to end.
        peak_bytes: the process's own, without its children's; of whole commands, with them.
    """

    done: str
    num_frames: int | None
    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int | None


@dataclass(frozen=True)
class Measurement:
    """All repetitions, by contestant; samples of the same position were taken side by side."""

    starts: dict[str, Start]
    samples: dict[str, list[Sample]]


def measure(entries: Sequence[Entry], *, num_runs: int, on_sample: Callable[[str], None]) -> Measurement:
    """Measures the contestants in turn, starting with another one in each repetition.

    Args:
        on_sample: told what is done next: the start of all of them, then the contestant before each of its runs.

    Raises:
        ThumbAssetsError: a contestant failed, or those that have to see every frame saw different numbers of them.
    """
    with tempfile.TemporaryDirectory(prefix="thumb-assets-benchmarks-") as folder, ExitStack() as stack:
        pools = {entry.name: stack.enter_context(_process()) for entry in entries}
        on_sample("start")
        # At the same time: of a start only CPU seconds are kept. Each process is set up as the engine's own.
        with in_engine_environment():
            pending = {
                entry.name: pools[entry.name].submit(_start, entry.contestant, Path(folder)) for entry in entries
            }
        starts = {name: future.result() for name, future in pending.items()}
        samples: dict[str, list[Sample]] = {entry.name: [] for entry in entries}
        for number in range(num_runs):
            for entry in _rotated(entries, number):
                if entry.max_runs is None or number < entry.max_runs:
                    on_sample(entry.name)
                    samples[entry.name].append(pools[entry.name].submit(_sample).result())
    _require_same_frames(samples)
    return Measurement(starts, samples)


def in_engine_process(work: Callable[[], Value]) -> Value:
    """Calls a function of a module, or a partial of one, in a process of its own that is set up as the engine's."""
    with in_engine_environment(), _process() as pool:
        return pool.submit(work).result()


@contextmanager
def _process() -> Iterator[ProcessPoolExecutor]:
    # Not forked: a child would share the parent's pages and its imports would look free.
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        yield pool


def _rotated(entries: Sequence[Entry], number: int) -> list[Entry]:
    first = number % len(entries)
    return [*entries[first:], *entries[:first]]


def _require_same_frames(samples: dict[str, list[Sample]]) -> None:
    seen = {name: {sample.num_frames for sample in of_name} - {None} for name, of_name in samples.items()}
    if len(set().union(*seen.values())) > 1:
        raise ThumbAssetsError(f"the contestants did not see the same frames: {seen}")


# In the contestant's process.

_contestant: Contestant | None = None


def _start(contestant: Contestant, folder: Path) -> Start:
    global _contestant  # noqa: PLW0603 - one contestant per process
    _contestant = contestant
    unavailable = contestant.load(folder)
    start = Start(cpu_seconds(), resident_bytes(), unavailable)
    contestant.prepare()
    return start


def _sample() -> Sample:
    if _contestant is None:
        raise RuntimeError("the contestant was not started")
    reset_peak()
    cpu_before, wall_before = cpu_seconds(), time.perf_counter()
    done = _contestant.run()
    wall, cpu = time.perf_counter() - wall_before, cpu_seconds() - cpu_before - done.watching_seconds
    return Sample(done.text, done.num_frames, cpu, wall, done.peak_bytes or peak_bytes())
