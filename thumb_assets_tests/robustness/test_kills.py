"""Killed at any point, nothing stored is half or wrong, and the same command then completes and cleans up.

`uv run pytest -m kills`. Some kills come at a random time from outside, as from a machine that fails; the others come
right before each change of the file system in turn, so that no window is missed by luck.
"""

import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from thumb_assets.store.catalog import Catalog
from thumb_assets.store.library import Library
from thumb_assets.store.outcomes import failed_video_ids
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.robustness.commands import Ended, backfill_arguments, finish, kill, run_arguments
from thumb_assets_tests.robustness.whole import catalog_problems, leftovers, table_problems, video_problems

pytestmark = [
    pytest.mark.kills,
    pytest.mark.skipif(sys.platform == "win32", reason="process groups and SIGKILL are POSIX"),
]

REPOSITORY = Path(__file__).resolve().parents[2]
VIDEOS = ("cfr", "multi_shot", "mpeg_ts")
# Each round: kills on an empty folder, a whole run, kills on a filled one, a whole run.
NUM_ROUNDS = 9
NUM_KILLS_EACH = 3
NUM_DAGSTER_ROUNDS = 2
NUM_DAGSTER_KILLS_EACH = 2
# Share of the kills that come at any time from the start on, imports included.
EARLY_SHARE = 0.2

OTHER_STILLS = ("stills.jpeg_quality=70", "selection.top_k=1")

Arguments = Callable[..., list[str]]


@pytest.fixture(scope="module")
def videos(synthetic_videos: Callable[[str], Path]) -> list[Path]:
    return [synthetic_videos(name) for name in VIDEOS]


