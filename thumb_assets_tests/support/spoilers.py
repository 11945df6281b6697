"""Films of real footage with a planted end: an intro, a story with a teaser of the finale in it, the finale, credits.

Each part is a stretch of one clip, made small; of every frame it is known which part it belongs to.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

RATE = 15
SIZE = (480, 270)


@dataclass(frozen=True)
class Stretch:
    """A part of a film.

    Attributes:
        part: `intro`, `story`, `teaser`, `finale` or `credits`.
        clip: name of the file it is taken from; empty for credits, which are drawn.
        begin_seconds, seconds: in the clip.
    """

    part: str
    clip: str
    begin_seconds: float
    seconds: float


INTRO = Stretch("intro", "max_concert2.mp4", 1.0, 4.0)
CREDITS = Stretch("credits", "", 0.0, 9.0)
# By film the clips of its story and that of its finale, which is seen for a moment before.
CASTS: dict[str, tuple[tuple[str, ...], str]] = {
    "a": (("04_coffee.mp4", "kb_dash.mp4", "ss_ted.mp4", "skateboarding_dog.mp4"), "gopro_karma.mp4"),
    "b": (("gopro_karma.mp4", "mma_demo.mp4", "swoolf_timelapse.mp4", "lp_d9.mp4"), "cosmos_30s.mp4"),
    "d": (("ss_3qes.mp4", "applausing.mp4", "mdn_crystal.mp4", "sleap_dance.mp4"), "kb_dash.mp4"),
    "e": (("vf_GGSY.mp4", "xy_news.mp4", "mma_struct.mp4", "max_asia.mp4"), "lp_d9.mp4"),
    "f": (("max_asia.mp4", "lp_d9.mp4", "kb_dash.mp4", "04_coffee.mp4"), "mma_struct.mp4"),
}
TUNING, REPORTED = ("a", "b"), ("d", "e", "f")


def stretches_of(name: str, *, story_seconds: float = 9.0) -> list[Stretch]:
    """The parts of a film of `CASTS`, a minute by default: the finale lies after 60 % of the story."""
    clips, last = CASTS[name]
    story = [Stretch("story", clip, 0.5, story_seconds) for clip in clips]
    teaser, finale = Stretch("teaser", last, 5.5, 2.0), Stretch("finale", last, 0.0, 9.5)
    return [INTRO, *story[:1], teaser, *story[1:], finale, CREDITS]


def write_film(path: Path, footage: Path, stretches: Sequence[Stretch]) -> list[str]:
    """Writes a film; the part that each of its frames belongs to."""
    parts: list[str] = []
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for stretch in stretches:
            for rgb in _frames_of(footage, stretch):
                picture = av.VideoFrame.from_ndarray(rgb, format="rgb24")
                picture.pts, picture.time_base = len(parts), Fraction(1, RATE)
                parts.append(stretch.part)
                container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return parts


def _frames_of(footage: Path, stretch: Stretch) -> Iterator[npt.NDArray[np.uint8]]:
    num_frames = round(stretch.seconds * RATE)
    if not stretch.clip:
        yield from (_credits(number) for number in range(num_frames))
        return
    given, previous = 0, None
    with av.open(str(footage / stretch.clip)) as container:
        for picture in container.decode(video=0):
            wanted = stretch.begin_seconds + given / RATE
            if previous is not None and picture.time is not None and picture.time < wanted:
                continue
            previous = _fitted(picture.to_ndarray(format="rgb24"))
            while given < num_frames and picture.time is not None and picture.time >= wanted:
                yield previous
                given += 1
                wanted = stretch.begin_seconds + given / RATE
            if given >= num_frames:
                return


def _fitted(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The middle of a picture in the film's shape."""
    height, width = rgb.shape[:2]
    if width * SIZE[1] > height * SIZE[0]:
        own = round(height * SIZE[0] / SIZE[1])
        rgb = rgb[:, (width - own) // 2 :][:, :own]
    else:
        own = round(width * SIZE[1] / SIZE[0])
        rgb = rgb[(height - own) // 2 :][:own]
    return np.asarray(cv2.resize(np.ascontiguousarray(rgb), SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def _credits(number: int) -> npt.NDArray[np.uint8]:
    """White names that roll over black."""
    rgb = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    for line in range(24):
        y = SIZE[1] + 34 * line - 5 * number
        cv2.putText(rgb, f"NAME {line:02} OF THE CAST", (110, y), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (240, 240, 240), 1)
    return rgb
