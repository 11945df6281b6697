"""Tables that a survey changes if videos cannot be read, or if its tables cannot be copied elsewhere."""

from pathlib import Path

import pytest

from thumb_assets.errors import MissingInputError, ThumbAssetsError
from thumb_assets.library.survey import survey
from thumb_assets.settings.load import load_settings
from thumb_assets.store.outcomes import Outcome, record_outcomes
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.survey import reference_path
from thumb_assets_tests.support.events import Heard
from thumb_assets_tests.unit.survey.builders import write_video

SETTINGS = load_settings(overrides=["survey.min_videos=4"])
IDS = [f"{name}-00000000" for name in "abcd"]
STAGES = ("videos", "candidate_frames", "sharpness", "appearance", "clip_scores", "selections")


@pytest.fixture
def store(data_dir: Path) -> TableStore:
    """Four videos that share their first frame."""
    store = TableStore(data_dir)
    for video_id in IDS:
        write_video(store, video_id, ["intro", f"{video_id}1", f"{video_id}2"])
    return store


def numbers(store: TableStore) -> dict[str, list[int]]:
    ids = store.video_ids("recurrences")
    return {video_id: store.read("recurrences", video_id).column("num_videos").to_pylist() for video_id in ids}


def outcomes_of(store: TableStore, video_id: str, status: str, *stages: str) -> None:
    is_failed = status == "failed"
    told = ("interrupted before it was done; run it again", False, None) if is_failed else (None, None, 1)
    record_outcomes(store, video_id, [Outcome(video_id, stage, status, *told, "a.mp4") for stage in stages])


def test_a_survey_reports_the_videos_it_reads_and_the_frames_it_compares(store: TableStore) -> None:
    heard = Heard()
    found = survey(store, SETTINGS, events=heard)
    assert sorted(set(heard.videos)) == IDS
    counts = [done for _, done, _ in heard.progressed]
    assert counts == sorted(counts)
    assert heard.progressed[-1][1:] == (found.num_frames, found.num_frames) == (12, 12)


def test_a_video_that_is_being_run_or_failed_keeps_what_was_found(store: TableStore) -> None:
    survey(store, SETTINGS)
    assert numbers(store) == {video_id: [3] for video_id in IDS}
    reference = reference_path(store).read_bytes()
    for stages in (STAGES, ("selections",)):
        outcomes_of(store, IDS[0], "failed", *stages)
        found = survey(store, SETTINGS)
        assert set(found.missing) == {IDS[0]}
        assert (found.changed, found.is_reference_new) == ((), False)
        assert numbers(store) == {video_id: [3] for video_id in IDS}
        assert reference_path(store).read_bytes() == reference
        outcomes_of(store, IDS[0], "done", *STAGES)
    assert survey(store, SETTINGS).changed == ()


def test_a_damaged_file_of_the_librarys_scores_is_put_right_by_the_next_survey(store: TableStore) -> None:
    survey(store, SETTINGS)
    reference_path(store).write_bytes(b"junk")
    outcomes_of(store, IDS[0], "failed", "selections")  # as it does while the file is damaged
    found = survey(store, SETTINGS)
    assert found.is_reference_new
    assert not found.is_reference_kept
    assert not reference_path(store).exists()  # three videos are too few
    reference_path(store).write_bytes(b"junk")
    for video_id in IDS:
        outcomes_of(store, video_id, "failed", "selections")
    with pytest.raises(MissingInputError, match="no video here can be surveyed"):
        survey(store, SETTINGS)
    assert not reference_path(store).exists()  # else no selection could be made again


def test_components_are_those_of_the_file_that_is_kept(store: TableStore) -> None:
    components = survey(store, SETTINGS).components
    assert "contrast" in components
    outcomes_of(store, IDS[0], "failed", *STAGES)
    found = survey(store, SETTINGS)  # three videos are too few, but what was found before counts
    assert (found.components, found.is_reference_kept) == (components, True)


def test_what_is_found_beside_a_video_that_is_being_run_is_added(store: TableStore) -> None:
    survey(store, SETTINGS)
    outcomes_of(store, IDS[0], "failed", *STAGES)
    for name in "efg":
        write_video(store, f"{name}-00000000", ["intro", f"{name}1"])
    survey(store, SETTINGS)
    # b to g are six, of which each is shown alike by five others: more than the three of before.
    assert numbers(store)[IDS[1]] == [5]
    assert numbers(store)[IDS[0]] == [3]


def test_what_could_not_be_brought_elsewhere_is_brought_by_the_next_survey(store: TableStore, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "tables" / "recurrences"
    in_the_way = elsewhere / f"{IDS[1]}.parquet"
    in_the_way.mkdir(parents=True)  # a folder by the name of the table: it cannot be stored
    settings = load_settings(overrides=["survey.min_videos=4", f"library.outputs_url={tmp_path}/elsewhere"])
    with pytest.raises(ThumbAssetsError):
        survey(store, settings)
    in_the_way.rmdir()
    survey(store, settings)
    assert sorted(path.stem for path in elsewhere.glob("*.parquet")) == IDS


def test_each_frame_is_rejected_by_the_videos_that_show_it_not_by_its_group(store: TableStore) -> None:
    (group,) = survey(store, SETTINGS).groups
    assert (group.num_videos, group.num_others) == (4, (3, 3, 3, 3))
