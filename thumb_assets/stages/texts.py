"""The stage `texts`: the writing in those candidates that show most of it, read."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any
from weakref import ReferenceType, ref

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from thumb_assets.errors import ModelUnavailableError, ThumbAssetsError
from thumb_assets.settings.load import Settings
from thumb_assets.stages.kit.declaration import FromFrames, Stage
from thumb_assets.stages.kit.scorer import FrameScorer, Row
from thumb_assets.stages.kit.work import OF_FRAMES
from thumb_assets.tables.pictures import TEXTS
from thumb_assets.texts import Text, TextReader, luma_of, sha256_of, squares_of
from thumb_assets.weights.registry import get_model_file
from thumb_assets.weights.resolve import resolve_file
from thumb_assets.writing import Writing, share_of, writing_of

# The network that finds lines and that which reads them, by their names in the weights room.
_MODELS = ("pp-ocrv6-det-small", "pp-ocrv6-rec-small")
# Two pictures whose lines of writing differ by fewer levels on average show the same, and so do two that differ by less
# in every square of this side.
_SAME_LEVELS, _SQUARE = 10.0, 8
# Awaits the end of the video in a row.
_SEEN = "seen"

UInt8Array = npt.NDArray[np.uint8]


@dataclass(eq=False)
class _Seen:
    """A candidate with writing; the luma that it was found in and its picture until others show more, or None."""

    writing: Writing
    luma: UInt8Array | None
    picture: UInt8Array | None
    same_as: "_Seen | None" = None
    texts: list[Text] | None = None


class _Kept:
    """Keeps the pictures of each video that show most writing, no more than `most`; rows hold them, this does not."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._of_video: dict[str, list[ReferenceType[_Seen]]] = defaultdict(list)

    def offer(self, video_id: str, seen: _Seen) -> None:
        """Takes in a candidate; the one that shows least lets go of its picture where there are too many."""
        kept = [one for reference in self._of_video[video_id] if (one := reference()) is not None]
        seen.same_as = next((one for one in reversed(kept) if _is_same(one, seen)), None)
        if seen.same_as is not None:
            seen.luma = seen.picture = None
            return
        kept.append(seen)
        if len(kept) > self._most:
            least = min(kept, key=lambda one: share_of(one.writing))
            least.luma = least.picture = None
            kept.remove(least)
        self._of_video[video_id] = [ref(one) for one in kept]

    def forget(self, video_id: str) -> None:
        """The video is done."""
        self._of_video.pop(video_id, None)


def _is_same(one: _Seen, other: _Seen) -> bool:
    """True if two pictures hardly differ where either has writing: they say the same."""
    first, second = one.luma, other.luma
    if first is None or second is None or first.shape != second.shape:
        return False
    boxes = (*one.writing.lines, *other.writing.lines)
    return all(np.abs(_box(first, box).astype(np.int16) - _box(second, box)).mean() < _SAME_LEVELS for box in boxes)


def _box(luma: UInt8Array, box: tuple[int, int, int, int]) -> UInt8Array:
    x, y, width, height = box
    return luma[y : y + height, x : x + width]


class _Looker:
    """Looks for writing in one picture after the other; one that is like the last is not looked at again."""

    def __init__(self) -> None:
        self._last: tuple[npt.NDArray[np.int16], Writing] | None = None

    def look(self, rgb: UInt8Array, display_size: tuple[int, int]) -> tuple[UInt8Array, UInt8Array, float, Writing]:
        """The picture, its luma of few lines, pixels of the displayed frame per pixel of it, and its writing."""
        luma = luma_of(rgb)
        squares = squares_of(luma, side=_SQUARE)
        if self._last is None or not _are_like(self._last[0], squares):
            self._last = squares, writing_of(luma)
        return rgb, luma, display_size[0] / rgb.shape[1], self._last[1]


def _are_like(one: npt.NDArray[np.int16], other: npt.NDArray[np.int16]) -> bool:
    return one.shape == other.shape and int(np.abs(one - other).max(initial=0)) < _SAME_LEVELS


def _text_scorer(settings: Settings) -> FrameScorer[Any, Any]:
    asked = settings.texts
    if not asked.is_on:
        raise ModelUnavailableError("writing is not read: set texts.is_on=true to read it")
    explicit = (asked.finder_path, asked.reader_path)
    finder_path, reader_path = (resolve_file(name, explicit=path) for name, path in zip(_MODELS, explicit, strict=True))
    kept, looker = _Kept(asked.max_frames), _Looker()
    # Most videos show no writing, and the networks take longer to load than their frames to be looked at.
    reader = cache(lambda: TextReader(finder_path, reader_path))

    def to_rows(video_id: str, frame_index: int, result: Any, error: str | None) -> list[Row]:
        if error is not None:  # the table has no error column: a frame without a verdict must not look like one
            raise ThumbAssetsError(f"{video_id}: frame {frame_index}: its writing could not be looked for: {error}")
        picture, luma, scale, writing = result
        if not writing.lines:
            return []
        seen = _Seen(writing, luma, picture)
        kept.offer(video_id, seen)
        return [{"video_id": video_id, "frame_index": frame_index, "scale": scale, _SEEN: seen}]

    def complete(rows: list[Row], _frames: pa.Table) -> list[Row]:
        for video_id in {row["video_id"] for row in rows}:
            kept.forget(video_id)
        return [text for row in rows for text in _read(row, reader, asked.max_lines)]

    return FrameScorer(
        "texts",
        lambda frame: (frame.rgb(asked.working_height), frame.geometry.display_size),
        lambda items: [looker.look(rgb, size) for rgb, size in items],
        to_rows,
        complete=complete,
        footer={"model_sha256": sha256_of(finder_path, reader_path)},
    )


def _read(row: Row, reader: Callable[[], TextReader], max_lines: int) -> list[Row]:
    """The rows of one candidate; none where others show more writing."""
    seen: _Seen = row[_SEEN]
    source = seen.same_as or seen
    if source.texts is None and source.picture is not None:
        source.texts, source.picture = reader().read(source.picture, max_lines=max_lines), None
    places = ("x", "y", "width", "height")
    return [
        {
            "video_id": row["video_id"],
            "frame_index": row["frame_index"],
            "text_index": text_index,
            **asdict(text),
            **{name: getattr(text, name) * row["scale"] for name in places},
        }
        for text_index, text in enumerate(source.texts or ())
    ]


STAGE = Stage(
    name="texts",
    contracts=(TEXTS,),
    run=FromFrames(_text_scorer, why_together="only the candidates that show most writing are read"),
    reads=OF_FRAMES,
    section="texts",
    is_on=lambda s: s.texts.is_on,
    # scipy computes nothing of it any more; without its name all that was made before would be made again.
    tools=("opencv-python-headless", "scipy"),
    models=lambda s: tuple(map(get_model_file, _MODELS)) if s.texts.is_on else (),
    model_files=lambda s: (s.texts.finder_path, s.texts.reader_path),
    version="2",  # looked for in 240 lines, found in 256; pictures that say the same are read once
)
