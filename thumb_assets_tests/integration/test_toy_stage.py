"""A stage is one declaration: a scorer and an output of another package need no edit of a file of the project."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from thumb_assets.errors import ContractError
from thumb_assets.stages import STAGES
from thumb_assets.stages.kit.declaration import FromFile, FromFrames, FromTables, Indexed, Made, Stage
from thumb_assets.stages.kit.flow import in_order
from thumb_assets.tables.declaration import FRAME_INDEX, VIDEO_ID, TableContract
from thumb_assets_tests.support.running import register
from thumb_assets_tests.toy import write_installed, write_package

BEFORE = ("videos", "frames", "shots", "candidate_frames")


def in_process(folder: Path, *arguments: object) -> dict[str, Any]:
    """The answer of `thumb_assets_tests.toy.scenario` in a process that has the package."""
    done = subprocess.run(
        [sys.executable, "-m", "thumb_assets_tests.toy.scenario", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    folder.mkdir()
    write_package(folder)
    return folder


def test_it_runs_and_is_made_again_where_something_of_its_own_changes(
    package: Path, tmp_path: Path, data_dir: Path, synthetic_videos: Callable[[str], Path]
) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    found = in_process(package, "runs", data_dir, video_id, tmp_path / "number")

    def made(run: str) -> set[str]:
        assert set(found[run].values()) <= {"made", "unchanged"}, found[run]
        return {stage for stage, how in found[run].items() if how == "made"} - {"catalog"}

    assert made("first") == {*BEFORE, "toy", "toy_note"}
    assert made("again") == made("settings of others") == made("again with the file") == set()
    for change in ("its settings", "its model file, named", "its model file, replaced"):
        assert made(change) == {"toy", "toy_note"}, change
    assert made("its input") == {"candidate_frames", "toy", "toy_note"}
    assert found["rows"] == found["rows of the catalog"] > 0
    assert 0 < found["note of the catalog"] < 256

    write_installed(package, "toy-tool", "2.0")
    with_tool = in_process(package, "once", data_dir, video_id)
    # The same scores: the table says another version now, and nothing that is made of it changes.
    assert {stage for stage, how in with_tool.items() if how == "made"} - {"catalog"} == {"toy"}
    assert with_tool["lineage"] == {
        "toy": {"frame_index": ["candidate_frames.frame_index"]},
        "toy_note": {"greatest": ["toy.toy_score"]},
    }


def test_all_places_that_list_stages_have_it(package: Path) -> None:
    found = in_process(package, "derived")
    assert [name for name in found["order"] if name not in {"toy", "toy_note"}] == list(STAGES)
    assert found["order"].index("candidate_frames") < found["order"].index("toy") < found["order"].index("toy_note")
    assert {"toy", "toy_note"} <= set(found["on"])
    assert "toy" not in found["off"]
    assert found["inputs"] == ["candidate_frames", "frames", "videos"]
    assert found["columns"] == ["video_id", "frame_index", "toy_score", "error"]
    assert found["description"] == "One row per candidate frame."
    assert found["checks"] == ["conforms_to_contract", "covers_candidates"]
    assert "## toy" in found["docs"]
    assert any(line.startswith("| `toy_score` | double? | level |") for line in found["docs"])
    state, *profiles = found["models"]["toy-model"]
    assert (state, bool(profiles)) == ("no file needed", True)


def _declared(**changes: Any) -> Stage:
    contract = TableContract("toy", "One row per frame.", (VIDEO_ID, FRAME_INDEX), key=("video_id", "frame_index"))
    usual = {"name": "toy", "contracts": (contract,), "run": FromTables(lambda _job, _run: Made({}))}
    return Stage(**{**usual, **changes})


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"run": None}, "run is none of"),
        ({"run": FromFrames(build=None)}, "run is none of"),  # type: ignore[arg-type]
        ({"contracts": ()}, "it writes no table"),
        ({"run": FromFile()}, "the engine makes nothing of that name"),
        ({"run": Indexed()}, "the engine makes nothing of that name"),
        ({"name": "other"}, "its first table is called"),
        ({"section": "no_such_section"}, "no section 'no_such_section'"),
        ({"reads": ("toys",)}, "it reads the table `toys`, which no stage writes"),
        ({"reads": ("decisions",)}, "it reads the table `decisions`, which no stage writes"),
        ({"uses": ("toys",)}, "it uses the table `toys`, which does not exist"),
        ({"reads": ("selections",), "run": FromFrames(build=min)}, "its frames are scored before"),
    ],
)
def test_a_stage_that_cannot_be_run_says_so_at_once(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ContractError, match="cannot be run") as raised:
        in_order([*STAGES.values(), _declared(**changes)], tuple(STAGES))
    assert problem in str(raised.value)


def test_lineage_from_what_is_not_read_is_refused() -> None:
    with pytest.raises(ContractError, match=r"comes from `candidate_frames\.frame_index`, which it does not read"):
        in_order(
            [replace(stage, reads=(), uses=()) if stage.name == "sharpness" else stage for stage in STAGES.values()],
            tuple(STAGES),
        )


def test_two_stages_of_one_name_are_refused() -> None:
    with pytest.raises(ContractError, match="'videos' is declared twice"):
        in_order([*STAGES.values(), replace(STAGES["videos"], version="other")], tuple(STAGES))
