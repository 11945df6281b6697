"""The promise of the whole project: frame_index k is the k-th displayed picture, in the decode pass and on a fetch."""

import dataclasses
import random
from collections import Counter

import numpy as np
import pytest

from thumb_assets.errors import VerificationError
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.fetch import FrameFetcher
from thumb_assets_tests.support.decoded import identities_of
from thumb_assets_tests.support.drawing import read_frame_index
from thumb_assets_tests.support.synthetic import RECIPES

COUNTED = [name for name, recipe in RECIPES.items() if recipe.is_readable and recipe.num_frames is not None]
READABLE = [name for name, recipe in RECIPES.items() if recipe.is_readable]


@pytest.mark.parametrize("name", COUNTED)
def test_every_decoded_frame_shows_its_own_index(synthetic_videos, name):
    recipe = RECIPES[name]
    with VideoDecoder(synthetic_videos(name)) as decoder:
        assert decoder.header.geometry.display_size == recipe.display_size
        frames = [(frame.frame_index, frame.rgb(), frame.luma(54)) for frame in decoder]
    num_of_other_shape = sum(rgb.shape[1::-1] != recipe.display_size for _, rgb, _ in frames)
    assert num_of_other_shape == {"aspect_change": 16, "turned_call": 12}.get(name, 0)
    assert [frame[0] for frame in frames] == list(range(recipe.num_frames))
    for frame_index, rgb, luma in frames:
        assert read_frame_index(rgb) == recipe.drawn_index(frame_index)
        assert read_frame_index(np.repeat(luma[..., None], 3, axis=2)) == recipe.drawn_index(frame_index)


@pytest.mark.parametrize("name", COUNTED)
def test_frames_fetched_in_any_order_are_the_right_ones(synthetic_videos, name):
    path, recipe = synthetic_videos(name), RECIPES[name]
    identities = identities_of(path)
    order = random.Random(7).choices(range(len(identities)), k=12)
    with FrameFetcher(path, identities) as fetcher:
        for frame_index in order:
            frame, _ = fetcher.fetch(frame_index)
            assert frame.frame_index == frame_index
            assert read_frame_index(frame.rgb()) == recipe.drawn_index(frame_index)


@pytest.mark.parametrize("name", READABLE)
def test_a_fetch_gives_the_pixels_of_the_decode_pass(synthetic_videos, name):
    path = synthetic_videos(name)
    identities = identities_of(path)
    with VideoDecoder(path) as decoder:
        wanted = {frame.frame_index: frame.rgb() for frame in decoder if frame.frame_index % 7 == 0}
    with FrameFetcher(path, identities) as fetcher:
        for frame, _ in fetcher.fetch_many(wanted):
            assert (frame.rgb() == wanted[frame.frame_index]).all()


def test_the_last_frame_of_a_transport_stream_is_found_by_seeking(synthetic_videos):
    path = synthetic_videos("mpeg_ts")
    identities = identities_of(path)
    with FrameFetcher(path, identities) as fetcher:
        frame, method = fetcher.fetch(74)
    assert (read_frame_index(frame.rgb()), method) == (74, "seek")


def test_a_file_that_cannot_seek_is_counted_from_the_start(synthetic_videos):
    path = synthetic_videos("raw_h264")
    identities = identities_of(path)
    methods = Counter()
    with FrameFetcher(path, identities) as fetcher:
        for frame_index in (30, 3, 17, 0):
            frame, method = fetcher.fetch(frame_index)
            methods[method] += 1
            assert read_frame_index(frame.rgb()) == frame_index
    assert methods == {"sequential": 4}


@pytest.mark.parametrize("damage", ["hash", "pts"])
def test_a_file_that_no_longer_gives_the_recorded_frames_is_refused(synthetic_videos, damage):
    path = synthetic_videos("cfr")
    identities = identities_of(path)
    if damage == "hash":
        hashes = identities.luma_hash.copy()
        hashes[20] = "0" * 32
        identities = dataclasses.replace(identities, luma_hash=hashes)
    else:
        identities = dataclasses.replace(identities, pts=identities.pts + (np.arange(40) == 20))
    with FrameFetcher(path, identities) as fetcher:
        assert read_frame_index(fetcher.fetch(19)[0].rgb()) == 19
        with pytest.raises(VerificationError, match="frame 20"):
            fetcher.fetch(20)
        assert read_frame_index(fetcher.fetch(21)[0].rgb()) == 21


@pytest.mark.parametrize("frame_index", [-1, 40])
def test_an_index_that_is_not_in_the_video_is_refused(synthetic_videos, frame_index):
    path = synthetic_videos("cfr")
    with FrameFetcher(path, identities_of(path)) as fetcher, pytest.raises(VerificationError, match="has no frame"):
        fetcher.fetch(frame_index)


def test_another_video_of_the_same_length_is_refused(synthetic_videos):
    identities = identities_of(synthetic_videos("cfr"))
    with (
        FrameFetcher(synthetic_videos("vfr"), identities) as fetcher,
        pytest.raises(VerificationError, match="the file changed"),
    ):
        fetcher.fetch(10)


def test_the_hash_ignores_how_the_frame_is_shown(synthetic_videos):
    path = synthetic_videos("rotated_90")
    with VideoDecoder(path) as decoder:
        frame = next(iter(decoder))
        before = frame.luma_hash
        frame.rgb()
        assert frame.luma_hash == before
        assert len(before) == 32
