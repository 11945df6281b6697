"""The meanings of all texts of the library, read once and kept beside the indexes."""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thumb_assets.events import UNWATCHED, Events
from thumb_assets.files import replaced_file
from thumb_assets.meaning import DIMENSIONS
from thumb_assets.search.space import Unit, VectorSpace
from thumb_assets.select.words import LikenessOfMeaning
from thumb_assets.stages.selections import MODELS_OF_WORDS
from thumb_assets.store.quote_rows import Quotes

_LOGGER = logging.getLogger(__name__)
NAME = "meanings"
# Different texts of a video, at most, that are read while somebody waits.
_TEXTS_AT_A_TIME = 32
# So often what was read is kept while all of a library is.
_VIDEOS_PER_WRITE = 200
_VERSION = f"1 {MODELS_OF_WORDS[0]}"
_SCHEMA = pa.schema({"video_id": pa.string(), "content": pa.string(), "vectors": pa.large_binary()}).with_metadata(
    {"version": _VERSION}
)


class Meanings:
    """Vectors of texts that are English, by video.

    Args:
        folder: for the file; None keeps everything in memory.
        quotes: all texts.
    """

    def __init__(self, folder: Path | None, quotes: Quotes) -> None:
        self._path = None if folder is None else folder / f"{NAME}.arrow"
        self._folder, self._quotes = folder, quotes
        wanted = set(zip(quotes.video_ids, quotes.contents, strict=True))
        stored = _read(self._path)
        keys = zip(stored.column("video_id").to_pylist(), stored.column("content").to_pylist(), strict=True)
        kept = [key in wanted for key in keys]
        self._num_gone = kept.count(False)
        self._rows = stored.filter(pa.array(kept, pa.bool_())).combine_chunks()

    @property
    def num_unread(self) -> int:
        """The number of texts whose meaning was not read yet."""
        sizes = np.diff(self._quotes.offsets)
        return int(sum(sizes[video] for video in self._unread))

    def read(self, likeness: LikenessOfMeaning, *, max_seconds: float = math.inf, events: Events = UNWATCHED) -> None:
        """Reads the meanings of texts, whole videos one after the other, and keeps them.

        Args:
            max_seconds: of reading; what is left then, and videos of many texts, stay unread where it is given.
            events: `progress` for how many texts were read.
        """
        ends_at, done, total = time.monotonic() + max_seconds, 0, self.num_unread
        rows: dict[str, list[object]] = {name: [] for name in _SCHEMA.names}
        for video in self._unread:
            texts = [" ".join(text.split()) for text in self._quotes.texts_of(video)]
            is_long = len(set(texts)) > _TEXTS_AT_A_TIME
            if max_seconds < math.inf and (is_long or time.monotonic() > ends_at):
                continue
            vectors = _read_meanings(texts, likeness).tobytes()
            for name, value in zip(
                _SCHEMA.names, (self._quotes.video_ids[video], self._quotes.contents[video], vectors), strict=True
            ):
                rows[name].append(value)
            done += len(texts)
            events.progress("texts read", done, total)
            if len(rows["vectors"]) == _VIDEOS_PER_WRITE:
                self._add(rows)
        self._add(rows)

    def _add(self, rows: dict[str, list[object]]) -> None:
        """Keeps the rows and empties them."""
        if rows["vectors"] or self._num_gone:
            self._rows = pa.concat_tables([self._rows, pa.table(rows, _SCHEMA)]).combine_chunks()
            self._num_gone = 0
            self._keep()
        for values in rows.values():
            values.clear()

    def space(self, *, events: Events = UNWATCHED) -> tuple[VectorSpace, NDArray[np.int64]]:
        """The space of the texts that were read, and for each of its positions the place of the text."""
        row_of = self._row_of
        videos = [video for video, video_id in enumerate(self._quotes.video_ids) if video_id in row_of]
        bounds = [self._quotes.offsets[video : video + 2].tolist() for video in videos]
        places = np.concatenate([np.zeros(0, np.int64), *(np.arange(*each) for each in bounds)])
        units = [
            Unit(self._quotes.video_ids[video], self._quotes.contents[video], end - begin)
            for video, (begin, end) in zip(videos, bounds, strict=True)
        ]
        column = self._rows.column("vectors")

        def vectors_of(place: int, rows: NDArray[np.int64] | slice) -> NDArray[np.float32]:
            vectors = np.zeros((units[place].count, DIMENSIONS), np.float32)
            read = np.frombuffer(column[row_of[units[place].name]].as_buffer(), np.float16).reshape(-1, DIMENSIONS)
            vectors[: len(read)] = read  # none of a video that is not English
            return vectors[rows]

        return VectorSpace(self._folder, NAME, units, vectors_of, events=events), places

    @property
    def _row_of(self) -> Mapping[str, int]:
        return {video_id: row for row, video_id in enumerate(self._rows.column("video_id").to_pylist())}

    @property
    def _unread(self) -> list[int]:
        known, sizes = self._row_of, np.diff(self._quotes.offsets)
        return [video for video, name in enumerate(self._quotes.video_ids) if name not in known and sizes[video]]

    def _keep(self) -> None:
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with replaced_file(self._path) as handle, pa.ipc.new_file(handle, _SCHEMA) as writer:
                writer.write_table(self._rows)
        except OSError as error:
            _LOGGER.warning("%s: cannot be kept, so texts are read again: %s", self._path, error.strerror or error)


def _read_meanings(texts: Sequence[str], likeness: LikenessOfMeaning) -> NDArray[np.float16]:
    """(N, D) float16; (0, D) where the texts are not English."""
    if not likeness.knows(texts):
        return np.zeros((0, DIMENSIONS), np.float16)
    distinct, places = np.unique(np.array(texts, object), return_inverse=True)
    return np.asarray(likeness.encode(distinct.tolist()).astype(np.float16)[places])


def _read(path: Path | None) -> pa.Table:
    """The stored rows; none where the file is missing, damaged or of another version."""
    if path is None:
        return _SCHEMA.empty_table()
    try:
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_file(source).read_all()
    except (OSError, pa.ArrowException):
        return _SCHEMA.empty_table()
    return table if table.schema.equals(_SCHEMA, check_metadata=True) else _SCHEMA.empty_table()
