"""Vectors of a whole library, the most of them in indexes on disk that follow the library as it changes.

An index of HNSW cannot be changed while it is mapped into memory. So vectors are sealed into files of some 50,000, once
and for all; those that are not sealed yet are compared one by one, and those that are gone are passed over until too
many of a file are.
"""

import json
import logging
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from thumb_assets.events import UNWATCHED, Events
from thumb_assets.files import locked, remove_abandoned, replaced_file
from thumb_assets.survey.index import VectorIndex

FloatArray = NDArray[np.float32]
Positions = NDArray[np.int64]

_LOGGER = logging.getLogger(__name__)
_VERSION = 1
_SUFFIX = ".usearch"
# Vectors that are sealed into one file, at least: few enough to be compared one by one until then.
NUM_SEALED = 50_000
# A file is asked for no more, unless more is wanted than several times its share of that.
_MOST_OF_EACH, _SPARE = 500, 4
# Below this share of vectors that still count a file is given up.
_LEAST_ALIVE = 0.7
# Of an unfinished file nobody holds a lock on, where only its age tells.
_ABANDONED_SECONDS = 3600.0
_BYTES_AT_A_TIME = 1 << 20


@dataclass(frozen=True)
class Unit:
    """Vectors that come and go together, as those of a video.

    Attributes:
        name: of the unit.
        version: another one means other vectors.
        count: number of its rows, with and without a vector.
    """

    name: str
    version: str
    count: int


# Vectors of some rows of the unit at a place: (n, D) float32 of L2 norm 1, 0 in rows without one.
VectorsOf = Callable[[int, Positions | slice], FloatArray]
_ALL = slice(None)


@dataclass(frozen=True, eq=False)
class _Segment:
    """Sealed vectors.

    Attributes:
        entry: its line of the list: file, checksum, units.
        index: the opened index.
        targets: (n,) int64, the position of each of its vectors in the space; -1 where it counts no more.
    """

    entry: dict[str, Any]
    index: VectorIndex
    targets: Positions

    @property
    def num_dead(self) -> int:
        return int((self.targets < 0).sum())


