"""A screen recording through the whole engine: the states of the screen are chosen, and all of it is explained."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from thumb_assets.cli import main
from thumb_assets.settings.load import load_settings
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages
from thumb_assets_tests.support.screens import SCREENS, screen_of, write_screen_recording

NUM_FRAMES = sum(number for _, number in SCREENS)
STAGES = WITHOUT_MODELS[: WITHOUT_MODELS.index("selections") + 1]
WHOLE = {"title", "list of three", "picture", "terminal"}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_screen_recording(tmp_path_factory.mktemp("screens") / "recording.mp4")


def chosen(data_dir: Path, recording: Path, *overrides: str) -> list[str]:
    """The screens that the selections show, best first."""
    (video_id,) = register(data_dir, [recording])
    results = run_stages(data_dir, [video_id], STAGES, settings=load_settings(overrides=overrides))
    assert {result.status for result in results.values()} == {"done"}, results
    rows = TableStore(data_dir).read("selections", video_id).sort_by("rank").to_pylist()
    return [screen_of(row["frame_index"]) for row in rows]


def test_each_screen_is_a_state_with_a_candidate(data_dir: Path, recording: Path) -> None:
    (video_id,) = register(data_dir, [recording])
    decoded: list[tuple[str, int]] = []
    run_stages(data_dir, [video_id], STAGES, decoded=decoded)
    assert len(decoded) == NUM_FRAMES, "one pass"
    rows = TableStore(data_dir).read("candidate_frames", video_id).to_pylist()
    states = [row for row in rows if "state" in row["sampling_methods"]]
    assert [screen_of(row["frame_index"]) for row in states] == [name for name, _ in SCREENS]
    ends = [row["state_exclusive_end_frame_index"] for row in states]
    assert [row["frame_index"] for row in states] == [end - 4 for end in ends]
    appearance = TableStore(data_dir).read("appearance", video_id).to_pylist()
    with_edges = {row["frame_index"] for row in appearance if row["edges"] is not None}
    assert with_edges == {row["frame_index"] for row in states}


@pytest.mark.parametrize("overrides", [("selection.top_k=5",), ("selection.preset=screens",)], ids=" ".join)
def test_every_screen_is_shown_once_and_the_list_when_it_is_whole(
    overrides: tuple[str, ...], data_dir: Path, recording: Path
) -> None:
    names = chosen(data_dir, recording, *overrides)
    assert len(names) == len(set(names)) == len(WHOLE)
    assert set(names) == WHOLE


def test_with_three_the_longest_are_shown(data_dir: Path, recording: Path) -> None:
    names = chosen(data_dir, recording)
    assert len(names) == 3
    assert set(names) <= WHOLE


def test_off_chooses_as_from_any_video(data_dir: Path, recording: Path) -> None:
    chosen(data_dir, recording, "candidates.screens=off")
    (video_id,) = register(data_dir, [recording])
    store = TableStore(data_dir)
    assert not any("state" in row["sampling_methods"] for row in store.read("candidate_frames", video_id).to_pylist())
    assert store.read("appearance", video_id).column("edges").null_count > 0
    assert store.read("selections", video_id).column("state_percentile").null_count > 0


def test_the_reasons_are_told(data_dir: Path, recording: Path) -> None:
    chosen(data_dir, recording)
    output = CliRunner().invoke(main, ["show", "recording", "--why", "--data-dir", str(data_dir)]).output
    assert "rejected: no state" in output
    assert "rejected: growing state" in output
    assert "the next one keeps" in output
    assert "(selection.screens)" in output
    assert re.search(r"selected with score [\d.]+, rank 1 of 3: state [\d.]+;", output)


def test_a_sparse_pass_finds_no_states_and_still_chooses(data_dir: Path, tmp_path: Path) -> None:
    overrides = ("sparse.is_on=true", "sparse.min_sync_frames=2")
    recording = write_screen_recording(tmp_path / "long.mp4", num_times=3)
    (video_id,) = register(data_dir, [recording])
    results = run_stages(data_dir, [video_id], STAGES, settings=load_settings(overrides=overrides))
    assert {result.status for result in results.values()} == {"done"}, results
    store = TableStore(data_dir)
    footer = store.footer("frames", video_id) or {}
    assert footer["decoding"] == "sparse", footer
    assert store.read("candidate_frames", video_id).column("state_start_frame_index").null_count > 0
    assert store.read("selections", video_id).column("state_percentile").null_count > 0
