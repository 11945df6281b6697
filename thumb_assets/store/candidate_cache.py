"""A compact copy of what selection reads of a whole library, kept beside the tables so that all of it loads at once.

It lies in `data/what_if/`, follows the tables' files by size, time and inode, and can be deleted at any time.
"""

import logging
import zlib
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from thumb_assets.errors import PermanentError
from thumb_assets.events import UNWATCHED, Events
from thumb_assets.files import remove_abandoned, replaced_file
from thumb_assets.select.measure import TABLES_OF_SCORES, CandidateArrays
from thumb_assets.store.candidate_rows import (
    MEASURED_SCHEMA,
    STANDING_SCHEMA,
    are_scored,
    clip_footers_of_rows,
    contents_of_rows,
    measured_of_rows,
    measured_row,
    standing_row,
)
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.quote_rows import QUOTED_SCHEMA, TABLES_OF_QUOTES, Quotes, quoted_row, quotes_of_rows
from thumb_assets.store.table_versions import Versions, versions_of, versions_of_all
from thumb_assets.tables.contracts import TABLES

_LOGGER = logging.getLogger(__name__)
# Of an unfinished file nobody holds a lock on, where only its age tells.
_ABANDONED_SECONDS = 3600.0
_ADVICE = "check the disk and run again"
# Raised when a row means something else than before: older files are then made anew.
_VERSION = "6"
# A changed video costs writing its file anew, so there are several; many more would take longer to open.
_NUM_SHARDS = 64

_MakeRow = Callable[[TableStore, str, frozenset[str]], dict[str, Any]]


@dataclass(frozen=True)
class _Part:
    """One kind of rows, a row per video: made from which tables, without which of them there is none."""

    name: str
    tables: tuple[str, ...]
    required: tuple[str, ...]
    schema: pa.Schema
    make_row: _MakeRow


_STANDING = _Part("standing", ("outcomes", "selections"), (), STANDING_SCHEMA, standing_row)
_MEASURED = _Part(
    "measured",
    ("videos", "candidate_frames", *TABLES_OF_SCORES),
    ("videos", "candidate_frames"),
    MEASURED_SCHEMA,
    measured_row,
)
_QUOTED = _Part(
    "quoted",
    ("candidate_frames", *TABLES_OF_QUOTES),
    ("candidate_frames",),
    QUOTED_SCHEMA,
    quoted_row,
)
_TABLES = tuple(dict.fromkeys((*_STANDING.tables, *_MEASURED.tables, *_QUOTED.tables)))


@dataclass(frozen=True)
class StoredSelection:
    """The stored selections of a video: (K,) frame_index and seconds, best first."""

    frame_indices: tuple[int, ...]
    pts_seconds: tuple[float, ...]


@dataclass(frozen=True)
class StoredCandidates:
    """The tables that selection needs of the videos asked for.

    Attributes:
        measured: the videos that can be selected anew, in no particular order; None where there is none.
        clip_footers: model_name, pretrained and prompts_sha256 of the embeddings, by video that has any.
        selections: what is selected now, by video that has a selection.
        missing: the stage to run first, by video that cannot be selected anew.
        errors: why a video's tables cannot be read, one line, by video.
        contents: by measured video the hash of the tables that its vectors are made of.
        in_work: the videos that a run works on now; see `CandidateCache`.
        in_vain: those of `missing` whose stage was run, and failed or was skipped.
    """

    measured: CandidateArrays | None
    clip_footers: Mapping[str, Mapping[str, str]]
    selections: Mapping[str, StoredSelection]
    missing: Mapping[str, str]
    errors: Mapping[str, str]
    contents: Mapping[str, str]
    in_work: frozenset[str] = frozenset()
    in_vain: frozenset[str] = frozenset()