class VectorSpace:
    """Nearest neighbours among the vectors of a library; a position counts through the rows of all units.

    Args:
        folder: for its files; None keeps everything in memory.
        name: of its files.
        units: all that there are now.
        vectors_of: their vectors.
        num_sealed: see NUM_SEALED.
        events: `progress` while vectors are sealed.

    Attributes:
        notes: one line per file that was damaged and is made again, or cannot be kept.
    """

    def __init__(
        self,
        folder: Path | None,
        name: str,
        units: Sequence[Unit],
        vectors_of: VectorsOf,
        *,
        num_sealed: int = NUM_SEALED,
        events: Events = UNWATCHED,
    ) -> None:
        self.notes: list[str] = []
        self._folder, self._name, self._vectors_of, self._num_sealed = folder, name, vectors_of, num_sealed
        self._events = events
        self._units = list(units)
        self._offsets = np.concatenate([[0], np.cumsum([unit.count for unit in units], dtype=np.int64)])
        self._places = {(unit.name, unit.version): place for place, unit in enumerate(units)}
        self._segments = self._stored()
        self._tail: tuple[Positions, FloatArray] | None = None
        if self._num_loose() >= num_sealed:
            self._seal()

    def __len__(self) -> int:
        """The number of rows."""
        return int(self._offsets[-1])

    def nearest(self, question: FloatArray, *, number: int) -> tuple[Positions, NDArray[np.float64]]:
        """The nearest to a question, nearest first.

        Args:
            question: (D,) float32 of L2 norm 1.
            number: how many, k.

        Returns:
            k positions or fewer, and their cosines.
        """
        of_each = number
        if number > _MOST_OF_EACH and self._segments:  # they are not all in one file
            of_each = max(_MOST_OF_EACH, _SPARE * number // len(self._segments))
        with ThreadPoolExecutor() as pool:  # usearch searches without holding the interpreter
            parts = list(pool.map(lambda segment: _asked(segment, question, of_each), self._segments))
        parts.append(self._of_tail(question))
        positions, cosines = (np.concatenate(each) for each in zip(*parts, strict=True))
        best = np.lexsort((positions, -cosines))[:number]
        return positions[best], cosines[best]

    def _of_tail(self, question: FloatArray) -> tuple[Positions, NDArray[np.float64]]:
        if self._tail is None:
            self._tail = self._loose_vectors()
        positions, vectors = self._tail
        cosines = vectors @ question if len(positions) else np.zeros(0)
        return positions, np.asarray(cosines, np.float64)

    def _loose(self) -> list[int]:
        """Places of the units that are in no file."""
        is_sealed = np.zeros(len(self._units), np.bool_)
        for segment in self._segments:
            alive = segment.targets[segment.targets >= 0]
            is_sealed[np.searchsorted(self._offsets, alive, side="right") - 1] = True
        return np.flatnonzero(~is_sealed).tolist()

    def _num_loose(self) -> int:
        return sum(self._units[place].count for place in self._loose())

    def _loose_vectors(self) -> tuple[Positions, FloatArray]:
        positions, vectors = [np.zeros(0, np.int64)], []
        for place in self._loose():
            own = self._vectors_of(place, _ALL)
            known = np.flatnonzero(own.any(axis=1))
            if len(known):
                positions.append(self._offsets[place] + known)
                vectors.append(own[known])
        return np.concatenate(positions), np.concatenate(vectors) if vectors else np.zeros((0, 0), np.float32)

    @property
    def _list_path(self) -> Path | None:
        return None if self._folder is None else self._folder / f"{self._name}.json"

    def _stored(self) -> list[_Segment]:
        """The files that are whole and of which enough counts; the others are made again."""
        segments: list[_Segment] = []
        taken: set[str] = set()
        for entry in self._entries():
            assert self._folder is not None
            path = self._folder / str(entry["file"])
            try:
                segment = self._opened(entry, path, taken)
            except (OSError, ValueError, KeyError, TypeError) as error:
                self._note(f"{path}: is made again: {getattr(error, 'strerror', None) or error}")
                continue
            if segment.num_dead <= (1 - _LEAST_ALIVE) * len(segment.targets):
                segments.append(segment)
                taken |= {name for name, version, *_ in entry["units"] if (name, version) in self._places}
        return segments

    def _entries(self) -> list[dict[str, Any]]:
        path = self._list_path
        if path is None or self._folder is None:
            return []
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["version"] != _VERSION:
                return []
            return list(content["segments"])
        except FileNotFoundError:
            if any(self._folder.glob(f"{self._name}-*{_SUFFIX}")):
                self._note(f"{path}: is gone, so the index is made again")
        except (OSError, ValueError, KeyError, TypeError):
            self._note(f"{path}: is damaged, so the index is made again")
        return []

    def _opened(self, entry: dict[str, Any], path: Path, taken: set[str]) -> _Segment:
        if _checksum(path) != entry["checksum"]:
            raise ValueError("its content is not what was written")
        index = VectorIndex.in_file(path)
        targets = self._targets(entry["units"], taken)
        if len(targets) != len(index):
            raise ValueError("it holds another number of vectors than it should")
        return _Segment(entry, index, targets)

    def _targets(self, units: Sequence[Sequence[Any]], taken: AbstractSet[str] = frozenset()) -> Positions:
        """The position of each sealed vector in the space; -1 where its unit is gone, another version or taken."""
        parts = [np.zeros(0, np.int64)]
        for name, version, count, without in units:
            place = self._places.get((name, version))
            rows = np.delete(np.arange(count), without)
            is_there = place is not None and name not in taken and self._units[place].count == count
            parts.append(self._offsets[place] + rows if is_there else np.full(len(rows), -1))
        return np.concatenate(parts)

    def _seal(self) -> None:
        """Makes files of what is in none, while there is enough for one."""
        try:
            if self._folder is None:
                self._seal_loose()
                return
            self._folder.mkdir(parents=True, exist_ok=True)
            with locked(self._folder / f".{self._name}.lock"):
                self._segments = self._stored()  # another process may have done it meanwhile
                self._seal_loose()
                self._clean()
        except OSError as error:
            self._note(f"{self._folder}: cannot be kept, so it is made again the next time: {error.strerror or error}")
            self._folder = None
            self._seal_loose()

    def _seal_loose(self) -> None:
        loose = self._loose()
        total = sum(self._units[place].count for place in loose)
        done = 0
        while total - done >= self._num_sealed:
            chosen, count = [], 0
            while count < self._num_sealed:
                chosen.append(loose.pop(0))
                count += self._units[chosen[-1]].count
            self._events.progress("indexing", done, total)
            self._segments.append(self._sealed(chosen))
            done += count
            self._write_list()
        self._tail = None

    def _sealed(self, places: Sequence[int]) -> _Segment:
        vectors, units = [], []
        for place in places:
            unit, own = self._units[place], self._vectors_of(place, _ALL)
            is_known = own.any(axis=1)
            vectors.append(own[is_known])
            units.append([unit.name, unit.version, unit.count, np.flatnonzero(~is_known).tolist()])
        joined = np.concatenate(vectors)
        index = VectorIndex.of(joined, num_per_part=max(1, len(joined)))
        entry: dict[str, Any] = {"units": units}
        if self._folder is not None and len(joined):
            digest = xxhash.xxh3_64_hexdigest(json.dumps(units).encode())
            entry["file"] = f"{self._name}-{digest}{_SUFFIX}"
            path = self._folder / entry["file"]
            with replaced_file(path) as handle:
                index.write(Path(handle.name))
            entry["checksum"] = _checksum(path)
            index = VectorIndex.in_file(path)
        return _Segment(entry, index, self._targets(units))

    def _write_list(self) -> None:
        if self._list_path is not None:
            entries = [segment.entry for segment in self._segments if "file" in segment.entry]
            with replaced_file(self._list_path) as handle:
                handle.write(json.dumps({"version": _VERSION, "segments": entries}).encode())

    def _clean(self) -> None:
        """Removes files that no list names, and what killed writers left."""
        assert self._folder is not None
        named = {segment.entry.get("file") for segment in self._segments}
        for path in self._folder.glob(f"{self._name}-*{_SUFFIX}"):
            if path.name not in named:
                path.unlink(missing_ok=True)
        for path in self._folder.glob(".*"):
            remove_abandoned(path, older_than_seconds=_ABANDONED_SECONDS)

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)
            _LOGGER.info("%s", note)


def _asked(segment: _Segment, question: FloatArray, number: int) -> tuple[Positions, NDArray[np.float64]]:
    """The nearest of a file that still count."""
    wanted = min(number + min(segment.num_dead, number), len(segment.targets))
    if not wanted:
        return np.zeros(0, np.int64), np.zeros(0)
    keys, cosines = segment.index.nearest(question[None], number=wanted)
    positions = np.where(keys[0] >= 0, segment.targets[keys[0]], -1)
    return positions[positions >= 0], cosines[0][positions >= 0].astype(np.float64)


def _checksum(path: Path) -> str:
    """Read whole before it is mapped: usearch trusts what a file says, and a damaged one would crash the process."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as handle:
        while block := handle.read(_BYTES_AT_A_TIME):
            digest.update(block)
    return digest.hexdigest()
