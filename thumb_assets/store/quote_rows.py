"""The quotes of the candidate cache: what is said and written in one video as one row, and many rows as arrays."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thumb_assets.select.words import words_in
from thumb_assets.store.candidate_rows import content_of_tables
from thumb_assets.store.parquet import TableStore

_integers, _floats, _strings = pa.list_(pa.int64()), pa.list_(pa.float64()), pa.list_(pa.string())
QUOTED_SCHEMA = pa.schema(
    {
        "video_id": pa.string(),
        "versions": pa.string(),
        "content": pa.string(),
        "sources": _integers,
        "texts": _strings,
        "seconds": _floats,
        "frame_indices": _integers,
        "words": pa.list_(_strings),
    }
)


@dataclass(frozen=True)
class _Said:
    """One text of a video: when it begins and ends, and the frame it stands on, where it stands on one."""

    text: str
    start_seconds: float
    end_seconds: float
    frame_index: int | None = None


def _cues(table: pa.Table) -> Iterator[_Said]:
    for row in table.select(["text", "start_seconds", "end_seconds"]).to_pylist():
        yield _Said(row["text"], row["start_seconds"], row["end_seconds"])


def _writing(table: pa.Table) -> Iterator[_Said]:
    """Lines of one frame are one text: a name may go over two."""
    lines: dict[int, list[str]] = {}
    for frame_index, text in zip(*(table.column(name).to_pylist() for name in ("frame_index", "text")), strict=True):
        lines.setdefault(frame_index, []).append(text)
    for frame_index, texts in lines.items():
        yield _Said("\n".join(texts), np.nan, np.nan, frame_index)


def _titles(table: pa.Table) -> Iterator[_Said]:
    for row in table.select(["title", "start_pts_seconds", "end_seconds", "frame_index"]).to_pylist():
        if row["title"] is not None:
            yield _Said(row["title"], row["start_pts_seconds"], row["end_seconds"], row["frame_index"])


# By name for people: the table, and how its texts are read. Their order is that of `Quotes.sources`.
_READ: Mapping[str, tuple[str, Callable[[pa.Table], Iterator[_Said]]]] = {
    "subtitle": ("subtitles", _cues),
    "writing": ("texts", _writing),
    "chapter title": ("chapters", _titles),
}
SOURCES = tuple(_READ)
TABLES_OF_QUOTES = tuple(table for table, _ in _READ.values())


def quoted_row(store: TableStore, video_id: str, outdated: frozenset[str]) -> dict[str, Any]:
    """Every text of a video, each with the candidate that shows it best.

    Raises:
        ContractError, StorageError: as `TableStore.read`.
    """
    candidates = store.read("candidate_frames", video_id)
    tables = {name: None if name in outdated else store.read_or_none(name, video_id) for name in TABLES_OF_QUOTES}
    frame_indices, seconds = (candidates.column(name).to_numpy() for name in ("frame_index", "pts_seconds"))
    row: dict[str, Any] = {field.name: [] for field in QUOTED_SCHEMA if pa.types.is_list(field.type)}
    for source, (name, read) in enumerate(_READ.values()):
        table = tables[name]
        for said in () if table is None or not len(frame_indices) else read(table):
            words = words_in(said.text)
            if words:
                place = _shown_best(said, frame_indices, seconds)
                row["sources"].append(source)
                row["texts"].append(said.text)
                row["seconds"].append(float(seconds[place] if np.isnan(said.start_seconds) else said.start_seconds))
                row["frame_indices"].append(int(frame_indices[place]))
                row["words"].append(sorted(words))
    return {**row, "content": content_of_tables({**tables, "candidate_frames": candidates}, TABLES_OF_QUOTES)}


def _shown_best(said: _Said, frame_indices: NDArray[np.int64], seconds: NDArray[np.float64]) -> int:
    """Position of the candidate that a text stands on, else of the nearest to its middle, one within it first."""
    if said.frame_index is not None:
        return int(np.argmin(np.abs(frame_indices - said.frame_index)))
    distances = np.abs(seconds - (said.start_seconds + said.end_seconds) / 2)
    is_within = (said.start_seconds <= seconds) & (seconds < said.end_seconds)
    return int(np.argmin(np.where(is_within | ~is_within.any(), distances, np.inf)))


@dataclass(frozen=True, eq=False)
class Quotes:
    """The texts of V videos, Q in all.

    Attributes:
        video_ids: V names, each once.
        contents: by video the hash of the tables that they come from.
        offsets: (V + 1,) int64; those of video v are [offsets[v], offsets[v + 1]).
        sources: (Q,) int64, places in SOURCES.
        texts: Q texts.
        seconds: (Q,) float64, when each begins.
        frame_indices: (Q,) int64, the candidate that shows it best.
        words: Q lists of the words in each; see `words_in`.
    """

    video_ids: tuple[str, ...]
    contents: tuple[str, ...]
    offsets: NDArray[np.int64]
    sources: NDArray[np.int64]
    texts: pa.Array
    seconds: NDArray[np.float64]
    frame_indices: NDArray[np.int64]
    words: pa.Array

    def text(self, place: int) -> str:
        """The text at a place."""
        return str(self.texts[place].as_py())

    def texts_of(self, video: int) -> list[str]:
        """All texts of a video."""
        begin, end = self.offsets[video : video + 2].tolist()
        texts: list[str] = self.texts[begin:end].to_pylist()
        return texts

    def with_word(self, word: str) -> NDArray[np.int64]:
        """Places of the texts that have a word, ascending."""
        codes, of_text, vocabulary = self._coded
        return of_text[codes == vocabulary[word]] if word in vocabulary else np.zeros(0, np.int64)

    @cached_property
    def _coded(self) -> tuple[NDArray[np.int32], NDArray[np.int64], dict[str, int]]:
        """Each word of each text as a number, the place of its text, and the numbers by word."""
        coded = self.words.flatten().dictionary_encode()
        of_text = np.repeat(np.arange(len(self.words)), pc.list_value_length(self.words).to_numpy())
        vocabulary = {word: code for code, word in enumerate(coded.dictionary.to_pylist())}
        return coded.indices.to_numpy(), of_text, vocabulary


def quotes_of_rows(parts: Sequence[pa.Table]) -> Quotes:
    """The quotes behind rows of the part `quoted`."""
    rows = pa.concat_tables([QUOTED_SCHEMA.empty_table(), *(part.replace_schema_metadata(None) for part in parts)])
    sizes = pc.list_value_length(rows.column("texts").combine_chunks()).to_numpy()
    flat = {name: rows.column(name).combine_chunks().flatten() for name in QUOTED_SCHEMA.names[3:]}
    return Quotes(
        video_ids=tuple(rows.column("video_id").to_pylist()),
        contents=tuple(rows.column("content").to_pylist()),
        offsets=np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]),
        texts=flat["texts"],
        words=flat["words"],
        **{name: flat[name].to_numpy() for name in ("sources", "seconds", "frame_indices")},
    )
