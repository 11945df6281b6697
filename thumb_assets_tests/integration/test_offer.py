"""The offer of a better CLIP at the end of a run: at a terminal, once per data folder, where nothing was chosen."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from thumb_assets.cli import main
from thumb_assets.cli.offer import OFFERED_FILE
from thumb_assets_tests.support.terminal import Terminal

OFFER = "605 MB, `thumb-assets models fetch cpu`, then `thumb-assets settings set profile=cpu --data-dir"
STAGES = "videos,frames"


def shown(tmp_path: Path, data_dir: Path, video: Path, *options: str, **environ: str) -> str:
    """Output of a run at a terminal, on a machine that has no model and may ask the network."""
    usual = {"HF_HOME": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "", "THUMB_ASSETS_MODELS_DIR": ""}
    with Terminal(columns=400, environ={**usual, **environ}) as terminal:
        command = f"{sys.executable} -m thumb_assets run {video} --stages {STAGES} --data-dir {data_dir}"
        start = terminal.type(" ".join((command, *options)))
        assert terminal.wait_for_exit(start=start) == 0
        return " ".join(terminal.text.split())


def test_the_first_run_at_a_terminal_offers_once(
    tmp_path: Path, data_dir: Path, synthetic_videos: Callable[[str], Path]
) -> None:
    video = synthetic_videos("multi_shot")
    assert OFFER in shown(tmp_path, data_dir, video)
    assert (data_dir / OFFERED_FILE).exists()
    assert OFFER not in shown(tmp_path, data_dir, video)


@pytest.mark.parametrize("options", [("--profile", "sparse"), ("--set", "clip.model=ViT-B-32")])
def test_whoever_chose_is_offered_nothing(
    tmp_path: Path, data_dir: Path, synthetic_videos: Callable[[str], Path], options: tuple[str, ...]
) -> None:
    assert OFFER not in shown(tmp_path, data_dir, synthetic_videos("multi_shot"), *options)
    assert not (data_dir / OFFERED_FILE).exists(), "a later run may still offer"


def test_a_machine_that_may_ask_no_network_is_offered_nothing(
    tmp_path: Path, data_dir: Path, synthetic_videos: Callable[[str], Path]
) -> None:
    assert OFFER not in shown(tmp_path, data_dir, synthetic_videos("multi_shot"), HF_HUB_OFFLINE="1")


def test_a_script_is_offered_nothing(data_dir: Path, synthetic_videos: Callable[[str], Path]) -> None:
    command = ["run", str(synthetic_videos("multi_shot")), "--stages", STAGES, "--data-dir", str(data_dir)]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    assert "models fetch" not in result.output
    assert not (data_dir / OFFERED_FILE).exists()
