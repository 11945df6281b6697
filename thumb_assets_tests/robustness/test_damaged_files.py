"""A corpus of damaged files through the whole engine: stills that are right, or one clear line, and nothing else.

The only other outcome is `unsteady decoding`, counted in the summary: FFmpeg's decoder gives other pictures each time.

`uv run pytest -m damage`; each case is made again from its name alone by `support/damage.py`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from thumb_assets_tests.robustness.pool import CaseResult, WorkerPool
from thumb_assets_tests.support.damage import case_names, shorten

pytestmark = pytest.mark.damage

SYNTHETIC = (
    "b_frames",
    "edit_list_trimmed",
    "hevc_10_bit",
    "mpeg2_interlaced",
    "mpeg_ts",
    "raw_h264",
    "rotated_90",
    "vp9",
    # Streams and timelines that are odd by themselves.
    "animated_avif",
    "aspect_change",
    "cover_unflagged",
    "grey_raw",
    "growing_call",
    "hold_then_black",
    "joined_ts",
    "turned_call",
)
NUM_CLIPS = 29
NUM_WORKERS = 2
BOUND_SECONDS = 60.0


def check(names: list[str], pool: WorkerPool, results: list[CaseResult]) -> None:
    """Runs the cases and fails with every problem."""
    found = pool.run(names)
    results += found
    failed = [result for result in found if result.problems]
    lines = [f"{result.name}: {problem}" for result in failed for problem in result.problems]
    assert not lines, "\n".join([f"{len(failed)} of {len(names)} cases", *lines])


@pytest.fixture(scope="module")
def synthetic_pool(
    synthetic_videos: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[dict[str, Path], WorkerPool]]:
    """Workers that know the synthetic sources."""
    sources = {synthetic_videos(name).name: synthetic_videos(name) for name in SYNTHETIC}
    folder = tmp_path_factory.mktemp("damaged-synthetic")
    with WorkerPool(sources, folder, num_workers=NUM_WORKERS, bound_seconds=BOUND_SECONDS) as pool:
        yield sources, pool


@pytest.mark.parametrize("name", SYNTHETIC)
def test_damaged_synthetic_videos(
    name: str,
    synthetic_videos: Callable[[str], Path],
    synthetic_pool: tuple[dict[str, Path], WorkerPool],
    results: list[CaseResult],
) -> None:
    _, pool = synthetic_pool
    check(case_names(synthetic_videos(name).name), pool, results)


def _clip_names() -> list[str]:
    folder = Path(__file__).resolve().parents[3] / "shared" / "video"
    return sorted(path.name for path in folder.glob("*") if path.suffix in {".mp4", ".webm", ".mkv", ".ts"})


@pytest.fixture(scope="module")
def clip_pool(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerPool]:
    """Workers that know the real clips, shortened."""
    short = tmp_path_factory.mktemp("short-clips")
    sources = {name: shorten(shared_dir / "video" / name, short) for name in _clip_names()}
    assert len(sources) == NUM_CLIPS
    folder = tmp_path_factory.mktemp("damaged-clips")
    with WorkerPool(sources, folder, num_workers=NUM_WORKERS, bound_seconds=BOUND_SECONDS) as pool:
        yield pool


@pytest.mark.parametrize("name", _clip_names() or ["no shared clips"])
def test_damaged_real_clips(name: str, clip_pool: WorkerPool, results: list[CaseResult]) -> None:
    check(case_names(name), clip_pool, results)


def test_there_are_enough_cases() -> None:
    clips = _clip_names()
    num_cases = sum(len(case_names(name)) for name in clips)
    assert not clips or num_cases >= 500
