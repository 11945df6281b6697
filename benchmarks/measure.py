"""Runs the contestants in turn, each in a warm process of its own, and keeps what each repetition cost."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from benchmarks.clips import Clip
from benchmarks.contestants import Contestant, DecodeAlone, JobWithoutModels, ModelsAlone, WholeJob
from thumb_assets.errors import ThumbAssetsError
from thumb_assets.settings import Settings

DECODE, MODELS, JOB_WITHOUT_MODELS, JOB = "decode alone", "models alone", "job without models", "job"

_CONTESTANTS: dict[str, Callable[[Path, Settings, Path], Contestant]] = {
    DECODE: DecodeAlone,
    MODELS: ModelsAlone,
    JOB_WITHOUT_MODELS: JobWithoutModels,
    JOB: WholeJob,
}


@dataclass(frozen=True)
class Start:
    """What a contestant's process cost before its first picture.

    Attributes:
        cpu_seconds: interpreter, imports, models.
        unavailable: stages left out, because their model cannot be had or is off.
    """

    cpu_seconds: float
    unavailable: tuple[str, ...]


@dataclass(frozen=True)
class Sample:
    """One repetition; CPU is user plus system time of all threads, the peak is the process's since its start."""

    done: str
    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int | None


@dataclass(frozen=True)
class Measurement:
    """All repetitions over one clip, by contestant; samples of the same position were taken side by side."""

    clip: Clip
    starts: dict[str, Start]
    samples: dict[str, list[Sample]]


def measure(
    clip: Clip, settings: Settings, *, num_runs: int, with_models: bool, on_sample: Callable[[str], None]
) -> Measurement:
    """Measures the contestants over one clip, in turn, starting with another one in each repetition.

    Args:
        on_sample: told the contestant before each of its runs.

    Raises:
        ThumbAssetsError: a contestant failed, or the job saw other frames than the decoder gives.
    """
    names = [DECODE, JOB_WITHOUT_MODELS, *([MODELS, JOB] if with_models else [])]
    with tempfile.TemporaryDirectory(prefix="thumb-assets-benchmarks-") as folder, ExitStack() as stack:
        pools = {name: stack.enter_context(_process()) for name in names}
        starts: dict[str, Start] = {}
        for name, pool in pools.items():
            on_sample(name)
            starts[name] = pool.submit(_start, name, clip.path, settings, Path(folder)).result()
        samples: dict[str, list[Sample]] = {name: [] for name in names}
        for number in range(num_runs):
            for name in _rotated(names, number):
                on_sample(name)
                samples[name].append(pools[name].submit(_sample).result())
    _require_same_frames(samples)
    return Measurement(clip, starts, samples)


@contextmanager
def _process() -> Iterator[ProcessPoolExecutor]:
    # Not forked: a child would share the parent's pages and its imports would look free.
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        yield pool


def _rotated(names: Sequence[str], number: int) -> list[str]:
    first = number % len(names)
    return [*names[first:], *names[:first]]


def _require_same_frames(samples: dict[str, list[Sample]]) -> None:
    done = {name: {sample.done for sample in of_name} for name, of_name in samples.items() if name != MODELS}
    if len(set.union(*done.values())) != 1:
        raise ThumbAssetsError(f"the contestants did not see the same frames: {done}")


# In the contestant's process.

_contestant: Contestant | None = None


def _start(name: str, path: Path, settings: Settings, folder: Path) -> Start:
    global _contestant  # noqa: PLW0603 - one contestant per process
    _contestant = _CONTESTANTS[name](path, settings, folder)
    unavailable = _contestant.load()
    cpu_seconds = time.process_time()
    _contestant.prepare()
    return Start(cpu_seconds, unavailable)


def _sample() -> Sample:
    if _contestant is None:
        raise RuntimeError("the contestant was not started")
    cpu_before, wall_before = time.process_time(), time.perf_counter()
    done = _contestant.run()
    cpu, wall = time.process_time() - cpu_before, time.perf_counter() - wall_before
    return Sample(done, cpu, wall, _peak_bytes())


def _peak_bytes() -> int | None:
    """Most resident memory so far. Linux's ru_maxrss would not do: it begins with that of the parent."""
    status = Path("/proc/self/status")
    if status.exists():
        peaks = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(peaks[0]) * 1024 if peaks else None
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # kilobytes everywhere but on macOS
