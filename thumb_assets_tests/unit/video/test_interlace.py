"""Interlaced video: combs are gone, the moment is the first field's, the pass and a fetch give the same pixels."""

import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext

from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.fetch import FrameFetcher
from thumb_assets_tests.support.decoded import identities_of
from thumb_assets_tests.support.encoding import Encoding, encode

LOSSLESS = {"preset": "ultrafast", "qp": "0"}
ORDERS = {"top_first": "tff", "bottom_first": "bff"}
WIDTH, HEIGHT, STEP = 320, 240, 6


def field(moment):
    """A bright bar that moves sideways, as it is at one of 50 moments a second."""
    picture = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    start = 20 + STEP * moment
    picture[:, start : start + 40] = 200
    return picture


def woven(frame_index, order):
    """Two fields in one picture, the lines of one between the lines of the other."""
    first, second = field(2 * frame_index), field(2 * frame_index + 1)
    frame = first.copy()
    later = 1 if order == "top_first" else 0
    frame[later::2] = second[later::2]
    return frame


def combing(rgb):
    """Difference of neighbouring lines where lines two apart agree."""
    luma = rgb[..., 1].astype(int)
    return np.maximum(np.abs(luma[2:] - luma[1:-1]) - np.abs(luma[2:] - luma[:-2]), 0).mean()


@pytest.fixture(params=ORDERS)
def interlaced(request, tmp_path):
    order = request.param
    encoding = Encoding(options=LOSSLESS, field_order=ORDERS[order], gop_size=4)
    return order, encode(tmp_path / "interlaced.mkv", [woven(i, order) for i in range(12)], encoding)


def test_the_order_of_the_fields_is_told(interlaced):
    order, path = interlaced
    with VideoDecoder(path) as decoder:
        assert {frame.field_order for frame in decoder} == {order}


def test_combs_are_gone_and_the_first_field_stays(interlaced):
    order, path = interlaced
    assert combing(woven(5, order)) > 2
    with VideoDecoder(path) as decoder:
        for frame in decoder:
            rgb = frame.rgb().astype(int)
            assert combing(rgb) < 0.2
            # The bar stands where the first field has it, in both kinds of lines.
            expected = field(2 * frame.frame_index)[..., 1].astype(int)
            assert np.abs(rgb[..., 1] - expected).mean() < 3


def test_a_fetch_gives_the_pixels_of_the_pass(interlaced):
    _, path = interlaced
    with VideoDecoder(path) as decoder:
        passed = {frame.frame_index: (frame.rgb(), frame.luma(120)) for frame in decoder}
    with FrameFetcher(path, identities_of(path)) as fetcher:
        for frame_index in (8, 0, 11, 4, 5, 3):  # sync frames, both ends, neighbours across a sync frame
            frame, _ = fetcher.fetch(frame_index)
            assert (frame.rgb() == passed[frame_index][0]).all()
            assert (frame.luma(120) == passed[frame_index][1]).all()


def test_a_sync_frame_is_not_taken_without_the_one_before_it(interlaced):
    # Right after a seek the decoder has no picture before: bwdif would make another picture of the same frame.
    _, path = interlaced
    identities = identities_of(path)
    with VideoDecoder(path) as decoder:
        assert decoder.seek(int(identities.pts[8]))
        frame = next(iter(decoder))
        assert frame.luma_hash == identities.luma_hash[8]
        assert not identities.is_match(frame, 8)


@pytest.mark.skipif(not hasattr(VideoCodecContext, "field_order"), reason="this PyAV neither writes nor reads it")
def test_a_codec_without_flags_is_believed_by_its_container(tmp_path):
    encoding = Encoding(codec="ffv1", options={}, field_order="bff")
    path = encode(tmp_path / "fields.mkv", [woven(i, "bottom_first") for i in range(4)], encoding)
    with VideoDecoder(path) as decoder:
        assert {frame.field_order for frame in decoder} == {"bottom_first"}


def test_the_broadcast_clip_has_no_combs(shared_dir):
    with VideoDecoder(shared_dir / "video" / "test-025.ts") as decoder:
        frames = list(decoder)
    assert {frame.field_order for frame in frames} == {"top_first"}
