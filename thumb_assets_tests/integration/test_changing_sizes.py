"""Stills of videos whose size or pixel shape changes on the way: none is squashed, and most of the video counts."""

import numpy as np
import pytest
from PIL import Image

from thumb_assets.export.stills import export_stills
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.fetch import FrameFetcher
from thumb_assets_tests.support.decoded import identities_of, selections_of
from thumb_assets_tests.support.drawing import draw_frame, read_frame_index
from thumb_assets_tests.support.running import register, run_stages
from thumb_assets_tests.support.synthetic import RECIPES

# frame_index: (width, height) of its still.
EXPECTED = {
    "size_change": {0: (480, 270), 15: (480, 270), 16: (480, 270), 39: (480, 270)},
    "aspect_change": {0: (341, 256), 15: (341, 256), 16: (455, 256), 39: (455, 256)},
    "growing_call": {0: (640, 360), 8: (640, 360), 12: (640, 360), 39: (640, 360)},
    "turned_call": {0: (640, 360), 27: (640, 360), 28: (360, 640), 39: (360, 640)},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_video_has_the_size_that_is_on_screen_longest(synthetic_videos, name):
    with VideoDecoder(synthetic_videos(name)) as decoder:
        frames = list(decoder)
    assert decoder.header.geometry.display_size == RECIPES[name].display_size
    assert [read_frame_index(frame.rgb()) for frame in frames] == list(range(40))
    # What is measured is of one size, so that frames can be compared.
    assert len({frame.luma(90).shape for frame in frames} | {frame.rgb(90).shape[:2] for frame in frames}) == 1
    assert len({frame.small_rgb(45).shape for frame in frames}) == 1


@pytest.mark.parametrize("name", EXPECTED)
def test_each_frame_is_the_same_however_it_is_reached(synthetic_videos, name):
    path = synthetic_videos(name)
    identities = identities_of(path)
    with VideoDecoder(path) as decoder:
        sizes = [frame.geometry for frame in decoder]
    with FrameFetcher(path, identities) as fetcher:
        for frame_index in (39, 0, 20, 15, 16, 30, 5):
            assert fetcher.fetch(frame_index)[0].geometry == sizes[frame_index]


@pytest.mark.parametrize("name", EXPECTED)
def test_stills_are_not_squashed(synthetic_videos, tmp_path, name):
    path = synthetic_videos(name)
    identities = identities_of(path)
    selections = selections_of("a-1", EXPECTED[name], identities=identities, ticks_per_second=90_000)
    stills = export_stills(
        path, selections=selections, video_id="a-1", identities=identities, stills_dir=tmp_path, video_sha256="0" * 64
    ).to_pylist()
    assert {row["frame_index"]: (row["width"], row["height"]) for row in stills} == EXPECTED[name]
    for row in stills:
        with Image.open(tmp_path / "a-1" / row["file_name"]) as picture:
            assert picture.size == (row["width"], row["height"])
            found = np.asarray(picture.convert("RGB"))
        assert read_frame_index(found) == row["frame_index"]
        drawn = Image.fromarray(draw_frame(row["frame_index"], width=found.shape[1], height=found.shape[0]))
        assert drawn.size == picture.size


@pytest.mark.parametrize(
    ("name", "words"),
    [("growing_call", "160x90 at first, 640x360"), ("aspect_change", "pixel aspect ratio changes"), ("cfr", None)],
)
def test_a_change_is_said(synthetic_videos, data_dir, name, words):
    (video_id,) = register(data_dir, [synthetic_videos(name)])
    results = run_stages(data_dir, [video_id], ["videos", "frames"])
    note = results[video_id, "videos"].metrics.get("note")
    assert note is None if words is None else words in str(note)
