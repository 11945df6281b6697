"""Decisions of people on frames: made once, kept with the content, and carried to wherever the same pictures are.

The words themselves lie in the records (`decision_records`). The table `decisions` of a video is what follows from them
for its present content; stages read that, and it is made again from the records wherever it is gone or damaged.
"""

import hashlib
import logging
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from thumb_assets.errors import BadInputError, ContractError, ThumbAssetsError
from thumb_assets.store.decision_records import DecisionRecords, Record, Word
from thumb_assets.store.file_cache import LibraryVideo
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import content_sha256, table_from_rows
from thumb_assets.tables.contracts import TABLES

TABLE = "decisions"
DECISIONS = TABLES[TABLE].column("decision").choices
# A decided frame is looked for this near to its time, or where only one frame of the video has its picture.
_NEAR_SECONDS = 1.0
# Between words that are said at once, so that their order stays.
_LATER_SECONDS = 1e-3
_LOGGER = logging.getLogger(__name__)


class FrameFacts:
    """Facts on a video's pictures, from the table `frames`.

    Args:
        frames: the table.
    """

    def __init__(self, frames: pa.Table) -> None:
        self._hashes = frames.column("luma_hash")
        self._seconds = frames.column("pts_seconds").to_numpy()
        self.num_frames = frames.num_rows

    @cached_property
    def pictures_sha256(self) -> str | None:
        """Hash of all pictures in their order; None where one was not decoded, or there is none."""
        if self._hashes.null_count or not self.num_frames:
            return None
        return hashlib.sha256("\n".join(self._hashes.to_pylist()).encode()).hexdigest()

    def word(self, frame_index: int, decision: str | None, *, decided_at: float, sha256: str | None) -> Word:
        """A word on a frame, with what it needs to be found again in other bytes."""
        if not 0 <= frame_index < self.num_frames:
            return Word(decision, decided_at, source_sha256=sha256)
        luma_hash = self._hashes[frame_index].as_py()
        return Word(decision, decided_at, luma_hash, self._offset(frame_index), sha256)

    def find(self, word: Word) -> int | None:
        """The frame_index of a decided frame in this video: the same picture at its time; None where there is none."""
        if word.luma_hash is None or word.offset_seconds is None:
            return None
        offset_seconds = word.offset_seconds
        same = pc.indices_nonzero(pc.fill_null(pc.equal(self._hashes, word.luma_hash), False)).to_pylist()
        if not same:
            return None
        nearest = min(same, key=lambda index: abs(self._offset(index) - offset_seconds))
        is_near = abs(self._offset(nearest) - offset_seconds) <= _NEAR_SECONDS
        return int(nearest) if is_near or len(same) == 1 else None

    def _offset(self, frame_index: int) -> float:
        return float(self._seconds[frame_index] - self._seconds[0])


def decide(
    store: TableStore, video_id: str, decisions: Mapping[int, str | None], *, path: str | None = None
) -> pa.Table:
    """Records decisions on frames, all at once: always chosen (`pin`), never (`ban`), rank 1 (`cover`), none (None).

    Several processes may decide at once: each adds to what the others decided. Of several covers the last one counts;
    those before it stay pinned.

    Args:
        decisions: by frame_index, in the order in which they were made.
        path: of the video's file, to know it by when its content changes.

    Returns:
        The video's decisions as they are now.

    Raises:
        BadInputError: the video has no such frame, or a chosen one was not decoded; nothing is recorded then.
        ContractError: the record is damaged, and its copy too.
        StorageError: the disk is full, read-only or gone; what was decided before is kept.
    """
    facts = FrameFacts(verify_decidable(store, video_id, decisions))
    records = DecisionRecords(store)
    with records.held():
        sha256 = sha256_of(store, video_id)
        record = own_record(store, records, video_id, sha256=sha256, facts=facts)
        # The clock may have been set back; the later word counts all the same.
        decided_at = max([time.time(), *(word.decided_at + _LATER_SECONDS for word in record.words.values())])
        for frame_index, decision in decisions.items():
            if effective(record).get(frame_index) != decision:
                word = facts.word(frame_index, decision, decided_at=decided_at, sha256=sha256)
                record = record.merged_with(replace(record, words={frame_index: word}))
                decided_at += _LATER_SECONDS
        if path is not None:
            record = replace(record, paths=tuple(dict.fromkeys([*record.paths, path])))
        records.write(record)
        return _write_table(store, video_id, record)


