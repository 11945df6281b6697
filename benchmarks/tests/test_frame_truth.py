"""The page that holds our pictures against other programs: three rows of it, and judges that know what is wrong."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.frame_truth import judges, reference, row
from benchmarks.frame_truth.contestants import Library, by_ss_rate, by_ss_time
from benchmarks.frame_truth.hazards import Hazard, real_hazards
from benchmarks.frame_truth.ours import export, record, stills_problems
from benchmarks.frame_truth.page import render
from thumb_assets_tests.support.synthetic import RECIPES


@pytest.fixture
def hazard(synthetic_videos: Callable[[str], Path]) -> Callable[[str], Hazard]:
    return lambda name: Hazard(
        name, "a hazard", synthetic_videos(name), RECIPES[name].drawn_index, is_small=True, num_tried=3
    )


def test_rows_are_right_and_told(hazard, tmp_path):
    with Library("opencv") as opencv:
        others = {"-ss time": by_ss_time, "-ss n/fps": by_ss_rate, "OpenCV": opencv, "torchcodec": None}
        rows = [row.prove(hazard(name), others) for name in ("mirrored_90", "h264_bottom_first", "hdr_pq")]
    assert rows[0].num_wrong == {"-ss time": 0, "-ss n/fps": 0, "OpenCV": 0, "torchcodec": None}
    assert [(each.problems, each.is_right) for each in rows] == [([], True)] * 3
    assert all(each.num_right == {"pyav": 3, "ffmpeg": 3} and each.num_by_program == 3 for each in rows)
    page = render(rows, command="the command", has_real=False, torchcodec_reason="it is not installed")
    assert "**3 hazards, 9 frames, all proven.**" in page
    assert "torchcodec not run" in page
    assert "The real clips were not there" in page
    (line,) = (line for line in page.splitlines() if line.startswith("| `hdr_pq` |"))
    assert "| 3/3 | 3/3 | hash and strip | 320x180 | rank " in line
    assert "| right |" in line
    assert list(real_hazards(tmp_path)) == []


def test_another_frames_picture_is_wrong(hazard):
    subject = hazard("cfr")
    recording, wanted = record(subject.path), [4, 9]
    frames = export(subject.path, recording, wanted, backend="pyav")
    hashes = {index: frames[index].luma_hash for index in wanted}
    arguments = {"wanted": wanted, "hashes": hashes}
    assert row.identity_problems(subject, recording, frames, **arguments) == {}

    swapped = {4: frames[9], 9: frames[9]}
    found = row.identity_problems(subject, recording, swapped, **arguments)
    assert list(found) == [4]
    assert "another picture" in found[4]

    claimed = {**frames, 4: dataclasses.replace(frames[9], luma_hash=frames[4].luma_hash)}
    found = row.identity_problems(subject, recording, claimed, **arguments)
    assert found == {4: "frame 4: reads 9, not 4"}
    assert "another picture" in row.identity_problems(subject, recording, frames, wanted=[4], hashes={4: "0" * 32})[4]
    assert row.identity_problems(subject, recording, {}, **arguments) == {4: "frame 4: missing", 9: "frame 9: missing"}

    drawn, plain = (
        lambda rgb, index, at=at: judges.is_other_frame(rgb, 4, recording.signatures, at) for at in (4, None)
    )
    for judge in (drawn, plain):
        assert not judge(frames[4].rgb, 4)
        assert not judge(np.rot90(frames[4].rgb), 4)
        assert judge(frames[9].rgb, 4)
        assert judge(None, 4)
        assert judge(np.zeros((180, 320, 3), np.uint8), 4)
        assert judge(np.random.default_rng(1).integers(0, 256, (180, 320, 3), np.uint8), 4)


def test_stills_of_another_video_are_wrong(hazard):
    recording = record(hazard("cfr").path)
    assert stills_problems(hazard("cfr").path, recording, [3]) == []
    with pytest.raises(Exception, match="frame 3"):
        stills_problems(hazard("vfr").path, recording, [3])


def test_another_way_up_is_wrong(hazard):
    subject = hazard("rotated_90")
    recording = record(subject.path)
    ours = {index: frame.rgb for index, frame in export(subject.path, recording, [2, 30], backend="pyav").items()}
    conversion = reference.plain_conversion(recording.header)
    shown = reference.shown_pictures(subject.path, recording.header, [2, 30], conversion=conversion)
    assert judges.judge_geometry(ours, shown) == judges.Finding(is_right=True, text="320x180")
    for number, wrong in enumerate(zip(*(judges.orientations_of(picture) for picture in ours.values()), strict=True)):
        assert judges.judge_geometry(dict(zip(ours, wrong, strict=True)), shown).is_right == (number == 0)
    assert not judges.judge_geometry({index: picture[:, 2:] for index, picture in ours.items()}, shown).is_right
    assert not judges.judge_geometry({}, shown).is_right


def test_another_matrix_or_range_is_wrong(hazard):
    subject = hazard("sd_tagged_709")
    recording = record(subject.path)
    ours = export(subject.path, recording, [5], backend="pyav")[5].rgb

    def shown(conversion: str) -> np.ndarray:
        return reference.shown_pictures(subject.path, recording.header, [5], conversion=conversion)[5]

    right = reference.plain_conversion(recording.header)
    assert judges.judge_colour(ours, shown(right))[0]
    assert not judges.judge_colour(ours, shown(reference.plain_conversion(recording.header, matrix=5)))[0]
    assert not judges.judge_colour(ours, shown(right.replace("rangein=limited", "rangein=full")))[0]
    assert not judges.judge_tone(ours, ours[..., ::-1])[0]
    assert not judges.judge_tone(ours, 255 - ours)[0]


def test_hdr_that_is_not_mapped_is_wrong(hazard):
    subject = hazard("hdr_hlg")
    recording = record(subject.path)
    colours = recording.header.look.colours
    ours = export(subject.path, recording, [5], backend="pyav")[5].rgb
    conversion = reference.plain_conversion(recording.header, is_deep=True)
    signal = reference.shown_pictures(subject.path, recording.header, [5], conversion=conversion, is_deep=True)[5]
    assert judges.judge_formula(ours, signal, colours)[0]
    assert not judges.judge_formula((signal >> 8).astype(np.uint8), signal, colours)[0]
    assert not judges.judge_formula(ours, signal, dataclasses.replace(colours, transfer="pq"))[0]
