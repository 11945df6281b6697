"""The benchmark command on a tiny clip: that it ends well and what its report looks like, never a time."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from thumb_assets_tests.support.synthetic import RECIPES

REPOSITORY = Path(__file__).resolve().parents[2]
SPREAD = r"\d+\.\d\d \(\d+\.\d\d-\d+\.\d\d\)"


def rows_below(heading: str, report: str) -> list[list[str]]:
    """The cells of the table below a heading, its own heading row first."""
    section = report.split(f"## {heading}\n")[1].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "---" not in line]


def test_report_without_models(synthetic_videos: Callable[[str], Path], tmp_path: Path) -> None:
    clip, output = synthetic_videos("cfr"), tmp_path / "report.md"
    command = [sys.executable, "-m", "benchmarks", "--runs", "1", "--no-models", "--clip", clip, "--output", output]
    outcome = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    report = outcome.stdout
    assert output.read_text() == report
    assert f"`uv run python -m benchmarks --runs 1 --clip {clip.name} --no-models`" in report
    assert "cores" in report
    assert str(clip.parent) not in report

    (heading, (name, ratio, *spreads)) = rows_below("Ratios", report)
    assert heading == ["clip", "ratio", "CPU", "wall"]
    assert (name, ratio) == (clip.name, "job without models / decode alone")
    assert all(re.fullmatch(SPREAD, spread) for spread in spreads)

    (heading, *rows) = rows_below("Seconds and memory", report)
    assert heading == ["clip", "contestant", "work", "CPU s", "wall s", "peak MiB", "start CPU s"]
    assert [row[1] for row in rows] == ["decode alone", "job without models"]
    for row in rows:
        assert row[2] == f"{RECIPES['cfr'].num_frames} frames"
        assert re.fullmatch(SPREAD, row[3])
        assert re.fullmatch(SPREAD, row[4])


def test_a_file_that_is_no_video_is_one_line(synthetic_videos: Callable[[str], Path]) -> None:
    command = [sys.executable, "-m", "benchmarks", "--no-models", "--clip", synthetic_videos("text")]
    outcome = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert outcome.returncode == 1
    assert "is not a video" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_report_with_models(synthetic_videos: Callable[[str], Path]) -> None:
    clip = synthetic_videos("cfr")
    command = [sys.executable, "-m", "benchmarks", "--runs", "1", "--clip", clip]
    outcome = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    ratios = [row[1] for row in rows_below("Ratios", outcome.stdout)[1:]]
    assert ratios == ["job without models / decode alone", "job / (decode + models)"]
    assert "thumb-mini" in outcome.stdout
