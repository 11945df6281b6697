"""The desk's small pictures: made once, kept in `desk/` of the data folder, which can be deleted at any time."""

import shutil
from contextlib import suppress
from pathlib import Path

from thumb_assets.desk.covers import Covers
from thumb_assets.errors import BadInputError, StorageError
from thumb_assets.report.frames import FrameProcess
from thumb_assets.store.parquet import TableStore

# Shorter side of a frame's picture, in pixels, by what it is for.
SIZES = {"small": 180, "large": 720}
_MOST_BYTES = 2_000_000_000


class Pictures:
    """Covers and frames as JPEG files.

    Attributes:
        covers: of the videos.
        frames: decodes what is asked for.

    Args:
        store: the data folder.
    """

    def __init__(self, store: TableStore) -> None:
        self._store = store
        self.covers = Covers(store, store.data_dir / "desk" / "covers")
        self._folder = store.data_dir / "desk"
        self.frames = FrameProcess(store)

    def start(self) -> None:
        """Starts what works beside the pages."""
        _trim(self._folder / "frames")
        self.frames.start()
        self.covers.start()

    def close(self) -> None:
        """Ends it; a picture under way is not waited for."""
        self.covers.stop()
        self.frames.end()

    def frame(self, video_id: str, frame_index: int, size: str, *, video: Path) -> Path:
        """The picture of one frame, proven by its hash.

        Args:
            size: a key of SIZES.
            video: its file.

        Raises:
            BadInputError: there is no such size, or the decoder died on the file.
            ThumbAssetsError: the frame cannot be fetched; see `FrameFetcher`.
        """
        if size not in SIZES:
            raise BadInputError(f"{size!r} is no size; they are {', '.join(SIZES)}")
        path = self._folder / "frames" / video_id / f"{frame_index}.{size}.jpg"
        if not path.is_file():
            found = self.frames.pictures(video, video_id, [frame_index], short_side=SIZES[size])
            self._store.write_bytes(path, found[frame_index])
        return path

    def forget(self, video_id: str) -> None:
        """Removes the pictures of a video."""
        for kind in ("covers", "frames"):
            shutil.rmtree(self._folder / kind / video_id, ignore_errors=True)


def _trim(folder: Path) -> None:
    """Removes the pictures of the videos that were looked at longest ago, down to half of the limit."""
    if not folder.is_dir():
        return
    try:
        of_videos = sorted((each for each in folder.iterdir() if each.is_dir()), key=lambda each: each.stat().st_mtime)
        sizes = {each: sum(file.stat().st_size for file in each.iterdir()) for each in of_videos}
    except OSError as error:
        raise StorageError(f"{folder}: cannot be read: {error.strerror}; check the disk") from error
    num_bytes = sum(sizes.values())
    if num_bytes <= _MOST_BYTES:
        return
    for each in of_videos:
        if num_bytes <= _MOST_BYTES / 2:
            break
        with suppress(OSError):
            shutil.rmtree(each)
            num_bytes -= sizes[each]
