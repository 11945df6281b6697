"""Keeps small pictures of the best frames of each interval while a pass goes over the file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from thumb_assets.errors import StorageError
from thumb_assets.export.previews.pictures import PictureStore, Size, tile_of
from thumb_assets.select.tiles import Grid, merit
from thumb_assets.settings.selection import RejectSettings
from thumb_assets.video.frame import Frame

_MEASURES = ("luma_mean", "luma_std", "laplacian_variance", "frame_difference", "is_corrupt")


class TileKeeper:
    """Keeps the picture of the best frame of each slot, see `choose_tiles`; what it lacks is fetched later.

    The best frame so far is held until its slot ends, so that one picture is made for each slot and not for each frame
    that is better than those before it.

    Args:
        folder: see `PictureStore`.
        size: of the pictures.
    """

    def __init__(self, folder: Path, *, size: Size, grid: Grid, reject: RejectSettings) -> None:
        self._pictures = PictureStore(folder)
        self._size, self._grid, self._reject = size, grid, reject
        self._begin: float | None = None
        self._slot = -1
        self._best: Frame | None = None
        self._merit = 0.0
        self._is_full = False

    def take(self, frame: Frame, row: Mapping[str, Any]) -> None:
        """See `FrameKeeper`."""
        if self._begin is None:
            self._begin = frame.pts_seconds
        slot = self._grid.slot_at(frame.pts_seconds - self._begin)
        value = merit(**{name: row[name] for name in _MEASURES}, reject=self._reject)
        if slot != self._slot:
            self._keep_best()
            self._slot = slot
        elif self._best is not None and value <= self._merit:
            return
        self._best, self._merit = frame, value

    def finish(self) -> PictureStore:
        """The pictures, all of one width."""
        self._keep_best()
        return self._pictures

    def _keep_best(self) -> None:
        best, self._best = self._best, None
        if best is None or self._is_full:
            return
        try:
            self._pictures.add((best.frame_index, self._size[0]), tile_of(best, self._size))
        except StorageError:  # a full disk costs time later, not the pass
            self._is_full = True
