"""Outputs at a terminal of 80 columns, and words about videos of which no frame is worth keeping."""

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from thumb_assets.cli import main
from thumb_assets.cli.output import layout
from thumb_assets_tests.support.drawing import draw_frame
from thumb_assets_tests.support.encoding import encode
from thumb_assets_tests.support.running import register, run_stages

STAGES = ("videos", "frames", "shots", "candidate_frames", "sharpness", "appearance", "selections", "stills", "catalog")
LONG = "a-recording-of-a-conference-in-a-large-hall-{}"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three videos of long names, and two black ones."""
    folder = tmp_path_factory.mktemp("narrow")
    black = [np.zeros((54, 96, 3), np.uint8)] * 8
    paths = [encode(folder / f"black-{number}.mp4", [*black, *black[:number]]) for number in range(2)]
    for number in range(3):
        frames = (draw_frame(number * 20 + index, width=96, height=54) for index in range(12))
        paths.append(encode(folder / f"{LONG.format(number)}.mp4", frames))
    data_dir = folder / "data"
    run_stages(data_dir, register(data_dir, paths), STAGES)
    return data_dir


def test_a_wide_table_is_laid_out_without_folding_a_word() -> None:
    name = LONG.format(0)
    assert layout(["video", "rank", "score"], [[name, "1", "0.70"], [name, "2", "0.60"]], width=40) == [
        "  rank  score",
        name,
        "  1     0.70",
        "  2     0.60",
    ]


def test_a_video_without_a_frame_worth_keeping_is_one_line(library: Path) -> None:
    command = ["run", "--recompute", "--stages", "selections", "--data-dir", str(library)]
    output = CliRunner().invoke(main, [*command, "--set", "video.is_isolated=false"]).output
    said = re.findall(r"^black-\d-\w+: nothing in this video is worth keeping: .* too dark$", output, re.MULTILINE)
    assert len(said) == 2
    assert not re.search(r"^black-\d-\w+ +1 ", output, re.MULTILINE)
    assert "5 videos done, 0 failed" in output


def test_a_dry_run_names_the_option_for_what_is_stale(library: Path) -> None:
    changed = ["--set", "shots.detector=content", "--assets", ",".join(STAGES), "--data-dir", str(library)]
    output = CliRunner().invoke(main, ["backfill", "--dry-run", *changed]).output
    assert "nothing to do" not in output
    assert "no video of 5 is missing; 5 videos are stale (--stale)" in output
