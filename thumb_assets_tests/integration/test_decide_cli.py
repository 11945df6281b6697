"""`pin`, `ban` and `unpin` as a person types them, and what the next run makes of them; `presets`."""

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from thumb_assets import stages as declared
from thumb_assets.cli import main
from thumb_assets.settings.load import Settings, load_settings
from thumb_assets.settings.presets import load_presets
from thumb_assets.stages.kit.declaration import FromTables, Made
from thumb_assets.stages.selections import select_frames
from thumb_assets.store.decisions import decide
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.running import register, run_stages

STAGES = "videos,frames,shots,candidate_frames,sharpness,selections,stills"


def thumb_assets(*arguments: object, stdin: str | None = None) -> Result:
    command = [str(argument) for argument in arguments]
    if command[0] == "run":
        command += ["--set", "video.is_isolated=false", "--stages", STAGES]
    result = CliRunner().invoke(main, command, input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


@pytest.fixture
def video_id(synthetic_videos: Callable[[str], Path], data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("THUMB_ASSETS_DATA_DIR", str(data_dir))
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    run_stages(data_dir, [video_id], stages=STAGES.split(","))
    return video_id


def frames_of(data_dir: Path, video_id: str, table: str) -> list[int]:
    return TableStore(data_dir).read(table, video_id).sort_by("rank").column("frame_index").to_pylist()


def run_as_told(output: str, *more: str) -> None:
    """Runs the command that was printed."""
    command = shlex.split(output.splitlines()[-1].partition("have run: ")[2])
    assert command[:2] == ["thumb-assets", "run"]
    assert thumb_assets(*command[1:], *more).exit_code == 0


def test_a_pinned_frame_is_selected_and_has_a_still(video_id: str, data_dir: Path) -> None:
    frame = 29
    assert frame not in TableStore(data_dir).read("candidate_frames", video_id).column("frame_index").to_pylist()
    pinned = thumb_assets("pin", "multi", frame)
    assert pinned.exit_code == 0, pinned.output
    assert f"{video_id}: frame 29 is always selected (1 pinned, 0 banned)" in pinned.output
    assert "the stages from `candidate_frames` on" in pinned.output
    run_as_told(pinned.output)
    for table in ("selections", "stills"):
        assert frame in frames_of(data_dir, video_id, table)
    assert len(list((data_dir / "stills" / video_id).glob(f"*_f{frame:08d}_*"))) == 1
    run_as_told(pinned.output, "--recompute")
    assert frame in frames_of(data_dir, video_id, "selections")
    undone = thumb_assets("unpin", video_id, frame)
    assert "is selected or not by score (0 pinned, 0 banned)" in undone.output
    run_as_told(undone.output)
    assert frame not in frames_of(data_dir, video_id, "selections")


def test_a_banned_frame_is_never_selected(video_id: str, data_dir: Path) -> None:
    best = frames_of(data_dir, video_id, "selections")[0]
    banned = thumb_assets("ban", video_id, best)
    assert "is never selected (0 pinned, 1 banned)" in banned.output
    assert "the stages from `selections` on" in banned.output
    for more in ((), ("--recompute",)):
        run_as_told(banned.output, *more)
        assert best not in frames_of(data_dir, video_id, "selections")
        assert best not in frames_of(data_dir, video_id, "stills")
    run_as_told(thumb_assets("ban", video_id, best, "--undo").output)
    assert frames_of(data_dir, video_id, "selections")[0] == best


def test_a_cover_is_rank_1_for_good_and_the_one_before_it_stays_pinned(video_id: str, data_dir: Path) -> None:
    best = frames_of(data_dir, video_id, "selections")[0]
    covered = thumb_assets("cover", "multi_shot.mp4", 29)
    assert covered.exit_code == 0, covered.output
    assert f"{video_id}: frame 29 is always selected, as rank 1 (0 pinned, 0 banned, 1 cover)" in covered.output
    for more in ((), ("--recompute",)):
        run_as_told(covered.output, *more)
        assert frames_of(data_dir, video_id, "selections")[:2] == [29, best]
        assert frames_of(data_dir, video_id, "stills")[0] == 29
    other = thumb_assets("cover", video_id, 31)
    assert "frame 29, the cover so far, stays pinned" in other.output
    run_as_told(other.output)
    chosen = frames_of(data_dir, video_id, "selections")
    assert chosen[0] == 31
    assert 29 in chosen
    run_as_told(thumb_assets("unpin", video_id, 29, 31).output)
    assert frames_of(data_dir, video_id, "selections")[0] == best


def test_many_frames_and_videos_by_their_file_names(video_id: str, data_dir: Path) -> None:
    named = thumb_assets("ban", "multi_shot", 3, 5, 7)
    assert f"{video_id}: frames 3, 5, 7 are never selected (0 pinned, 3 banned)" in named.output
    rows = f"video,frame,decision\nmulti_shot.mp4,3,unban\n{video_id},29,cover\nmulti,40,\n"
    read = thumb_assets("pin", "-", stdin=rows)
    assert read.exit_code == 0, read.output
    decided = TableStore(data_dir).read("decisions", video_id).to_pylist()
    assert {row["frame_index"]: row["decision"] for row in decided} == {5: "ban", 7: "ban", 29: "cover", 40: "pin"}
    assert thumb_assets("show", "multi_shot.mp4", "--why").exit_code == 0


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("frame\n3\n", "must name the columns video and frame"),
        ("video,frame\nmulti,3\nmulti,x\n", "line 3"),
        ("video,frame,decision\nmulti,3,pinned\n", "one of pin, ban, cover"),
        ("video,frame\nmulti,3\nmulti,100000\n", "has no frame 100000"),
        ("video,frame\n", "holds no row"),
    ],
)
def test_of_rows_that_are_wrong_nothing_is_decided(video_id: str, data_dir: Path, rows: str, words: str) -> None:
    result = thumb_assets("ban", "-", stdin=rows)
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert words in result.output
    assert TableStore(data_dir).read_or_none("decisions", video_id) is None


