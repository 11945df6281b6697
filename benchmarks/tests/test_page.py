"""The benchmarks on tiny clips: that they end well and what their page looks like, never a time."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.clips import Clip
from benchmarks.costs import cpu_seconds, peak_bytes, reset_peak
from benchmarks.findings import Findings, Record, Table, Target, cost_rows, load, paired_ratios, save
from benchmarks.gpu import ClipForward, JobOnDevice, random_weights
from benchmarks.jobs import Job, ManyVideos, without_models
from benchmarks.measure import Measurement, Sample, Start
from benchmarks.page import render
from benchmarks.peers import SaveImages, ThumbnailFilter, TutorialScript
from benchmarks.recipes import ten_seconds, write_clip, write_copy
from benchmarks.sections import NAMES, section
from benchmarks.sources import Source, plan_pieces
from benchmarks.stopwatch import run_watched
from thumb_assets.errors import ThumbAssetsError
from thumb_assets.settings.load import load_settings
from thumb_assets_tests.support.synthetic import RECIPES

REPOSITORY = Path(__file__).resolve().parents[2]
SPREAD = r"\d+\.\d\d \(\d+\.\d\d-\d+\.\d\d\)"


def command(*options: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "benchmarks", *map(str, options)]
    return subprocess.run(line, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def rows_below(heading: str, page: str) -> list[list[str]]:
    """The cells of the first table below a heading, its own heading row first."""
    below = page.split(f"\n## {heading}\n")[1].partition("\n## ")[0]
    table = re.split(r"\n\n(?!\|)", below[below.index("|") :])[0]
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "---" not in line]


def sample(cpu: float, *, num_frames: int | None = None) -> Sample:
    return Sample("something", num_frames, cpu, cpu, 2**20)


def record(name: str, *targets: Target, is_quick: bool = False) -> Record:
    findings = Findings(targets=list(targets), tables=[Table("Some", ("a", "b"), [("1", "2")])], notes=["A note."])
    return Record(name, "the command", "a machine", 5, is_quick, 1.0, findings)


def test_quick_run_of_some_sections(tmp_path: Path) -> None:
    output = tmp_path / "page.md"
    sections = ("--section", "every-frame", "--section", "gpu", "--section", "what-if")
    outcome = command("--quick", "--runs", 1, *sections, "--results", tmp_path, "--output", output)
    assert outcome.returncode == 0, outcome.stderr
    page = outcome.stdout
    assert output.read_text() == page
    assert "A quick run" in page
    assert "cores" in page
    assert str(tmp_path) not in page
    assert str(Path.home()) not in page.replace(str(Path("/")), "", 0) or Path.home() == Path("/")
    titles = [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")]
    measured = ("every-frame", "what-if", "gpu")
    assert titles == ["Targets", *(section(name).TITLE for name in measured), "Clips"]

    heading, *rows = rows_below("Every frame", page)
    assert heading == ["clip", "ratio", "CPU", "wall"]
    assert all(re.fullmatch(SPREAD, cell) for row in rows for cell in row[2:])
    heading, *rows = rows_below("Targets", page)
    assert heading == ["target", "wanted", "measured", "verdict"]
    assert {row[3] for row in rows} <= {"PASS", "MISSED", "not measured"}

    again = command("--from-results", "--results", tmp_path)
    assert again.stdout == page


def test_without_results_there_is_no_page(tmp_path: Path) -> None:
    outcome = command("--from-results", "--results", tmp_path)
    assert outcome.returncode == 1
    assert "no results" in outcome.stderr
    assert "Traceback" not in outcome.stderr


@pytest.mark.slow
def test_quick_run_of_all_sections(tmp_path: Path) -> None:
    outcome = command("--quick", "--runs", 1, "--results", tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    assert {path.stem for path in tmp_path.iterdir()} == set(NAMES)


def test_verdicts_are_of_the_median_and_a_miss_is_told_with_its_cause() -> None:
    page = render(
        [
            record(
                "limit",
                Target("at the limit", 1.15, True, [1.0, 1.15, 9.0]),
                Target("just above", 1.15, True, [1.0, 1.1501, 1.2], if_missed="the cause"),
                Target("too little", 0.9, False, [0.5], "s"),
                Target("unknown", 0.9, False, []),
            )
        ]
    )
    rows = {name: (measured, verdict) for name, _, measured, verdict in rows_below("Targets", page)[1:]}
    assert rows["at the limit"] == ("1.150 (1.000-9.000)", "PASS")
    assert rows["just above"] == ("1.150 (1.000-1.200)", "MISSED")
    assert rows["too little"] == ("0.50 s", "MISSED")
    assert rows["unknown"] == ("-", "not measured")
    assert "- just above: MISSED: the cause." in page
    assert "- at the limit" not in page
    assert "quick" not in page.split("## Targets")[0].lower()


def test_a_quick_record_marks_the_page() -> None:
    assert "numbers below mean nothing" in render([record("limit"), record("sparse", is_quick=True)])


def test_results_come_back_as_they_were(tmp_path: Path) -> None:
    kept = record("limit", Target("one", 1.0, True, [0.5], "s"))
    kept.findings.samples["clip"] = {"ours": [sample(1.0, num_frames=3)]}
    save(kept, tmp_path)
    assert load("limit", tmp_path) == kept
    assert load("sparse", tmp_path) is None


def test_ratios_are_paired_within_a_repetition() -> None:
    start = Start(1.0, None, ())
    samples = {
        "ours": [sample(2.0), sample(40.0), sample(9.0)],
        "decode": [sample(1.0), sample(10.0), sample(2.0)],
        "models": [sample(1.0), sample(10.0)],
    }
    measured = Measurement(dict.fromkeys(samples, start), samples)
    # The third repetition lacks one of them.
    assert paired_ratios(measured, ["ours"], ["decode", "models"], lambda cost: cost.cpu_seconds) == [1.0, 2.0]
    clip = Clip(Path("clip.mp4"), "clip", "about", 1.0)
    assert [row[3] for row in cost_rows(clip, measured)] == ["3", "3", "2"]


def test_cpu_of_children_is_counted_while_they_live_and_afterwards() -> None:
    burn = "import time\nwhile time.process_time() < 0.5: pass\nprint(flush=True)\ninput()"
    before = cpu_seconds()
    with subprocess.Popen([sys.executable, "-c", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        alive = cpu_seconds() - before
    assert alive >= 0.4
    assert cpu_seconds() - before >= 0.4


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells of other processes")
def test_memory_of_a_command_is_that_of_its_children_too() -> None:
    child = "held = bytearray(60_000_000); import time; time.sleep(0.5)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    alone, both = (run_watched([sys.executable, "-c", each]).peak_bytes for each in ("pass", parent))
    assert alone < 60_000_000 < both


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="only Linux says which pages are shared")
def test_memory_that_a_fork_shares_with_its_parent_is_counted_once() -> None:
    fork = "import os, time; held = bytearray(60_000_000); pid = os.fork(); time.sleep(0.5); pid and os.waitpid(pid, 0)"
    assert 60_000_000 < run_watched([sys.executable, "-c", fork]).peak_bytes < 100_000_000


def test_a_command_that_fails_is_not_timed_and_its_words_are_told() -> None:
    with pytest.raises(ThumbAssetsError, match="ended with 3: a reason"):
        run_watched([sys.executable, "-c", "import sys; sys.stderr.write('a reason'); sys.exit(3)"])


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux lets the peak begin anew")
def test_the_peak_begins_anew() -> None:
    held = bytearray(200_000_000)
    high = peak_bytes()
    del held
    reset_peak()
    low = peak_bytes()
    assert high is not None
    assert low is not None
    assert high - low > 100_000_000


def test_pieces_fill_the_clip_and_are_the_same_each_time(tmp_path: Path) -> None:
    sources = [Source(tmp_path / "a", 132), Source(tmp_path / "b", 20)]
    pieces = plan_pieces(sources, num_frames=1000, seed=1)
    assert sum(piece.num_frames for piece in pieces) == 1000
    assert pieces == plan_pieces(sources, num_frames=1000, seed=1)
    assert pieces != plan_pieces(sources, num_frames=1000, seed=2)
    lengths = {source.path: source.num_frames for source in sources}
    assert all(piece.first >= 0 and piece.first + piece.num_frames <= lengths[piece.source] for piece in pieces)


def test_clips_have_the_frames_asked_for_and_copies_differ(
    synthetic_videos: Callable[[str], Path], tmp_path: Path
) -> None:
    source = synthetic_videos("cfr")
    clip, twice, other = (tmp_path / name for name in ("clip.mp4", "twice.mp4", "other.mp4"))
    write_clip(clip, ten_seconds(0), [Source(source, RECIPES["cfr"].num_frames)])
    write_copy(twice, clip, num_times=2)
    write_copy(other, clip, comment="another")
    settings, stages = load_settings(), ("videos", "frames", "shots", "candidate_frames")
    for path, num_frames in ((clip, 250), (twice, 500), (other, 250)):
        job = Job(path, settings, stages)
        job.load(tmp_path)
        assert job.run().num_frames == num_frames
    assert clip.read_bytes() != other.read_bytes()


def test_the_others_do_what_they_are_said_to_do(synthetic_videos: Callable[[str], Path], tmp_path: Path) -> None:
    path = synthetic_videos("cfr")
    settings = load_settings(overrides=["clip.device=cpu", "iqa.device=cpu", "candidates.uniform_interval_seconds=0.5"])
    script = TutorialScript(path, settings)
    script.load(tmp_path)
    script.prepare()
    job = Job(path, settings, without_models(settings))
    job.load(tmp_path)
    num_candidates = job.run().text.split(", ")[1]
    assert num_candidates.split()[0] != "0"
    assert script.run().text.split(", ")[1] == num_candidates

    for contestant, expected in ((SaveImages(path), "3 pictures"), (ThumbnailFilter(path), "1 pictures")):
        contestant.load(tmp_path)
        assert contestant.run().text.endswith(expected)


def test_what_runs_on_a_gpu_runs_on_the_cpu_too(synthetic_videos: Callable[[str], Path], tmp_path: Path) -> None:
    path = synthetic_videos("cfr")
    random_weights("thumb-mini", tmp_path)
    for way in ("resident", "encoder"):
        forward = ClipForward(way, "thumb-mini", "cpu", 2, 4, tmp_path)  # type: ignore[arg-type]
        forward.load(tmp_path)
        forward.prepare()
        assert forward.run().text.startswith("4 images, fp32, batches of 2")
    job = JobOnDevice(path, "thumb-mini", "cpu", 8, tmp_path, warm_path=path)
    job.load(tmp_path)
    assert job.run().num_frames == RECIPES["cfr"].num_frames


@pytest.mark.parametrize("way", ["engine", "isolated", pytest.param("dagster", marks=pytest.mark.slow)])
def test_many_videos(
    way: str, synthetic_videos: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))  # the contestant sets its own, in a process of its own
    overrides = ["clip.device=cpu", "iqa.device=cpu"]
    many = ManyVideos([synthetic_videos("cfr"), synthetic_videos("vfr")], overrides, way)  # type: ignore[arg-type]
    many.load(tmp_path)
    assert many.run().text == "2 videos"


def test_what_people_added_to_a_page_is_kept(tmp_path: Path) -> None:
    save(record("memory"), tmp_path)
    output = tmp_path / "page.md"
    measured = command("--from-results", "--results", tmp_path, "--output", output).stdout
    assert output.read_text() == measured
    own = "<!-- by hand -->\n\n## Ours\n"
    output.write_text(f"an old page\n\n{own}")
    for _ in range(2):
        assert command("--from-results", "--results", tmp_path, "--output", output).returncode == 0
        assert output.read_text() == f"{measured}\n{own}"
