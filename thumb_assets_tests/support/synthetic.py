"""The synthetic videos by name: one recipe per hazard, each frame carrying its own index in the pixels.

`make(name, folder)` writes one and returns its path; `RECIPES[name]` says what must come out of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from thumb_assets_tests.support.drawing import draw_frame, read_frame_index
from thumb_assets_tests.support.encoding import RATE, Encoding, encode

__all__ = ["MULTI_SHOT_CUTS", "MULTI_SHOT_KINDS", "RECIPES", "Recipe", "draw_frame", "make", "read_frame_index"]

# First frames of the shots of `multi_shot`, and what each shot shows.
MULTI_SHOT_CUTS = (0, 36, 72, 108, 144, 180)
MULTI_SHOT_KINDS = ("sharp", "blurred", "sharp", "black", "sharp", "blurred")
_MULTI_SHOT_END = 216
# Drawn into frames that an edit list hides; seen only where it is not honoured.
_HIDDEN_INDEX = 4000
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
    path = folder / f"{name}{RECIPES[name].suffix}"
    if not path.exists():
        unfinished = path.with_name(f"unfinished-{path.name}")
        RECIPES[name].write(unfinished)
        unfinished.rename(path)
    return path


def _plain(**changes: object) -> Callable[[Path], object]:
    return lambda path: encode(path, [draw_frame(i) for i in range(40)], Encoding(**changes))  # type: ignore[arg-type]


def _vfr(path: Path) -> None:
    # Gaps of 20, 40 and 300 ms: decode index, average rate and time agree nowhere.
    steps = np.tile([20, 40, 20, 300], 10)
    pts = [0, *np.cumsum(steps)[:-1].tolist()]
    encode(path, [draw_frame(i) for i in range(40)], Encoding(time_base=Fraction(1, 1000)), pts=pts)


def _rotated(degrees: int) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        # The camera stored the picture turned; turning it by `degrees` counter-clockwise makes it upright.
        frames = [np.rot90(draw_frame(i), -degrees // 90) for i in range(40)]
        encode(path, frames, Encoding(rotation_degrees=degrees))

    return write


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


def _sized(width: int, height: int, num_frames: int) -> Callable[[Path], object]:
    return lambda path: encode(path, [draw_frame(i, width=width, height=height) for i in range(num_frames)])


_X265 = {"preset": "ultrafast", "crf": "16", "x265-params": "log-level=none"}
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
    "mpeg2_interlaced": Recipe(_plain(codec="mpeg2video", options={"b": "2M"}, is_interlaced=True), ".mpg"),
    "raw_h264": Recipe(_plain(), ".h264"),
    "anamorphic": Recipe(_plain(sample_aspect_ratio=Fraction(16, 11)), display_size=(465, 180)),
    "one_frame": Recipe(_sized(320, 180, 1), num_frames=1),
    "duplicates": Recipe(_duplicates, num_frames=30, drawn_index=lambda frame_index: frame_index // 3),
    "portrait": Recipe(_sized(180, 320, 40), display_size=(180, 320)),
    "untagged_hd": Recipe(_sized(1280, 720, 5), num_frames=5, display_size=(1280, 720)),
    "multi_shot": Recipe(_multi_shot, num_frames=_MULTI_SHOT_END),
    "truncated": Recipe(_truncated, num_frames=None),
    "corrupted": Recipe(_corrupted, num_frames=None),
    "audio_only": Recipe(_audio_only, num_frames=0, is_readable=False),
    "text": Recipe(lambda path: path.write_text("This is not a video.\n" * 20), num_frames=0, is_readable=False),
    "zero_byte": Recipe(lambda path: path.write_bytes(b""), num_frames=0, is_readable=False),
    "header_only": Recipe(_header_only, num_frames=0, is_readable=False),
}
