"""The commands of the pages on search and the gallery, each run as it stands there."""

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from thumb_assets.cli import main
from thumb_assets.settings.environment import DATA_DIR_VARIABLE
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import empty_table
from thumb_assets_tests.support.running import register, run_stages
from thumb_assets_tests.unit.store.builders import FOOTER

_ROOT = Path(__file__).resolve().parents[2]
_PAGES = ("docs/search.md", "docs/gallery.md", "docs/desk.md", "README.md", "docs/cli.md")
# The commands of these pages that are run here; other tests run the others, which take minutes, or serve.
_RUN_HERE = {"search", "collections", "gallery", "report"}


def commands(page: str) -> list[list[str]]:
    blocks = re.findall(r"```console\n(.*?)```", (_ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("uv run thumb-assets ")]
    found = [shlex.split(line)[3:] for line in lines]
    return [words for words in found if words[0] in _RUN_HERE or _is_short(words)]


def _is_short(words: list[str]) -> bool:
    return words[:2] in (["desk", "--static"], ["settings", "set"])


@pytest.fixture(scope="module")
def library(synthetic_videos: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips that were run, one of them with subtitles."""
    data_dir = tmp_path_factory.mktemp("documented") / "data"
    data_dir.mkdir()
    for source, name in (("multi_shot", "my-clip.mp4"), ("cfr", "other.mp4")):
        shutil.copyfile(synthetic_videos(source), data_dir / name)
    (data_dir / "my-clip.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nA red car at night.\n")
    results = run_stages(data_dir, register(data_dir, [data_dir / "my-clip.mp4", data_dir / "other.mp4"]))
    assert {result.status for result in results.values()} <= {"done", "skipped"}
    store = TableStore(data_dir)
    for video_id in store.video_ids("selections"):  # faces were looked for, and nobody is there
        store.write("faces", empty_table("faces"), video_id=video_id, footer=FOOTER)
    return data_dir


@pytest.mark.parametrize("page", _PAGES)
def test_each_command_of_the_page_works(
    page: str, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir = tmp_path / "data"
    shutil.copytree(library, data_dir)
    monkeypatch.setenv(DATA_DIR_VARIABLE, str(data_dir))
    monkeypatch.chdir(tmp_path)
    asked = commands(page)
    assert asked
    for words in asked:
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 0, f"{words}: {result.output}"
