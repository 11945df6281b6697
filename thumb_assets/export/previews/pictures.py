"""Small pictures of frames: their size, how they are made of a frame, and a place for many of them."""

import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import numpy as np
from PIL import Image

from thumb_assets.errors import StorageError
from thumb_assets.video.frame import Frame, UInt8Array

# Pictures beyond so many bytes wait on the disk: four of each interval are 250 MB an hour.
_MOST_IN_MEMORY = 64_000_000

Size = tuple[int, int]  # width and height
Key = tuple[int, int]  # frame_index and width


def tile_size(width: int, height: int, tile_width: int) -> Size:
    """Width and height of the tiles of a displayed frame; never enlarged.

    >>> tile_size(1920, 1080, 320), tile_size(160, 90, 320)
    ((320, 180), (160, 90))
    """
    if tile_width >= width:
        return width, height
    return tile_width, max(1, round(height * tile_width / width))


def widths_of(width: int, wanted: Iterable[int]) -> list[int]:
    """The widths that tiles of a displayed frame of that width have, each once, ascending.

    >>> widths_of(200, [160, 320, 480])
    [160, 200]
    """
    return sorted({min(width, each) for each in wanted})


def tile_of(frame: Frame, size: Size) -> UInt8Array:
    """The whole frame at that size, (H, W, 3) uint8 RGB.

    A pixel that another rounding leaves over at an edge is cut off.
    """
    width, height = size
    short = min(size)
    picture = frame.rgb(short)
    if picture.shape[0] < height or picture.shape[1] < width:
        picture = frame.rgb(short + 1)
    down, across = picture.shape[0] - height, picture.shape[1] - width
    if not (0 <= down <= 4 and 0 <= across <= 4):  # of another shape than most of the video
        return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))
    top, left = down // 2, across // 2
    return np.ascontiguousarray(picture[top : top + height, left : left + width])


def narrower(picture: UInt8Array, size: Size) -> UInt8Array:
    """The same picture at that size or a smaller one, (H, W, 3) uint8 RGB."""
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))


class PictureStore:
    """Pictures by frame and width; beyond a limit in a file without a name, which the system removes with the process.

    Args:
        folder: an existing folder on a disk with room; None is the system's for temporary files.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._file = tempfile.SpooledTemporaryFile(max_size=_MOST_IN_MEMORY, dir=str(folder) if folder else None)  # noqa: SIM115 - see close
        self._places: dict[Key, tuple[int, tuple[int, ...]]] = {}
        self._end = 0

    def __enter__(self) -> "PictureStore":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __contains__(self, key: Key) -> bool:
        return key in self._places

    def close(self) -> None:
        """Drops all of them."""
        self._places = {}
        with suppress(OSError):
            self._file.close()

    def add(self, key: Key, picture: UInt8Array) -> None:
        """Keeps a picture; raises StorageError where the disk does not take it."""
        try:
            self._file.seek(self._end)
            self._file.write(np.ascontiguousarray(picture).tobytes())
        except OSError as error:
            place = self._folder or tempfile.gettempdir()
            raise StorageError(f"{place}: pictures cannot be kept ({error.strerror}); free some space") from error
        self._places[key] = (self._end, picture.shape)
        self._end += picture.nbytes

    def picture(self, key: Key) -> UInt8Array:
        """The picture kept under that key; KeyError where there is none."""
        begin, shape = self._places[key]
        self._file.seek(begin)
        data = self._file.read(int(np.prod(shape)))
        return np.frombuffer(data, np.uint8).reshape(shape)