def verify_decidable(store: TableStore, video_id: str, decisions: Mapping[int, str | None]) -> pa.Table:
    """The table `frames` of a video of which frames can be decided so.

    Raises:
        BadInputError: the video has no such frame, or a chosen one was not decoded.
    """
    frames = store.read_or_none("frames", video_id)
    if frames is None:
        raise BadInputError(f"{video_id}: its frames are not known yet; run the stage `frames` first")
    for frame_index, decision in decisions.items():
        if not 0 <= frame_index < frames.num_rows:
            raise BadInputError(f"{video_id}: has no frame {frame_index}; its frames are 0 to {frames.num_rows - 1}")
        if decision in {"pin", "cover"} and not frames.column("luma_hash")[frame_index].is_valid:
            raise BadInputError(
                f"{video_id}: frame {frame_index} was not decoded, so it cannot be proven; run the stage `frames` "
                "without sparse.is_on first"
            )
    return frames


def take_back(store: TableStore, record: Record, frame_index: int) -> None:
    """Takes a decision back whose video's file is not here.

    Raises:
        StorageError: the disk is full, read-only or gone.
    """
    records = DecisionRecords(store)
    with records.held():
        word = replace(record.words[frame_index], decision=None, decided_at=time.time())
        records.write(record.merged_with(replace(record, words={frame_index: word})))


def settle_decisions(store: TableStore, video: LibraryVideo) -> bool:
    """Makes the table `decisions` of a video what its records say, and carries over what was decided elsewhere.

    Elsewhere are tables of former versions, records of the same content under another id, of a former content of the
    same path (each decided frame is looked for by its picture and time), and of any content with the same pictures.

    Returns:
        Whether the table changed.

    Raises:
        ContractError: the decisions are damaged, and their copy too.
        StorageError: the disk is full, read-only or gone.
    """
    records = DecisionRecords(store)
    names = records.names()
    if not names and not store.has(TABLE, video.video_id):
        return False
    path = os.fspath(video.path)
    with records.held():
        frames = _FramesOf(store, video.video_id)
        own = own_record(store, records, video.video_id, sha256=video.sha256, frames=frames)
        for donor in records.all():
            if not donor.is_of(video.sha256) and _is_donor(donor, path, frames):
                own = _with_words_of(own, donor, frames.facts)
        if not own.has_words:
            return False
        own = replace(own, video_id=video.video_id, paths=tuple(dict.fromkeys([*own.paths, path])))
        if frames.facts is not None and own.pictures_sha256 is None:
            own = replace(own, num_frames=frames.facts.num_frames, pictures_sha256=frames.facts.pictures_sha256)
        records.write(own)
        if not own.words:  # of collections alone no table follows
            return False
        before = _table_or_none(store, video.video_id)
        table = _write_table(store, video.video_id, own)
        return before is None or not table.equals(before)


def keep_decisions(store: TableStore, video_id: str) -> None:
    """Takes what only a table says into a record, before the table is removed with all that was made of the video.

    Raises:
        StorageError: the disk is full, read-only or gone.
    """
    records = DecisionRecords(store)
    if not store.has(TABLE, video_id):
        return
    table = _table_or_none(store, video_id)
    with records.held():
        if table is None:  # damaged: a person may have a use for it still
            store.table_path(TABLE, video_id).replace(records.folder / f"{video_id}.parquet.damaged")
        elif table.num_rows:
            frames = _FramesOf(store, video_id)
            records.write(own_record(store, records, video_id, sha256=sha256_of(store, video_id), frames=frames))


def records_of_all(store: TableStore) -> list[Record]:
    """All records, and those that a run will make of tables of a version that kept none; nothing is written.

    Raises:
        StorageError: the disk does not answer.
    """
    records = DecisionRecords(store).all()
    known = {record.video_id for record in records}
    for video_id in store.video_ids(TABLE):
        table = None if video_id in known else _table_or_none(store, video_id)
        sha256 = sha256_of(store, video_id)
        if table is None or not table.num_rows or any(sha256 and record.is_of(sha256) for record in records):
            continue
        decided_at = store.table_path(TABLE, video_id).stat().st_mtime
        facts = _FramesOf(store, video_id).facts
        words = _words_of_rows(table.to_pylist(), facts, decided_at=decided_at, sha256=sha256)
        records.append(Record(sha256 or video_id, video_id, words=words))
    return records


def effective(record: Record) -> dict[int, str]:
    """The decisions in force, by frame_index: the last cover, with those before it as pins."""
    decided = record.decided
    covers = [index for index, word in decided.items() if word.decision == "cover"]
    last = max(covers, key=lambda index: decided[index].decided_at, default=None)
    return {
        index: "pin" if word.decision == "cover" and index != last else str(word.decision)
        for index, word in decided.items()
    }


def pinned_frames(decisions: pa.Table) -> list[int]:
    """frame_index of those that are chosen whatever they are, the cover among them, ascending."""
    return sorted(row["frame_index"] for row in decisions.to_pylist() if row["decision"] in {"pin", "cover"})


