"""Headers, damage, and one clear line for what cannot be used."""

import av
import pytest

from thumb_assets.errors import BadInputError
from thumb_assets.settings.stages import VideoSettings
from thumb_assets.video.decode import VideoDecoder
from thumb_assets_tests.support.damage import damage
from thumb_assets_tests.support.decoded import identities_of
from thumb_assets_tests.support.drawing import read_frame_index
from thumb_assets_tests.support.synthetic import RECIPES

THREADS = (1, 2, 4, 8)


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if not recipe.is_readable])
def test_what_cannot_be_used_is_named_in_one_line(synthetic_videos, name):
    path = synthetic_videos(name)
    with pytest.raises(BadInputError) as caught, VideoDecoder(path) as decoder:
        list(decoder)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / "none.mp4", tmp_path):
        with pytest.raises(BadInputError, match=str(path)):
            VideoDecoder(path)


def test_a_frame_larger_than_the_setting_allows_is_refused(synthetic_videos):
    with pytest.raises(BadInputError, match="max_pixels"):
        VideoDecoder(synthetic_videos("cfr"), VideoSettings(max_pixels=1000))


def test_a_name_that_looks_like_a_protocol_is_a_file(synthetic_videos, tmp_path):
    path = tmp_path / "concat:12:30.mp4"
    path.write_bytes(synthetic_videos("one_frame").read_bytes())
    with VideoDecoder(path) as decoder:
        assert len(list(decoder)) == 1


def test_header_says_what_was_encoded(synthetic_videos):
    with VideoDecoder(synthetic_videos("hevc_10_bit")) as decoder:
        header = decoder.header
    assert (header.codec, header.pix_fmt, header.bit_depth) == ("hevc", "yuv420p10le", 10)
    assert header.average_frame_rate == 25
    assert header.num_frames_from_header == 40


def test_interlaced_frames_say_so(synthetic_videos):
    with VideoDecoder(synthetic_videos("mpeg2_interlaced")) as decoder:
        assert all(frame.field_order != "progressive" for frame in decoder)


def test_a_raw_stream_is_stamped_at_its_average_rate(synthetic_videos):
    with VideoDecoder(synthetic_videos("raw_h264")) as decoder:
        seconds = [frame.pts_seconds for frame in decoder]
    assert seconds == pytest.approx([frame_index / 25 for frame_index in range(40)])


@pytest.mark.parametrize("num_threads", THREADS)
def test_a_truncated_file_keeps_every_frame_that_is_whole(synthetic_videos, num_threads):
    path = synthetic_videos("truncated")
    with av.open(str(path)) as container:
        pts = sorted(p.pts for p in container.demux(video=0) if p.size and not p.is_corrupt)
    with VideoDecoder(path, VideoSettings(decode_threads=num_threads)) as decoder:
        frames = [(frame.pts, read_frame_index(frame.rgb())) for frame in decoder]
        assert decoder.num_decode_errors == 1
    assert [frame[0] for frame in frames] == pts
    # With B-frames, the packets on disk end with frames whose neighbours in time are lost.
    assert [frame[1] for frame in frames] == [stamp * 25 // 12_800 for stamp in pts]


def test_a_corrupted_file_goes_on_behind_the_damage(synthetic_videos):
    with VideoDecoder(synthetic_videos("corrupted")) as decoder:
        frames = list(decoder)
        assert decoder.num_decode_errors > 0
    assert [read_frame_index(frame.rgb()) for frame in frames[:19]] == list(range(19))
    assert [read_frame_index(frame.rgb()) for frame in frames[-8:]] == list(range(52, 60))


@pytest.mark.parametrize("name", ["truncated", "corrupted", "open_gop", "mpeg_ts"])
def test_what_is_decoded_does_not_depend_on_the_number_of_threads(synthetic_videos, name):
    path = synthetic_videos(name)
    results = [identities_of(path, VideoSettings(decode_threads=threads)) for threads in (*THREADS, 0)]
    for result in results[1:]:
        assert result.luma_hash == results[0].luma_hash
        assert result.pts.tolist() == results[0].pts.tolist()


def test_pictures_made_from_a_damaged_one_that_follows_are_those_of_one_thread(synthetic_videos, tmp_path):
    path = damage("open_gop.mp4|burst|6", {"open_gop.mp4": synthetic_videos("open_gop")}, tmp_path)
    hashes = [identities_of(path, VideoSettings(decode_threads=threads)).luma_hash for threads in (1, 2, 3, 0)]
    assert hashes[1:] == hashes[:1] * 3


@pytest.mark.parametrize("name", ["cfr", "vfr", "b_frames", "open_gop", "mpeg_ts", "vp9", "one_frame"])
def test_no_frame_of_a_whole_file_is_corrupt(synthetic_videos, name):
    with VideoDecoder(synthetic_videos(name)) as decoder:
        assert not any(frame.is_corrupt for frame in decoder)


@pytest.mark.parametrize("case", ["mpeg_ts.ts|cut_packets|0", "mpeg_ts.ts|burst|0", "cfr.mp4|zeros|0"])
def test_frames_of_damaged_data_are_corrupt_whatever_the_number_of_threads(synthetic_videos, tmp_path, case):
    sources = {path.name: path for path in (synthetic_videos("mpeg_ts"), synthetic_videos("cfr"))}
    path = damage(case, sources, tmp_path)
    found = []
    for num_threads in (*THREADS, 0):
        with VideoDecoder(path, VideoSettings(decode_threads=num_threads)) as decoder:
            found.append([frame.is_corrupt for frame in decoder])
    assert all(flags == found[0] for flags in found)
    assert any(found[0])
    assert not all(found[0])