class CandidateCache:
    """The candidates of many videos as they are when it is made; what changed since the last time is read anew.

    Of a video that a run works on now, each table counts as it is stored, from before or from this run. Where the run
    made candidates that are still to be scored, the video is left out.

    Args:
        store: the tables.
        video_ids: the videos; None for all that have a table.
        events: `video` for each whose tables are read, which takes some milliseconds.

    Raises:
        StorageError: the disk does not answer. One that cannot be written costs time only.
    """

    def __init__(
        self, store: TableStore, video_ids: Iterable[str] | None = None, *, events: Events = UNWATCHED
    ) -> None:
        self._store = store
        self._folder = store.data_dir / "what_if"
        self._events = events
        self._errors: dict[str, str] = {}
        self._can_be_kept = True
        self._is_whole = video_ids is None
        self._files = versions_read(store, video_ids)
        self._outdated: dict[str, frozenset[str]] = {}
        self._in_vain: dict[str, frozenset[str]] = {}
        self._in_work: set[str] = set()
        self._selections: dict[str, StoredSelection] = {}
        for shard in self._shards(_STANDING, self._files):
            for row in shard.to_pylist():
                video_id, outdated = row["video_id"], self._outdated_of(row)
                self._outdated[video_id] = outdated
                self._in_vain[video_id] = frozenset(row["outdated"]) - frozenset(row["interrupted"])
                if row["has_selections"] and "selections" not in outdated:
                    selection = StoredSelection(tuple(row["frame_index"]), tuple(row["pts_seconds"]))
                    self._selections[video_id] = selection

    def _outdated_of(self, row: Mapping[str, Any]) -> frozenset[str]:
        outdated, interrupted = frozenset(row["outdated"]), frozenset(row["interrupted"])
        if not interrupted or not self._store.video_lock(row["video_id"]).is_held():
            return outdated
        self._in_work.add(row["video_id"])
        try:
            return outdated - interrupted if are_scored(self._store, row["video_id"]) else outdated
        except PermanentError:  # whoever reads the table says so
            return outdated

    @property
    def files(self) -> Versions:
        """By video and table, the version of the file that counts here."""
        return self._files

    def candidates(self, *, needs_selections: bool = True, required: Sequence[str] = ()) -> StoredCandidates:
        """Returns what selection needs of the videos, as the engine would read it: see `VideoJob.optional_table`.

        Args:
            needs_selections: whether videos without selections are left out.
            required: tables of scores without which a video is left out.

        Raises:
            StorageError: the disk does not answer.
        """
        known = {video_id: self._files[video_id] for video_id in self._outdated}
        missing_stage = partial(self._missing_stage, needs_selections=needs_selections, required=required)
        wanted = frozenset(video_id for video_id in known if missing_stage(video_id) is None)
        # Joined as they are stored: made into arrays file by file, each column would cost as much as for all.
        rows = pa.concat_tables(
            [_rows_of(shard, wanted) for shard in self._shards(_MEASURED, known)] or [MEASURED_SCHEMA.empty_table()]
        )
        missing = {
            video_id: stage
            for video_id in self._files
            if video_id not in self._errors and (stage := missing_stage(video_id)) is not None
        }
        return StoredCandidates(
            measured_of_rows(rows) if rows.num_rows else None,
            clip_footers_of_rows(rows),
            self._selections,
            missing,
            dict(self._errors),
            contents_of_rows(rows),
            frozenset(self._in_work),
            frozenset(video_id for video_id, stage in missing.items() if stage in self._in_vain.get(video_id, ())),
        )

    def quotes(self) -> Quotes:
        """Returns all that is said or written in the videos.

        Raises:
            StorageError: the disk does not answer.
        """
        known = {video_id: self._files[video_id] for video_id in self._outdated}
        return quotes_of_rows([rows for rows in self._shards(_QUOTED, known) if rows.num_rows])

    def _missing_stage(self, video_id: str, *, needs_selections: bool, required: Sequence[str]) -> str | None:
        for name in (*_MEASURED.required, *required):
            if name not in self._files[video_id] or name in self._outdated[video_id]:
                return name
        return "selections" if needs_selections and video_id not in self._selections else None

    def _shards(self, part: _Part, files: Mapping[str, Mapping[str, str]]) -> Iterator[pa.Table]:
        """The part's rows of these videos, brought up to date, some videos at a time."""
        by_shard: dict[int, dict[str, str]] = defaultdict(dict)
        for video_id, of_video in files.items():
            usable = {
                name: version for name, version in of_video.items() if name not in self._outdated.get(video_id, ())
            }
            if all(name in usable for name in part.required):
                versions = " ".join(usable.get(name, "-") for name in part.tables)
                by_shard[zlib.crc32(video_id.encode()) % _NUM_SHARDS][video_id] = versions
        # With all videos at hand also the files whose videos are all gone, to empty them.
        for number in range(_NUM_SHARDS) if self._is_whole else sorted(by_shard):
            yield self._shard(part, number, by_shard.get(number, {}))

    def _shard(self, part: _Part, number: int, wanted: Mapping[str, str]) -> pa.Table:
        path = self._folder / f"{part.name}-{number:02d}.arrow"
        contracts = ",".join(f"{name} {TABLES[name].schema_version}" for name in sorted(part.tables))
        schema = part.schema.with_metadata({"version": f"{_VERSION}: {contracts}"})
        stored = _read_file(path, schema)
        names, versions = stored.column("video_id").to_pylist(), stored.column("versions").to_pylist()
        is_kept = [
            wanted[name] == version if name in wanted else not self._is_whole
            for name, version in zip(names, versions, strict=True)
        ]
        kept = {name for name, is_one in zip(names, is_kept, strict=True) if is_one}
        rows = list(self._new_rows(part, {name: wanted[name] for name in wanted if name not in kept}))
        if rows or not all(is_kept):
            stored = pa.concat_tables([stored.filter(pa.array(is_kept, pa.bool_())), _table_of(rows, schema)])
            stored = stored.combine_chunks()
            self._write_file(path, stored)
        return _rows_of(stored, wanted)

    def _new_rows(self, part: _Part, wanted: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        for video_id, versions in wanted.items():
            self._events.video(video_id)
            try:
                row = part.make_row(self._store, video_id, self._outdated.get(video_id, frozenset()))
            except PermanentError as error:  # a damaged table costs its video alone
                self._errors[video_id] = str(error)
                continue
            yield {"video_id": video_id, "versions": versions, **row}

    def _write_file(self, path: Path, table: pa.Table) -> None:
        if not self._can_be_kept:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            for other in path.parent.glob(".*"):
                remove_abandoned(other, older_than_seconds=_ABANDONED_SECONDS)
            with replaced_file(path) as handle, pa.ipc.new_file(handle, table.schema) as writer:
                writer.write_table(table)
        except OSError as error:
            self._can_be_kept = False
            reason = error.strerror or error
            _LOGGER.warning("%s: cannot be kept, so the tables are read again the next time: %s", path, reason)


def versions_read(store: TableStore, video_ids: Iterable[str] | None) -> Versions:
    """The versions of the tables that are read of the videos; None for all that have a table.

    Raises:
        ContractError: an id is none.
        StorageError: the disk does not answer.
    """
    return versions_of_all(store, _TABLES) if video_ids is None else versions_of(store, _TABLES, video_ids)


def _rows_of(table: pa.Table, video_ids: Container[str]) -> pa.Table:
    is_wanted = [video_id in video_ids for video_id in table.column("video_id").to_pylist()]
    return table if all(is_wanted) else table.filter(pa.array(is_wanted, pa.bool_()))


def _table_of(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.table(
        {field.name: pa.array([row[field.name] for row in rows], field.type) for field in schema}, schema=schema
    )


def _read_file(path: Path, schema: pa.Schema) -> pa.Table:
    """The rows of a file, mapped into memory; none where it is missing, damaged or of another version."""
    try:
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_file(source).read_all()
    except (OSError, pa.ArrowException):
        return schema.empty_table()
    return table if table.schema.equals(schema, check_metadata=True) else schema.empty_table()
