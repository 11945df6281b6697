"""The decisions of people, one file per content of a video, each with a copy: nothing that cleans up touches them.

A record holds the last word on each frame with its time, also that a decision was taken back. Merging two records
keeps the later word of each frame, so copies, machines and former contents can be merged in any order.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from thumb_assets.errors import ContractError
from thumb_assets.files import locked, remove_abandoned, storage_errors
from thumb_assets.store.parquet import TableStore

SUFFIX = ".json"
_COPIES = "copies"
# The decision of a word on a frame of a collection.
COLLECTED = "collected"
_VERSION = 1
# Of a record that names collections, which the first version did not know.
_VERSION_WITH_COLLECTIONS = 2
_CHECKSUM = "checksum"
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Word:
    """The last word on one frame.

    Attributes:
        decision: `pin`, `ban` or `cover`; None where it was taken back.
        decided_at: seconds since the epoch; the later word counts.
        luma_hash: of the frame; None where it was not decoded.
        offset_seconds: from the video's first frame; None where its frames are not known.
        source_sha256: the content that it was said of; None where that is not known.
    """

    decision: str | None
    decided_at: float
    luma_hash: str | None = None
    offset_seconds: float | None = None
    source_sha256: str | None = None


@dataclass(frozen=True)
class Record:
    """All words on one content.

    Attributes:
        name: of its file: the content's SHA-256, or a video id where only that is known.
        video_id: the id that the content had last.
        paths: where a file had that content.
        num_frames, pictures_sha256: of the content's frames, where all of them are known.
        words: by frame_index.
        collected: by name of a collection the words on its frames, by frame_index; their decision is COLLECTED.
    """

    name: str
    video_id: str
    paths: tuple[str, ...] = ()
    num_frames: int | None = None
    pictures_sha256: str | None = None
    words: Mapping[int, Word] = field(default_factory=dict)
    collected: Mapping[str, Mapping[int, Word]] = field(default_factory=dict)

    @property
    def has_words(self) -> bool:
        """True where anything was ever said of a frame."""
        return bool(self.words or self.collected)

    @property
    def decided(self) -> dict[int, Word]:
        """The decisions that were not taken back, by frame_index."""
        return {index: word for index, word in sorted(self.words.items()) if word.decision is not None}

    def merged_with(self, other: "Record") -> "Record":
        """This one with the later word of both on each frame."""
        names = sorted({*self.collected, *other.collected})
        return replace(
            self,
            paths=tuple(dict.fromkeys([*self.paths, *other.paths])),
            num_frames=self.num_frames or other.num_frames,
            pictures_sha256=self.pictures_sha256 or other.pictures_sha256,
            words=_later(self.words, other.words),
            collected={name: _later(self.collected.get(name, {}), other.collected.get(name, {})) for name in names},
        )

    def is_of(self, sha256: str) -> bool:
        """True if the record is of that content; where only an id is known, the hash digits at its end tell."""
        return self.name == sha256 or (not _is_sha256(self.name) and self.name.endswith(f"-{sha256[:8]}"))

    def to_bytes(self) -> bytes:
        """The content of its file."""
        values = asdict(self) | {"version": _VERSION, "words": _as_json(self.words)}
        del values["collected"]
        if self.collected:
            values["version"] = _VERSION_WITH_COLLECTIONS
            values["collected"] = {name: _as_json(words) for name, words in self.collected.items()}
        return json.dumps(values | {_CHECKSUM: _checksum(values)}, indent=1, sort_keys=True).encode()


def record_of(content: bytes) -> Record:
    """The record in the bytes of its file.

    Raises:
        ValueError: they are damaged, or of a later version.
    """
    try:
        values: dict[str, Any] = json.loads(content)
        if values.pop(_CHECKSUM, None) != _checksum(values):
            raise ValueError("its content is not what was written")
        if values.pop("version") not in {_VERSION, _VERSION_WITH_COLLECTIONS}:
            raise ValueError("a later version of thumb-assets wrote it")
        words = _of_json(values.pop("words"))
        collected = {name: _of_json(own) for name, own in values.pop("collected", {}).items()}
        return Record(**{**values, "paths": tuple(values["paths"])}, words=words, collected=collected)
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise ValueError(f"it is no record of decisions ({type(error).__name__})") from error


def _later(words: Mapping[int, Word], others: Mapping[int, Word]) -> dict[int, Word]:
    """The later word of both on each frame."""
    merged = dict(words)
    for index, word in others.items():
        if index not in merged or merged[index].decided_at < word.decided_at:
            merged[index] = word
    return dict(sorted(merged.items()))


def _as_json(words: Mapping[int, Word]) -> dict[str, Any]:
    return {str(index): asdict(word) for index, word in words.items()}


def _of_json(values: Mapping[str, Any]) -> dict[int, Word]:
    return {int(index): Word(**word) for index, word in values.items()}


class DecisionRecords:
    """The records of a data folder, in `decisions/`, the copies in `decisions/copies/`.

    Args:
        store: where the data folder is.
    """

    def __init__(self, store: TableStore) -> None:
        self._store = store
        self.folder = store.data_dir / "decisions"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lets one process after the other change records.

        Raises:
            StorageError: the folder cannot be made.
        """
        with (
            storage_errors(self.folder, "cannot be made", advice="free or mount the disk"),
            locked(self.folder / ".lock"),
        ):
            yield

    def path(self, name: str) -> Path:
        """The file of a record."""
        return self.folder / f"{name}{SUFFIX}"

    def copy_path(self, name: str) -> Path:
        """The copy of a record's file."""
        return self.folder / _COPIES / f"{name}{SUFFIX}"

    def names(self) -> list[str]:
        """The records that there are, ascending; a copy whose file is gone counts."""
        folders = (self.folder, self.folder / _COPIES)
        return sorted({path.stem for folder in folders for path in folder.glob(f"*{SUFFIX}") if path.name[0] != "."})

    def read(self, name: str) -> Record | None:
        """A record; where its file is damaged or gone, that of the copy. None where there is neither.

        Raises:
            ContractError: both are damaged; the message says what to do.
            StorageError: the disk does not answer.
        """
        problems: list[str] = []
        for path in (self.path(name), self.copy_path(name)):
            try:
                record = _read(path)
            except ValueError as error:
                problems.append(str(error))
                continue
            if record is not None:
                if problems:
                    _LOGGER.warning("%s: is damaged (%s); its copy is used", self.path(name), problems[0])
                return record
        if problems:
            raise ContractError(
                f"{self.path(name)}: the decisions in it are damaged ({problems[0]}), and so is the copy "
                f"{self.copy_path(name)}; put one of them back from a backup, or move both away and decide again"
            )
        return None

    def all(self) -> list[Record]:
        """Every record that can be read; one that cannot is reported in the log."""
        found = []
        for name in self.names():
            try:
                record = self.read(name)
            except ContractError as error:
                _LOGGER.warning("%s", error)
                continue
            found += [] if record is None else [record]
        return found

    def write(self, record: Record) -> None:
        """Puts a record in the place of the stored one, then the copy; only inside `held`.

        A file that is damaged is kept beside it under another name.

        Raises:
            StorageError: the disk is full, read-only or gone; at least one of the two is whole.
        """
        content = record.to_bytes()
        for path in (self.path(record.name), self.copy_path(record.name)):
            _keep_damaged(path)
            if not path.is_file() or path.read_bytes() != content:
                self._store.write_bytes(path, content)

    def remove(self, name: str) -> None:
        """Removes a record whose words stand in another one by now; only inside `held`."""
        for path in (self.path(name), self.copy_path(name)):
            path.unlink(missing_ok=True)

    def clean_temporary_files(self, *, older_than_seconds: float = 3600.0) -> None:
        """Removes what writers that were killed left behind.

        Raises:
            StorageError: the disk is read-only or gone.
        """
        with storage_errors(self.folder, "cannot be cleaned"):
            for path in [*self.folder.glob(".*"), *self.folder.glob(f"{_COPIES}/.*")]:
                remove_abandoned(path, older_than_seconds=older_than_seconds)


def _read(path: Path) -> Record | None:
    with storage_errors(path, "cannot be read", advice="check the disk and run again"):
        try:
            status = path.stat()
            return _parsed(path, status.st_mtime_ns, status.st_size, status.st_ino)
        except FileNotFoundError:
            return None


@lru_cache(maxsize=4096)
def _parsed(path: Path, _mtime_ns: int, _num_bytes: int, _inode: int) -> Record:
    return record_of(path.read_bytes())


def _keep_damaged(path: Path) -> None:
    try:
        _read(path)
    except ValueError:
        os.replace(path, path.with_name(f"{path.name}.damaged"))  # noqa: PTH105 - as the other renames of this project


def _is_sha256(name: str) -> bool:
    return len(name) == 64 and set(name) <= set("0123456789abcdef")


def _checksum(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
