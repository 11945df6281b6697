"""The stage `texts`: the writing in those candidates that show most of it, read."""

from collections import defaultdict
from dataclasses import asdict, dataclass
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
from thumb_assets.texts import Text, TextReader, luma_of
from thumb_assets.weights.registry import get_model_file
from thumb_assets.weights.resolve import resolve_file
from thumb_assets.writing import Writing, share_of, writing_of

# The network that finds lines and that which reads them, by their names in the weights room.
_MODELS = ("pp-ocrv6-det-small", "pp-ocrv6-rec-small")
# Two pictures whose lines differ by fewer levels on average show the same writing.
_SAME_LEVELS = 10.0
# Awaits the end of the video in a row.
_SEEN = "seen"

UInt8Array = npt.NDArray[np.uint8]


@dataclass(eq=False)
class _Seen:
    """A candidate with writing; its picture until another one shows more, or None."""

    writing: Writing
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
        if kept and _is_same(kept[-1], seen):
            seen.picture, seen.same_as = None, kept[-1]
            return
        kept.append(seen)
        if len(kept) > self._most:
            least = min(kept, key=lambda one: share_of(one.writing))
            least.picture = None
            kept.remove(least)
        self._of_video[video_id] = [ref(one) for one in kept]

    def forget(self, video_id: str) -> None:
        """The video is done."""
        self._of_video.pop(video_id, None)


def _is_same(one: _Seen, other: _Seen) -> bool:
    """True if two pictures hardly differ where either has writing: they say the same."""
    if one.picture is None or other.picture is None or one.picture.shape != other.picture.shape:
        return False
    boxes = (*one.writing.lines, *other.writing.lines)
    return all(
        np.abs(_box(one.picture, box).astype(np.int16) - _box(other.picture, box)).mean() < _SAME_LEVELS
        for box in boxes
    )


def _box(picture: UInt8Array, box: tuple[int, int, int, int]) -> UInt8Array:
    x, y, width, height = box
    return picture[y : y + height, x : x + width]


def _text_scorer(settings: Settings) -> FrameScorer[Any, Any]:
    asked = settings.texts
    if not asked.is_on:
        raise ModelUnavailableError("writing is not read: set texts.is_on=true to read it")
    explicit = (asked.finder_path, asked.reader_path)
    paths = (resolve_file(name, explicit=path) for name, path in zip(_MODELS, explicit, strict=True))
    reader, kept = TextReader(*paths), _Kept(asked.max_frames)

    def to_rows(video_id: str, frame_index: int, result: Any, error: str | None) -> list[Row]:
        if error is not None:  # the table has no error column: a frame without a verdict must not look like one
            raise ThumbAssetsError(f"{video_id}: frame {frame_index}: its writing could not be looked for: {error}")
        picture, scale, writing = result
        if not writing.lines:
            return []
        seen = _Seen(writing, picture)
        kept.offer(video_id, seen)
        return [{"video_id": video_id, "frame_index": frame_index, "scale": scale, _SEEN: seen}]

    def complete(rows: list[Row], _frames: pa.Table) -> list[Row]:
        for video_id in {row["video_id"] for row in rows}:
            kept.forget(video_id)
        return [text for row in rows for text in _read(row, reader, asked.max_lines)]

    return FrameScorer(
        "texts",
        lambda frame: (frame.rgb(asked.working_height), frame.geometry.display_size),
        lambda items: [_looked_at(rgb, size) for rgb, size in items],
        to_rows,
        complete=complete,
        footer={"model_sha256": reader.model_sha256},
    )


def _looked_at(rgb: UInt8Array, display_size: tuple[int, int]) -> tuple[UInt8Array, float, Writing]:
    return rgb, display_size[0] / rgb.shape[1], writing_of(luma_of(rgb))


def _read(row: Row, reader: TextReader, max_lines: int) -> list[Row]:
    """The rows of one candidate; none where others show more writing."""
    seen: _Seen = row[_SEEN]
    source = seen.same_as or seen
    if source.texts is None and source.picture is not None:
        source.texts, source.picture = reader.read(source.picture, max_lines=max_lines), None
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
    run=FromFrames(_text_scorer),
    reads=OF_FRAMES,
    section="texts",
    is_on=lambda s: s.texts.is_on,
    tools=("opencv-python-headless", "scipy"),
    models=lambda s: tuple(map(get_model_file, _MODELS)) if s.texts.is_on else (),
    model_files=lambda s: (s.texts.finder_path, s.texts.reader_path),
)
