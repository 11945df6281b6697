"""The synthetic videos by name: one recipe per hazard, each frame carrying its own index in the pixels.

`make(name, folder)` writes one and returns its path; `RECIPES[name]` or `UNNUMBERED[name]` says what must
come out of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

from thumb_assets_tests.support import odd_time
from thumb_assets_tests.support.drawing import STRIP_HEIGHT, RgbArray, draw_frame, read_frame_index
from thumb_assets_tests.support.encoding import RATE, Encoding, Tags, encode
from thumb_assets_tests.support.track_headers import add_box, add_pixel_crop, clap

__all__ = [
    "MULTI_SHOT_CUTS",
    "MULTI_SHOT_KINDS",
    "RECIPES",
    "UNNUMBERED",
    "Recipe",
    "draw_frame",
    "make",
    "read_frame_index",
]

# First frames of the shots of `multi_shot`, and what each shot shows.
MULTI_SHOT_CUTS = (0, 36, 72, 108, 144, 180)
MULTI_SHOT_KINDS = ("sharp", "blurred", "sharp", "black", "sharp", "blurred")
_MULTI_SHOT_END = 216
# Drawn into frames that an edit list hides; seen only where it is not honoured.
_HIDDEN_INDEX = 4000
# (width, height, frames) of the parts of two recorded calls: one that grows, one in which somebody turns the phone.
_CALL = ((160, 90, 6), (320, 180, 6), (640, 360, 28))
_TURNED_CALL = ((640, 360, 28), (360, 640, 12))
_CONTAINER_CROP = {"left": 10, "top": 8, "right": 6, "bottom": 12}
_BETTER = {"preset": "veryfast", "crf": "16"}  # unlike ultrafast, these honour B-frames


@dataclass(frozen=True)
class Recipe:
    """One synthetic video: how it is made and what a right decoder shows.

    Attributes:
        write: writes the file to a path.
        suffix: of the file's name.
        num_frames: displayed frames; None where that is for the test to say (damaged files).
        display_size: (width, height), upright and with square pixels.
        is_readable: whether any frame can be decoded.
        drawn_index: frame_index -> the index in its pixels.
    """

    write: Callable[[Path], object]
    suffix: str = ".mp4"
    num_frames: int | None = 40
    display_size: tuple[int, int] = (320, 180)
    is_readable: bool = True
    drawn_index: Callable[[int], int] = int


def make(name: str, folder: Path) -> Path:
    """Writes the video of that name into the folder; a second call finds it there."""
    recipe = RECIPES.get(name) or UNNUMBERED[name]
    path = folder / f"{name}{recipe.suffix}"
    if not path.exists():
        unfinished = path.with_name(f"unfinished-{path.name}")
        recipe.write(unfinished)
        unfinished.rename(path)
    return path


def _plain(**changes: object) -> Callable[[Path], object]:
    return lambda path: encode(path, [draw_frame(i) for i in range(40)], Encoding(**changes))  # type: ignore[arg-type]


def _vfr(path: Path) -> None:
    # Gaps of 20, 40 and 300 ms: decode index, average rate and time agree nowhere.
    steps = np.tile([20, 40, 20, 300], 10)
    pts = [0, *np.cumsum(steps)[:-1].tolist()]
    encode(path, [draw_frame(i) for i in range(40)], Encoding(time_base=Fraction(1, 1000)), pts=pts)


def _rotated(degrees: int, *, is_mirrored: bool = False) -> Callable[[Path], object]:
    def stored(frame_index: int) -> RgbArray:
        # The camera stored the picture turned; turning it by `degrees` counter-clockwise makes it upright.
        turned = np.rot90(draw_frame(frame_index), -degrees // 90)
        return turned[:, ::-1] if is_mirrored else turned

    encoding = Encoding(rotation_degrees=degrees, is_mirrored=is_mirrored)
    return lambda path: encode(path, [stored(i) for i in range(40)], encoding)


def _woven(order: str) -> Callable[[Path], object]:
    """Two moments in one picture: the second field is of a picture that has moved on, under the same strip."""

    def stored(frame_index: int) -> RgbArray:
        frame, later = draw_frame(frame_index), np.roll(draw_frame(frame_index), 5, axis=1)
        strip = round(frame.shape[0] * STRIP_HEIGHT)
        first_line = strip + (strip + (order == "tff")) % 2
        frame[first_line::2] = later[first_line::2]
        return frame

    encoding = Encoding(options=_BETTER, num_b_frames=2, field_order=order)
    return lambda path: encode(path, [stored(i) for i in range(40)], encoding)


def _cropped(path: Path) -> None:
    # Coded 336x200, shown without 10 columns on the left, 6 on the right, 8 lines above and 12 below.
    frames = [np.pad(draw_frame(i), ((8, 12), (10, 6), (0, 0)), mode="edge") for i in range(40)]
    encode(path, frames, Encoding(options={**_BETTER, "x264-params": "crop-rect=10,8,6,12"}, num_b_frames=2))


def _with_margins(path: Path, *, rotation_degrees: int = 0, **changes: object) -> None:
    """Coded 336x200 or 200x336, shown as `_CONTAINER_CROP` says in the container's header alone."""
    sides = ((_CONTAINER_CROP["top"], _CONTAINER_CROP["bottom"]), (_CONTAINER_CROP["left"], _CONTAINER_CROP["right"]))
    drawn = [np.rot90(draw_frame(i), -rotation_degrees // 90) for i in range(40)]
    frames = [np.pad(rgb, (*sides, (0, 0)), constant_values=255) for rgb in drawn]
    encode(path, frames, Encoding(rotation_degrees=rotation_degrees, **changes))  # type: ignore[arg-type]
    if path.suffix == ".mkv":
        add_pixel_crop(path, **_CONTAINER_CROP)
    else:
        height, width = frames[0].shape[:2]
        add_box(path, clap(width, height, **_CONTAINER_CROP))


def _two_streams(path: Path) -> None:
    # Both are marked as default, so the larger one is the video; the first in the file shows wrong indices.
    with av.open(str(path), "w") as container:
        streams = []
        for width, height in ((160, 90), (320, 180)):
            stream = container.add_stream("libx264", rate=RATE, options=dict(_BETTER))
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.disposition = Disposition.default
            streams.append(stream)
        for number in range(40):
            for stream, index in zip(streams, (_HIDDEN_INDEX, number), strict=True):
                rgb = draw_frame(index, width=stream.width, height=stream.height)
                picture = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
                picture.pts = number
                container.mux(stream.encode(picture))
        for stream in streams:
            container.mux(stream.encode(None))


def _with_cover(path: Path, *, has_video: bool = True, is_flagged: bool = True) -> None:
    """A picture that belongs to the file, as music and podcasts carry it, larger than the video."""
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 640, 640, "yuvj420p"
        cover.codec_context.color_range = 2
        if is_flagged:
            cover.disposition = Disposition.attached_pic
        if has_video:
            video = container.add_stream("libx264", rate=RATE, options=dict(_BETTER))
            video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        picture = av.VideoFrame.from_ndarray(draw_frame(_HIDDEN_INDEX, width=640, height=640), format="rgb24")
        picture = picture.reformat(format="yuvj420p", dst_color_range=2)
        picture.pts = 0
        container.mux(cover.encode(picture))
        container.mux(cover.encode(None))
        if not has_video:
            return
        for number in range(40):
            picture = av.VideoFrame.from_ndarray(draw_frame(number), format="rgb24").reformat(format="yuv420p")
            picture.pts = number
            container.mux(video.encode(picture))
        container.mux(video.encode(None))


def _animated_avif(path: Path) -> None:
    # Stream 0 is the poster, a single picture; stream 1 holds all of them.
    encode(path, [draw_frame(i) for i in range(40)], Encoding(codec="libsvtav1", options={"preset": "12", "crf": "20"}))


def _same_pts(path: Path) -> None:
    # Every second stamp is that of the frame before.
    encode(path, [draw_frame(i) for i in range(40)], Encoding(gop_size=8), pts=[i - i % 2 for i in range(40)])


def _size_change(path: Path) -> None:
    """A transport stream whose picture size changes on the way, as broadcasts do between programmes."""
    _join(path, [(320, 180, 16, None), (480, 270, 24, None)])


def _aspect_change(path: Path) -> None:
    """Television that changes from 4:3 to 16:9: the same pictures, other pixels."""
    _join(path, [(320, 256, 16, Fraction(16, 15)), (320, 256, 24, Fraction(64, 45))])


def _join(path: Path, parts: list[tuple[int, int, int, Fraction | None]]) -> None:
    """Transport streams one after the other: (width, height, frames, pixel shape) each, stamps running on."""
    begin = 0
    with path.open("wb") as joined:
        for width, height, num_frames, shape in parts:
            numbers = range(begin, begin := begin + num_frames)
            encoding = Encoding(time_base=Fraction(1, 90_000), sample_aspect_ratio=shape)
            piece = path.with_name(f"part-{path.name}")
            frames = [draw_frame(number, width=width, height=height) for number in numbers]
            encode(piece, frames, encoding, pts=[3600 * number for number in numbers])
            joined.write(piece.read_bytes())
            piece.unlink()


def _growing(path: Path, *, sizes: tuple[tuple[int, int, int], ...]) -> None:
    """A recorded call: (width, height, frames) each, one VP8 stream whose header tells the first size only."""
    number = 0
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = *sizes[0][:2], "yuv420p"
        for width, height, num_frames in sizes:
            encoder = av.CodecContext.create("libvpx", "w")
            encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
            encoder.time_base, encoder.framerate, encoder.gop_size = Fraction(1, RATE), RATE, 12
            encoder.options = {"deadline": "realtime", "cpu-used": "8", "b": "2M"}
            packets = []
            for number in range(number, number + num_frames):  # noqa: B020 - it goes on from where it was
                rgb = draw_frame(number, width=width, height=height)
                picture = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
                picture.pts, picture.time_base = number, Fraction(1, RATE)
                packets += encoder.encode(picture)
            number += 1
            for packet in [*packets, *encoder.encode(None)]:
                packet.stream, packet.time_base = stream, Fraction(1, RATE)
                container.mux(packet)


def _edit_list_start(path: Path) -> None:
    encode(path, [draw_frame(i) for i in range(40)], Encoding(num_b_frames=2, options=_BETTER), pts=range(10, 50))


def _edit_list_trimmed(path: Path) -> None:
    # Stamps before zero become an edit list that hides those frames: 40 packets, 30 displayed.
    frames = [draw_frame(_HIDDEN_INDEX + i) for i in range(10)] + [draw_frame(i) for i in range(30)]
    encode(path, frames, Encoding(container_options={"avoid_negative_ts": "disabled"}), pts=range(-10, 30))


def _mpeg_ts(path: Path) -> None:
    stamps = [900_000 + 3600 * i for i in range(75)]  # begins at 10 s
    encoding = Encoding(num_b_frames=2, options=_BETTER, time_base=Fraction(1, 90_000))
    encode(path, [draw_frame(i) for i in range(75)], encoding, pts=stamps)


def _duplicates(path: Path) -> None:
    # Every picture three times; without loss, so that the copies are equal to the bit.
    encode(path, [draw_frame(i // 3) for i in range(30)], Encoding(options={"preset": "ultrafast", "qp": "0"}))


def _truncated(path: Path) -> None:
    _fast_start(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.6)])


def _corrupted(path: Path) -> None:
    _fast_start(path)
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    for number in (20, 21, 33):
        position, size = places[number]
        for offset in range(position + 8, position + size - 4, 7):  # behind the length field, which stays right
            data[offset] ^= 0x5A
    path.write_bytes(data)


def _fast_start(path: Path) -> None:
    # The index in front and B-frames: cutting the end off leaves a file that opens and has pictures waiting in order.
    encoding = Encoding(num_b_frames=2, options=_BETTER, container_options={"movflags": "faststart"})
    encode(path, [draw_frame(i) for i in range(60)], encoding)


def _not_a_video(path: Path) -> None:
    # Not text alone, which a library sets aside before anybody tries to decode it.
    path.write_bytes(b"\0" + b"This is not a video.\n" * 20)


def _audio_only(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44_100, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 44_100
        for number in range(20):
            sound.pts = 1024 * number
            container.mux(stream.encode(sound))
        container.mux(stream.encode(None))


def _header_only(path: Path) -> None:
    with av.open(str(path), "w", options={"movflags": "empty_moov+frag_keyframe"}) as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.codec_context.open()
        container.start_encoding()


def _multi_shot(path: Path) -> None:
    frames = []
    for frame_index in range(_MULTI_SHOT_END):
        shot_index = sum(frame_index >= cut for cut in MULTI_SHOT_CUTS) - 1
        frames.append(draw_frame(frame_index, shot_index=shot_index, kind=MULTI_SHOT_KINDS[shot_index]))
    encode(path, frames, Encoding(num_b_frames=2, gop_size=24, options=_BETTER))


def _sized(width: int, height: int, num_frames: int, **changes: object) -> Callable[[Path], object]:
    frames = [draw_frame(i, width=width, height=height) for i in range(num_frames)]
    return lambda path: encode(path, frames, Encoding(**changes))  # type: ignore[arg-type]


_X265 = {"preset": "ultrafast", "crf": "16", "x265-params": "log-level=none"}
_ALT_REF = {"deadline": "good", "cpu-used": "5", "b": "1M", "auto-alt-ref": "1", "lag-in-frames": "16"}
_FRAGMENTED = {"movflags": "frag_keyframe+empty_moov"}
_OPEN_GOP = {**_BETTER, "x264-params": "open-gop=1:scenecut=0:b-adapt=0"}

RECIPES: dict[str, Recipe] = {
    "cfr": Recipe(_plain()),
    "vfr": Recipe(_vfr),
    "b_frames": Recipe(_plain(num_b_frames=3, options=_BETTER)),
    "open_gop": Recipe(_plain(num_b_frames=3, options=_OPEN_GOP)),
    "long_gop": Recipe(_plain(gop_size=250, num_b_frames=3, options=_BETTER)),
    "rotated_90": Recipe(_rotated(90)),
    "rotated_180": Recipe(_rotated(180)),
    "rotated_270": Recipe(_rotated(270)),
    "edit_list_start": Recipe(_edit_list_start),
    "edit_list_trimmed": Recipe(_edit_list_trimmed, num_frames=30),
    "hevc_10_bit": Recipe(_plain(codec="libx265", pix_fmt="yuv420p10le", options=_X265)),
    "vp9": Recipe(_plain(codec="libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8", "b": "1M"}), ".webm"),
    "mpeg_ts": Recipe(_mpeg_ts, ".ts", num_frames=75),
    "mpeg2_interlaced": Recipe(_plain(codec="mpeg2video", options={"b": "2M"}, field_order="tff"), ".mpg"),
    "raw_h264": Recipe(_plain(), ".h264"),
    "mirrored": Recipe(_rotated(0, is_mirrored=True)),
    "mirrored_90": Recipe(_rotated(90, is_mirrored=True)),
    "h264_top_first": Recipe(_woven("tff")),
    "h264_bottom_first": Recipe(_woven("bff")),
    "cropped": Recipe(_cropped),
    "clean_aperture": Recipe(partial(_with_margins, options=_BETTER, num_b_frames=2)),
    "clean_aperture_turned": Recipe(partial(_with_margins, rotation_degrees=90)),
    "pixel_crop": Recipe(partial(_with_margins, codec="libx265", pix_fmt="yuv420p10le", options=_X265), ".mkv"),
    "pixel_crop_interlaced": Recipe(partial(_with_margins, options=_BETTER, field_order="tff"), ".mkv"),
    "hdr_pq": Recipe(_plain(codec="libx265", pix_fmt="yuv420p10le", options=_X265, colours=Tags(9, 16, 9))),
    "hdr_hlg": Recipe(_plain(codec="libx265", pix_fmt="yuv420p10le", options=_X265, colours=Tags(9, 18, 9))),
    "wide_gamut": Recipe(_plain(codec="libx265", pix_fmt="yuv420p10le", options=_X265, colours=Tags(9, 14, 9))),
    "hevc_12_bit": Recipe(_plain(codec="libx265", pix_fmt="yuv420p12le", options=_X265)),
    "full_range": Recipe(_plain(colours=Tags(range=2))),
    "sd_tagged_709": Recipe(_plain(colours=Tags())),
    "h264_422": Recipe(_plain(pix_fmt="yuv422p", num_b_frames=2, options=_BETTER)),
    "h264_rgb": Recipe(_plain(codec="libx264rgb", pix_fmt="rgb24")),
    "grey": Recipe(_plain(pix_fmt="gray", options=_BETTER)),
    "odd_size": Recipe(_sized(321, 181, 40, pix_fmt="yuv444p"), display_size=(321, 181)),
    "motion_jpeg": Recipe(_plain(codec="mjpeg", pix_fmt="yuvj420p", options={}, colours=Tags(5, 6, 6, 2)), ".avi"),
    "mpeg4_avi": Recipe(_plain(codec="mpeg4", options={"b": "4M"}, num_b_frames=2), ".avi"),
    "prores": Recipe(_plain(codec="prores_ks", pix_fmt="yuv422p10le", options={}), ".mov"),
    "av1": Recipe(_plain(codec="libsvtav1", options={"preset": "12", "crf": "20"}), ".mkv"),
    "vp9_alt_ref": Recipe(_plain(codec="libvpx-vp9", options=_ALT_REF), ".webm"),
    "vp8": Recipe(_plain(codec="libvpx", options={"deadline": "realtime", "cpu-used": "8", "b": "2M"}), ".webm"),
    "gif": Recipe(_plain(codec="gif", pix_fmt="bgr8", options={}), ".gif"),
    "fragmented": Recipe(_plain(num_b_frames=2, options=_BETTER, container_options=_FRAGMENTED)),
    "two_streams": Recipe(_two_streams),
    "with_cover": Recipe(_with_cover),
    "cover_unflagged": Recipe(lambda path: _with_cover(path, is_flagged=False)),
    "cover_unflagged_mkv": Recipe(lambda path: _with_cover(path, is_flagged=False), ".mkv"),
    "animated_avif": Recipe(_animated_avif, ".avif"),
    "grey_raw": Recipe(_plain(codec="ffv1", pix_fmt="gray", options={}), ".nut"),
    "rgb_16_bit_quicktime": Recipe(_plain(codec="rawvideo", pix_fmt="rgb555be", options={}), ".mov"),
    "same_pts": Recipe(_same_pts, ".mkv"),
    "size_change": Recipe(_size_change, ".ts", display_size=(480, 270)),
    "aspect_change": Recipe(_aspect_change, ".ts", display_size=(455, 256)),
    "growing_call": Recipe(partial(_growing, sizes=_CALL), ".webm", display_size=(640, 360)),
    "turned_call": Recipe(partial(_growing, sizes=_TURNED_CALL), ".webm", display_size=(640, 360)),
    "anamorphic_tall": Recipe(_plain(sample_aspect_ratio=Fraction(3, 4)), display_size=(320, 240)),
    "anamorphic": Recipe(_plain(sample_aspect_ratio=Fraction(16, 11)), display_size=(465, 180)),
    "one_frame": Recipe(_sized(320, 180, 1), num_frames=1),
    "duplicates": Recipe(_duplicates, num_frames=30, drawn_index=lambda frame_index: frame_index // 3),
    "portrait": Recipe(_sized(180, 320, 40), display_size=(180, 320)),
    "untagged_hd": Recipe(_sized(1280, 720, 5), num_frames=5, display_size=(1280, 720)),
    "multi_shot": Recipe(_multi_shot, num_frames=_MULTI_SHOT_END),
    "joined_ts": Recipe(odd_time.joined([900_000, 900_000]), ".ts", num_frames=150),
    "jumping_ts": Recipe(odd_time.joined([18_000_000, 900_000]), ".ts", num_frames=150),
    "wrapping_ts": Recipe(odd_time.joined([2**33 - 180_000]), ".ts", num_frames=75),
    "raw_dv": Recipe(odd_time.raw_dv, ".dv", num_frames=100, display_size=(768, 576)),
    "avi_600": Recipe(odd_time.avi_600, ".avi", num_frames=100),
    "webm_1000": Recipe(odd_time.webm_1000, ".webm", num_frames=100),
    "truncated": Recipe(_truncated, num_frames=None),
    "corrupted": Recipe(_corrupted, num_frames=None),
    "cover_only": Recipe(lambda path: _with_cover(path, has_video=False), num_frames=0, is_readable=False),
    "audio_only": Recipe(_audio_only, num_frames=0, is_readable=False),
    "text": Recipe(_not_a_video, num_frames=0, is_readable=False),
    "zero_byte": Recipe(lambda path: path.write_bytes(b""), num_frames=0, is_readable=False),
    "header_only": Recipe(_header_only, num_frames=0, is_readable=False),
}

# Videos whose frames do not all tell their index.
UNNUMBERED: dict[str, Recipe] = {
    "hold_then_black": Recipe(odd_time.hold_then_black, num_frames=2),
    "deck_vfr": Recipe(odd_time.deck_vfr, num_frames=118),
    "short_fade_in": Recipe(odd_time.short_fade_in, num_frames=48),
    "fast_then_slow": Recipe(odd_time.fast_then_slow, ".mkv", num_frames=440),
    "slow_then_cuts": Recipe(odd_time.slow_then_cuts, ".mkv", num_frames=120),
}
