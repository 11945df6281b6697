"""`thumb-assets verify`: stills found anywhere are the same, edited, or something else."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from thumb_assets.cli import main
from thumb_assets.errors import VerificationError
from thumb_assets.export.metadata import encode_still, read_still_metadata
from thumb_assets.export.verify_file import origin_of
from thumb_assets.settings.load import load_settings
from thumb_assets.video.decode import VideoDecoder
from thumb_assets_tests.support.edited import edits
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages

FOOTAGE = (
    *("mma_demo.mp4", "lp_d9.mp4", "kb_dash.mp4", "IronMan.mp4", "onepiece_demo.mp4", "max_asia.mp4", "ss_ted.mp4"),
    *("04_coffee.mp4", "xy_news.mp4"),
)


def verify(data_dir: Path, *arguments: object):
    return CliRunner().invoke(main, ["verify", *map(str, arguments), "--data-dir", str(data_dir)])


def written(path: Path, rgb, facts) -> Path:
    path.write_bytes(encode_still(rgb, format="jpeg", quality=90, facts=facts))
    return path


@pytest.fixture
def stills(synthetic_videos, data_dir):
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    run_stages(data_dir, [video_id])
    return sorted(path for path in (data_dir / "stills" / video_id).glob("*_f*.jpg"))


def test_a_copy_under_another_name_is_the_same_and_a_smaller_one_is_edited(stills, data_dir, tmp_path):
    still, other = stills[:2]
    facts = read_still_metadata(still)
    copy = tmp_path / "found on the web.jpg"
    copy.write_bytes(still.read_bytes())
    image = Image.open(still)
    small = tmp_path / "small.jpg"
    image.resize((image.width // 2, image.height // 2)).save(small, exif=image.getexif())
    pasted = written(tmp_path / "pasted.jpg", np.asarray(Image.open(other)), facts)

    same = verify(data_dir, still, copy)
    assert same.exit_code == 0, same.output
    assert [line.split()[0] for line in same.output.splitlines()] == ["same", "same"]
    assert f"frame {facts['frame_index']} of" in same.output
    changed = verify(data_dir, small, pasted)
    assert changed.exit_code == 1, changed.output
    assert [line.split()[0] for line in changed.output.splitlines()] == ["edited", "other"]


def test_without_the_library_the_video_is_named(stills, data_dir, tmp_path, synthetic_videos):
    elsewhere = tmp_path / "elsewhere"
    unknown = verify(elsewhere, stills[0])
    assert unknown.exit_code == 3
    assert "is not in the library; name its file with --video" in unknown.stderr
    named = verify(elsewhere, stills[0], "--video", synthetic_videos("multi_shot"))
    assert (named.exit_code, named.output.split()[0]) == (0, "same")
    wrong = verify(elsewhere, stills[0], "--video", synthetic_videos("cfr"))
    assert wrong.exit_code == 3
    assert "is not the file that" in wrong.stderr


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"frame_index": 10_000}, "does not have"),
        ({"frame_index": 3}, "another luma_hash"),
        ({"still_box": [0, 0, 99_999, 8]}, "a part"),
        ({"still_box": "all"}, "a part"),
        ({"crop_box": [-4, 0, 8, 8]}, "a part"),
    ],
)
def test_facts_that_are_not_of_that_frame_are_not_believed(stills, data_dir, tmp_path, changes, says):
    rgb = np.asarray(Image.open(stills[0]))
    result = verify(data_dir, written(tmp_path / "a.jpg", rgb, read_still_metadata(stills[0]) | changes))
    assert (result.exit_code, result.output.split()[0]) == (1, "other")
    assert says in result.output


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0 no picture", b"text"])
def test_what_is_no_picture_of_ours_is_said(data_dir, tmp_path, content):
    path = tmp_path / "a\nb.jpg"
    path.write_bytes(content)
    result = verify(data_dir, path, tmp_path / "absent.jpg")
    assert result.exit_code == 3
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert lines[0].endswith("a\\nb.jpg: is no picture that can be read; give a still or a crop")
    assert "there is no such file" in lines[1]


def test_a_picture_without_metadata_and_a_video_get_a_line_without_names_of_python(
    data_dir, tmp_path, synthetic_videos
):
    for suffix in (".jpg", ".png"):
        Image.new("RGB", (8, 8)).save(tmp_path / f"plain{suffix}")
    video = synthetic_videos("one_frame")
    result = verify(data_dir, tmp_path / "plain.jpg", tmp_path / "plain.png", video)
    assert result.exit_code == 3
    advice = "holds no facts of ours; it is none of our pictures, or a program removed its metadata"
    assert result.stderr.splitlines() == [
        f"error: {tmp_path / 'plain.jpg'}: {advice}",
        f"error: {tmp_path / 'plain.png'}: {advice}",
        f"error: {video}: is no picture that can be read; give a still or a crop",
    ]


def test_facts_without_a_frame_are_an_error(stills, synthetic_videos, tmp_path):
    for value in (None, "3", True):
        with pytest.raises(VerificationError, match="name no frame"):
            origin_of(stills[0], {"frame_index": value}, synthetic_videos("multi_shot"))


def test_a_crop_is_verified_as_well(synthetic_videos, data_dir):
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    settings = load_settings(overrides=['crops.aspect_ratios=["1:1"]'])
    run_stages(data_dir, [video_id], (*WITHOUT_MODELS, "crops"), settings=settings)
    (crop, *_) = sorted((data_dir / "crops" / video_id).glob("*.jpg"))
    result = verify(data_dir, crop)
    assert (result.exit_code, result.output.split()[0]) == (0, "same")
    assert "crop_box" in read_still_metadata(crop)


@pytest.mark.slow
@pytest.mark.parametrize("name", FOOTAGE)
def test_of_real_frames_no_edit_is_taken_for_another_frame_and_none_the_other_way_round(shared_dir, tmp_path, name):
    video, mistakes, num_cases = shared_dir / "footage" / name, [], 0
    frames = []
    with VideoDecoder(video) as decoder:
        for frame in decoder:
            if frame.frame_index % 17 == 5:
                frames.append((frame.frame_index, frame.luma_hash, frame.rgb()))
            if len(frames) == 8:
                break
    for place in (2, 5):
        index, luma_hash, rgb = frames[place]
        facts = {"frame_index": index, "luma_hash": luma_hash}
        cases = [("as written", rgb, "same"), *((kind, each, "edited") for kind, each in edits(rgb))]
        cases += [("the next", frames[place + 1][2], "other"), ("the first", frames[0][2], "other")]
        for kind, picture, expected in cases:
            verdict = origin_of(written(tmp_path / "a.jpg", picture, facts), facts, video).verdict
            num_cases += 1
            if verdict != expected:
                mistakes.append((index, kind, verdict))
    assert mistakes == []
    assert num_cases == 26