class _FramesOf:
    """The frames of a video, read when they are needed."""

    def __init__(self, store: TableStore, video_id: str) -> None:
        self._store, self._video_id = store, video_id

    @cached_property
    def num_frames(self) -> int | None:
        """From the table's footer; None where there is none that can be read."""
        try:
            return int(pq.read_metadata(self._store.table_path("frames", self._video_id)).num_rows)
        except (OSError, pa.ArrowException):
            return None

    @cached_property
    def facts(self) -> FrameFacts | None:
        """None where there is no table that can be read."""
        try:
            frames = self._store.read_or_none("frames", self._video_id)
        except ContractError:  # the stage makes it again, and settles once more
            return None
        return None if frames is None else FrameFacts(frames)


def own_record(
    store: TableStore,
    records: DecisionRecords,
    video_id: str,
    *,
    sha256: str | None,
    facts: FrameFacts | None = None,
    frames: _FramesOf | None = None,
) -> Record:
    """The record of a content, with what lies under another name or in the table of a former version."""
    name = sha256 or video_id
    try:
        own = records.read(name) or Record(name, video_id)
    except ContractError as error:
        if not (_table_or_none(store, video_id) or pa.table({})).num_rows:
            raise
        _LOGGER.warning("%s; what the table `decisions` of %s says is taken", error, video_id)
        own = Record(name, video_id)
    if sha256 is not None:
        for other in records.names():
            if other != name and other.endswith(f"-{sha256[:8]}") and (found := records.read(other)) is not None:
                own = own.merged_with(found)
                records.write(own)
                records.remove(other)
    table = _former_table(store, video_id) if not own.words else _table_or_none(store, video_id)
    rows = [] if table is None else table.to_pylist()
    new = [row for row in rows if row["frame_index"] not in own.words]
    if new:
        facts = facts or (frames.facts if frames else None)
        decided_at = store.table_path(TABLE, video_id).stat().st_mtime
        own = own.merged_with(replace(own, words=_words_of_rows(new, facts, decided_at=decided_at, sha256=sha256)))
    return own


def _words_of_rows(
    rows: Iterable[Mapping[str, object]], facts: FrameFacts | None, *, decided_at: float, sha256: str | None
) -> dict[int, Word]:
    words = {}
    for row in rows:
        index, decision = int(str(row["frame_index"])), str(row["decision"])
        plain = Word(decision, decided_at, source_sha256=sha256)
        words[index] = plain if facts is None else facts.word(index, decision, decided_at=decided_at, sha256=sha256)
    return words


def _is_donor(donor: Record, path: str, frames: _FramesOf) -> bool:
    if path in donor.paths:
        return frames.facts is not None
    if donor.pictures_sha256 is None or donor.num_frames != frames.num_frames or frames.facts is None:
        return False
    return donor.pictures_sha256 == frames.facts.pictures_sha256


def _with_words_of(own: Record, donor: Record, facts: FrameFacts | None) -> Record:
    """A record with the words on frames of another content that are found in this one."""
    if facts is None:
        return own
    collected = {name: _found_in(words, facts) for name, words in donor.collected.items()}
    return own.merged_with(replace(own, words=_found_in(donor.words, facts), collected=collected))


def _found_in(words: Mapping[int, Word], facts: FrameFacts) -> dict[int, Word]:
    """Words on frames of another content, on the same frames of this one."""
    found = {index: word for word in words.values() if (index := facts.find(word)) is not None}
    return {
        index: facts.word(index, word.decision, decided_at=word.decided_at, sha256=word.source_sha256)
        for index, word in found.items()
    }


def _write_table(store: TableStore, video_id: str, record: Record) -> pa.Table:
    rows = [
        {"video_id": video_id, "frame_index": index, "decision": decision}
        for index, decision in effective(record).items()
    ]
    table = table_from_rows(TABLE, rows)
    before = _table_or_none(store, video_id)
    if before is None or not before.equals(table):
        store.write(TABLE, table, video_id=video_id, footer={"content_sha256": content_sha256(table)})
    return table


def _table_or_none(store: TableStore, video_id: str) -> pa.Table | None:
    """The stored table; None where there is none, or it is damaged, since it can be made again."""
    try:
        return store.read_or_none(TABLE, video_id)
    except ContractError as error:
        _LOGGER.warning("%s", error)
        return None


def _former_table(store: TableStore, video_id: str) -> pa.Table | None:
    """The table of a version that kept no records."""
    try:
        return store.read_or_none(TABLE, video_id)
    except ContractError as error:
        path = store.table_path(TABLE, video_id)
        raise ContractError(
            f"{path}: the decisions in it are damaged, and {DecisionRecords(store).folder} has no record of them; put "
            "the file back from a backup, or move it away and decide again"
        ) from error


def sha256_of(store: TableStore, video_id: str) -> str | None:
    """The content that a video's tables were made of, as their footers say."""
    names: Sequence[str] = ("frames", *(name for name in TABLES if name != "frames"))
    for name in names:
        try:
            sha256 = (store.footer(name, video_id) or {}).get("video_sha256")
        except ThumbAssetsError:
            continue
        if sha256:
            return sha256
    return None
