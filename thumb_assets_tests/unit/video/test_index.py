"""The rules of trust, one by one, and every frame of every file at its place or the file refused."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from thumb_assets.errors import ThumbAssetsError
from thumb_assets.video.bitstream import PacketContent
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.groups import IndexedDecoder
from thumb_assets.video.index import FrameIndex, PacketFacts, UntrustedIndexError, plan_frames, require_index
from thumb_assets.video.timing import Clock
from thumb_assets_tests.support.synthetic import RECIPES

_INTER = PacketContent(1, False)
# I P B B | I P B B, in the order of the file.
_STAMPS = (0, 3, 1, 2, 4, 7, 5, 6)
_PLAIN = tuple(
    PacketFacts(
        pts, place, 100, pts in (0, 4), is_discard=False, is_corrupt=False, content=PacketContent(1, pts in (0, 4))
    )
    for place, pts in enumerate(_STAMPS)
)


def _plan(packets: list[PacketFacts], num_frames: int | None = None) -> FrameIndex:
    return plan_frames(packets, num_frames_from_header=num_frames, clock=Clock(Fraction(1, 10), container="mp4"))


def test_places_are_those_of_the_stamps() -> None:
    index = _plan(list(_PLAIN), num_frames=8)
    assert index.pts.tolist() == list(range(8))
    assert index.coding_place.tolist() == [0, 2, 3, 1, 4, 6, 7, 5]
    assert index.sync_frames.tolist() == [0, 4]
    assert index.sync_dts.tolist() == [0, 4]
    assert [index.span(group) for group in range(2)] == [range(4), range(4, 8)]
    assert index.frame_index_of(5) == 5
    assert index.frame_index_of(9) is None
    assert np.allclose(index.pts_seconds, np.arange(8) / 10)


@pytest.mark.parametrize(
    ("place", "change", "reason"),
    [
        (2, {"pts": None}, "has no stamp"),
        (2, {"pts": 3}, "same stamp"),
        (2, {"is_discard": True}, "edit list"),
        (2, {"is_corrupt": True}, "is damaged"),
        (2, {"content": None}, "is damaged"),
        (2, {"content": PacketContent(0, False)}, "shows 0 pictures"),
        (2, {"content": PacketContent(2, False)}, "shows 2 pictures"),
        (4, {"content": _INTER}, "marked as a sync frame"),
        (0, {"is_keyframe": False}, "does not begin with a sync frame"),
        (2, {"pts": -1}, "does not begin with a sync frame"),
    ],
)
def test_each_broken_rule_is_named(place: int, change: dict[str, object], reason: str) -> None:
    packets = list(_PLAIN)
    packets[place] = replace(packets[place], **change)  # type: ignore[arg-type]
    with pytest.raises(UntrustedIndexError, match=reason):
        _plan(packets)


def test_the_container_and_its_header_must_agree() -> None:
    with pytest.raises(UntrustedIndexError, match="mpegts keeps no index"):
        require_index("mpegts")
    require_index("mov,mp4,m4a,3gp,3g2,mj2")
    with pytest.raises(UntrustedIndexError, match="header counts 300 frames, the file has 8"):
        _plan(list(_PLAIN), num_frames=300)
    with pytest.raises(UntrustedIndexError, match="no packets"):
        _plan([])


_TRUSTED = {"cfr", "vfr", "b_frames", "long_gop", "rotated_90", "hevc_10_bit", "vp9", "vp9_alt_ref", "vp8", "av1"} | {
    *("edit_list_start", "fragmented", "two_streams", "with_cover", "multi_shot", "one_frame", "duplicates", "cropped"),
}
_REFUSED = {
    "open_gop",
    "edit_list_trimmed",
    "mpeg_ts",
    "raw_h264",
    "mpeg2_interlaced",
    "h264_top_first",
    "same_pts",
} | {
    *("motion_jpeg", "mpeg4_avi", "prores", "gif", "size_change", "truncated", "corrupted"),
}


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_frame_is_at_its_place_or_the_file_is_refused(name: str, synthetic_videos: Callable[[str], Path]) -> None:
    path = synthetic_videos(name)
    if not RECIPES[name].is_readable:
        with pytest.raises(ThumbAssetsError):
            IndexedDecoder(path)
        return
    is_trusted = _is_right_wherever_trusted(path)
    if name in _TRUSTED | _REFUSED:
        assert is_trusted == (name in _TRUSTED)


@pytest.mark.slow
def test_shared_clips_too(shared_dir: Path) -> None:
    names = ["sample.video.mp4", "cursed-vfr.mp4", "av1_video.mkv", "bbb_642x642_768kbps_30fps_vp9.webm", "edts.mp4"]
    assert all(_is_right_wherever_trusted(shared_dir / "video" / name) for name in names)
    refused = ["corrupted.mp4", "sample_edit_list.mp4", "iibbibb_editlist_videoonly.mp4", "test-025.ts", "fades.mp4"]
    assert not any(_is_right_wherever_trusted(shared_dir / "video" / name) for name in refused)


def _is_right_wherever_trusted(path: Path) -> bool:
    with VideoDecoder(path) as decoder:
        truth = [(frame.frame_index, frame.pts, frame.fingerprint) for frame in decoder]
    try:
        with IndexedDecoder(path) as decoder:
            index = decoder.index
            found = [list(decoder.sync_frames())]
            for group in reversed(range(index.num_groups)):  # each has to be searched for
                found.append(list(decoder.group_frames(group)))
                span = index.span(group)
                assert len(found[-1]) == len(span) + (group + 1 < index.num_groups)
                part = list(decoder.group_frames(group, exclusive_end=span.start + (len(span) + 1) // 2))
                assert [frame.frame_index for frame in part] == list(span)[: (len(span) + 1) // 2]
                rough = [frame.frame_index for frame in decoder.rough_frames(group)]
                assert rough == sorted(set(rough))
                assert set(rough) <= set(span)
    except UntrustedIndexError:
        return False
    assert len(index) == len(truth)
    for frames in found:
        for frame in frames:
            assert (frame.frame_index, frame.pts, frame.fingerprint) == truth[frame.frame_index]
    return True