def test_what_was_decided_of_a_file_that_is_gone_is_taken_back(
    video_id: str, data_dir: Path, synthetic_videos: Callable[[str], Path], tmp_path: Path
) -> None:
    other = tmp_path / "other.mp4"
    other.write_bytes(synthetic_videos("cfr").read_bytes())
    (other_id,) = register(data_dir, [other])
    run_stages(data_dir, [other_id], stages=["videos", "frames"])
    thumb_assets("pin", "other.mp4", 3)
    other.unlink()
    assert thumb_assets("prune").exit_code == 0
    assert "its file is gone; it counts again" in thumb_assets("decisions").output
    assert "taken back; its file is gone" in thumb_assets("unpin", "other.mp4", 3).output
    assert "no decisions yet" in thumb_assets("decisions").output


def test_a_ban_of_a_pinned_frame_says_that_candidates_change(video_id: str) -> None:
    thumb_assets("pin", video_id, 29)
    assert "the stages from `candidate_frames` on" in thumb_assets("ban", video_id, 29).output
    assert "the stages from `selections` on" in thumb_assets("ban", video_id, 31).output


def test_of_a_video_whose_file_is_gone_nothing_is_decided(
    tmp_path: Path, data_dir: Path, synthetic_videos: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THUMB_ASSETS_DATA_DIR", str(data_dir))
    path = tmp_path / "gone.mp4"
    path.write_bytes(synthetic_videos("multi_shot").read_bytes())
    (video_id,) = register(data_dir, [path])
    run_stages(data_dir, [video_id], stages=["videos", "frames"])
    path.unlink()
    result = thumb_assets("pin", video_id, 3)
    assert result.exit_code != 0
    assert str(path) in result.output
    assert TableStore(data_dir).read_or_none("decisions", video_id) is None


def test_what_is_decided_while_a_choice_is_made_counts_from_the_next_run_on(
    video_id: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = TableStore(data_dir)
    best = frames_of(data_dir, video_id, "selections")[0]

    def choose_and_ban(*arguments: Any) -> Made:
        made = select_frames(*arguments)
        assert best in made.tables["selections"].column("frame_index").to_pylist()
        decide(store, video_id, {best: "ban"})
        return made

    with monkeypatch.context() as patch:
        patch.setitem(
            declared.STAGES, "selections", replace(declared.STAGES["selections"], run=FromTables(choose_and_ban))
        )
        run_stages(data_dir, [video_id], stages=["selections"], settings=load_settings(overrides=["selection.top_k=2"]))
    run_stages(data_dir, [video_id], stages=["selections"], settings=load_settings(overrides=["selection.top_k=2"]))
    assert best not in frames_of(data_dir, video_id, "selections")


def test_decisions_of_two_machines_are_all_kept(
    tmp_path: Path, synthetic_videos: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    shared = ("--set", f"library.outputs_url={(tmp_path / 'elsewhere').as_uri()}")
    stores = [TableStore(tmp_path / name) for name in "ab"]
    for store in stores:
        store.data_dir.mkdir()
        (video_id,) = register(store.data_dir, [synthetic_videos("multi_shot")])
        run_stages(store.data_dir, [video_id], stages=["videos", "frames"])
    for store, frame in zip(stores, (10, 20), strict=True):
        banned = thumb_assets("ban", video_id, frame, "--data-dir", store.data_dir, *shared)
        assert banned.exit_code == 0, banned.output
        assert shlex.join(shared) in banned.output  # what is to be run next has the same settings
    undone = thumb_assets("ban", video_id, 10, "--undo", "--data-dir", stores[1].data_dir, *shared)
    assert undone.exit_code == 0, undone.output
    assert thumb_assets("ban", video_id, 30, "--data-dir", stores[0].data_dir, *shared).exit_code == 0
    assert stores[0].read("decisions", video_id).column("frame_index").to_pylist() == [20, 30]


def test_what_was_not_decided_is_not_taken_back(video_id: str, data_dir: Path) -> None:
    thumb_assets("ban", video_id, 5)
    for arguments in (("unpin", video_id, 5), ("pin", video_id, 5, "--undo"), ("ban", video_id, 6, "--undo")):
        result = thumb_assets(*arguments)
        assert result.exit_code == 1
        assert len(result.output.splitlines()) == 1
        assert "so nothing is taken back" in result.output
    assert TableStore(data_dir).read("decisions", video_id).num_rows == 1
    over = thumb_assets("pin", video_id, 5)  # the later word counts
    assert "(1 pinned, 0 banned)" in over.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("pin", "multi", 100_000), "has no frame 100000"), (("ban", "no-such", 1), "no video that was run here")],
)
def test_wrong_frames_and_videos_get_one_line(video_id: str, arguments: tuple[object, ...], words: str) -> None:
    result = thumb_assets(*arguments)
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert words in result.output


def test_presets_are_listed_with_what_they_set() -> None:
    result = thumb_assets("presets")
    assert result.exit_code == 0
    for name, preset in load_presets(Settings).items():
        assert name in result.output
        assert preset.about in result.output
    assert "weights.sharpness=0.25" in result.output
    assert "top_k=auto" in result.output