@pytest.fixture(scope="module")
def work_seconds(videos: list[Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[float, float]:
    """Seconds until the command begins with the first video, and from there to its end."""
    data_dir = tmp_path_factory.mktemp("measured")
    ended = finish(run_arguments(data_dir, videos), data_dir)
    assert ended.code == 0, ended.errors
    assert ended.begin_seconds is not None
    return ended.begin_seconds, ended.seconds - ended.begin_seconds


def stored_problems(data_dir: Path) -> list[str]:
    """States that must never be, killed or not: a table or still that is not whole, a catalog that cannot be read."""
    store = TableStore(data_dir)
    problems = list(table_problems(store))
    if store.catalog_path.is_file() and Catalog(store.catalog_path).is_current():
        Catalog(store.catalog_path).query("SELECT count(*) FROM frames")
    return problems


def completed_problems(data_dir: Path, paths: list[Path]) -> list[str]:
    """Faults after a command ended well, besides `stored_problems`."""
    store = TableStore(data_dir)
    registered = {video.path.name: video.video_id for video in Library(data_dir).all()}
    # Looked at first: a reader of a database may leave an empty log beside it, which the next writer takes away.
    problems = [f"{left} was left behind" for left in leftovers(data_dir)]
    problems += stored_problems(data_dir)
    for path in paths:
        problems += video_problems(store, registered[path.name], path)
        if not store.has("stills", registered[path.name]):
            problems.append(f"{path.name} has no stills")
    problems += catalog_problems(store)
    problems += [f"{video_id} counts as failed" for video_id in failed_video_ids(store)]
    return problems


def _settings(rng: random.Random) -> list[str]:
    """Other stills from one run to the next, so that old ones cannot be taken for new ones."""
    return [
        "--set",
        f"stills.jpeg_quality={rng.choice([60, 80, 95])}",
        "--set",
        f"selection.top_k={rng.choice([1, 3])}",
    ]


def _kill_and_complete(
    arguments: Arguments,
    data_dir: Path,
    videos: list[Path],
    rng: random.Random,
    seconds: tuple[float, float],
    *,
    num_kills: int,
) -> int:
    """Kills so many runs one after the other, then lets one complete; returns how many were killed at work."""
    num_at_work = 0
    begin_seconds, length_seconds = seconds
    for _ in range(num_kills):
        if rng.random() < EARLY_SHARE:
            after_start_seconds = rng.uniform(0.05, begin_seconds)
            ended = kill(arguments(data_dir, *_settings(rng)), data_dir, after_start_seconds=after_start_seconds)
        else:
            ended = _kill_at_work(arguments, data_dir, rng, rng.uniform(0, 0.95 * length_seconds))
        num_at_work += ended.code == -9 and ended.begin_seconds is not None
        assert ended.code in {-9, 0}, ended.errors  # it may have been done just before
        assert stored_problems(data_dir) == []
    ended = finish(arguments(data_dir, *_settings(rng)), data_dir)
    assert ended.code == 0, ended.errors
    assert completed_problems(data_dir, videos) == []
    return num_at_work


def _kill_at_work(arguments: Arguments, data_dir: Path, rng: random.Random, after_begin_seconds: float) -> Ended:
    """Kills a run so long after its work began, or sooner where this machine has it done by then."""
    while True:
        ended = kill(arguments(data_dir, *_settings(rng)), data_dir, after_begin_seconds=after_begin_seconds)
        if ended.code != 0:
            return ended
        after_begin_seconds /= 2


@pytest.mark.parametrize("seed", range(NUM_ROUNDS))
def test_the_command_line_killed_at_random(
    seed: int, videos: list[Path], work_seconds: tuple[float, float], data_dir: Path
) -> None:
    rng = random.Random(f"run {seed}")

    def arguments(folder: Path, *more: str) -> list[str]:
        return run_arguments(folder, videos, *more)

    num_at_work = 0
    for _ in ("empty", "filled"):
        num_at_work += _kill_and_complete(arguments, data_dir, videos, rng, work_seconds, num_kills=NUM_KILLS_EACH)
    assert num_at_work > 0


@pytest.fixture(scope="module")
def dagster_seconds(videos: list[Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[float, float]:
    data_dir = _library(tmp_path_factory.mktemp("measured-dagster"), videos)
    ended = finish(backfill_arguments(data_dir), data_dir)
    assert ended.code == 0, ended.errors
    assert ended.begin_seconds is not None
    return ended.begin_seconds, ended.seconds - ended.begin_seconds


def _library(data_dir: Path, videos: list[Path]) -> Path:
    (data_dir / "videos").mkdir()
    for path in videos:
        shutil.copyfile(path, data_dir / "videos" / path.name)
    return data_dir


@pytest.mark.parametrize("seed", range(NUM_DAGSTER_ROUNDS))
def test_a_dagster_run_killed_at_random(
    seed: int, videos: list[Path], dagster_seconds: tuple[float, float], data_dir: Path
) -> None:
    rng = random.Random(f"dagster {seed}")
    _library(data_dir, videos)
    _kill_and_complete(backfill_arguments, data_dir, videos, rng, dagster_seconds, num_kills=NUM_DAGSTER_KILLS_EACH)


def run_engine(
    video: Path, data_dir: Path, overrides: Sequence[str] = (), *, kill_at: int = 0
) -> tuple[int, list[str]]:
    """The exit code and the changes of the data folder; the last is what it was about to do when it was killed."""
    note = data_dir.with_name("changes")
    note.write_text("")
    command = [sys.executable, "-m", "thumb_assets_tests.robustness.killed_engine"]
    done = subprocess.run(
        [*command, str(video), str(data_dir), str(note), str(kill_at), *overrides],
        cwd=REPOSITORY,
        check=False,
        timeout=120,
    )
    return done.returncode, note.read_text().splitlines()


@pytest.mark.parametrize("completed_with", [OTHER_STILLS, ()], ids=["the_new_settings", "the_former_settings"])
def test_killed_before_each_change_of_the_stills(
    completed_with: tuple[str, ...], synthetic_videos: Callable[[str], Path], tmp_path: Path
) -> None:
    video, template, data_dir = synthetic_videos("cfr"), tmp_path / "template", tmp_path / "data"
    template.mkdir()
    assert run_engine(video, template)[0] == 0
    shutil.copytree(template, data_dir)
    code, changes = run_engine(video, data_dir, OTHER_STILLS)
    assert code == 0
    chosen = [number for number, change in enumerate(changes, 1) if "stills" in change.rpartition("/data/")[2]]
    assert len(chosen) > 3
    wrong: list[str] = []
    for number in chosen:
        shutil.rmtree(data_dir)
        shutil.copytree(template, data_dir)
        assert run_engine(video, data_dir, OTHER_STILLS, kill_at=number)[0] == -9
        what = f"killed before {changes[number - 1]}"
        wrong += [f"{what}: {problem}" for problem in table_problems(TableStore(data_dir))]
        assert run_engine(video, data_dir, completed_with)[0] == 0
        wrong += [f"{what}, completed: {problem}" for problem in completed_problems(data_dir, [video])]
    assert wrong == [], "\n".join(wrong)
