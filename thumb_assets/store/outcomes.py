"""Outcomes: the result of each stage of a video when it was tried last."""

import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from thumb_assets.errors import ContractError
from thumb_assets.files import locked, storage_errors
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import table_from_rows
from thumb_assets.tables.contracts import TABLES, tables_of

TABLE = "outcomes"
# Footer key: by stage, what a skipped one was tried with.
_ATTEMPTS = "attempt_keys"
# Message of a stage that somebody began with; it stays where that process died.
INTERRUPTED = "interrupted before it was done; run it again"
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """One row of the table `outcomes`; the contract says what each field means.

    Attributes:
        attempt_key: of a skipped stage, in the footer: changes with whatever may let it be made (inputs, settings,
            packages, models); None where it was recorded without.

    Raises:
        ContractError: `is_permanent` is null for `failed` or set for another status, or `num_rows` is set though the
            status is not `done`.
    """

    video_id: str
    stage: str
    status: str
    message: str | None
    is_permanent: bool | None
    num_rows: int | None
    source_path: str
    blocked_by: str | None = None
    attempt_key: str | None = None

    def __post_init__(self) -> None:
        is_failed = self.status == "failed"
        if (self.is_permanent is not None) != is_failed or (self.num_rows is not None and self.status != "done"):
            raise ContractError(
                f"outcome of {self.stage} on {self.video_id}: is_permanent belongs to `failed`, num_rows to `done`"
            )


def record_outcomes(store: TableStore, video_id: str, rows: Iterable[Outcome]) -> None:
    """Merges outcomes of one video into what is stored, by stage; the last try wins.

    A stored table that cannot be read is started again: the diary must not keep a video from being tried. Processes
    that record outcomes of the same video do so one after the other.

    Raises:
        ContractError: a row is of another video or breaks the contract.
        StorageError: the disk is full, read-only or gone; the old table is whole.
    """
    rows = list(rows)
    if not rows:
        return
    path = store.table_path(TABLE, video_id)
    with storage_errors(path, advice="free or remount the disk"), locked(path.with_name(f".{video_id}.lock")):
        _merge(store, video_id, rows)


def _merge(store: TableStore, video_id: str, rows: Iterable[Outcome]) -> None:
    try:
        merged = {outcome.stage: outcome for outcome in read_outcomes(store, video_id)}
    except ContractError as error:
        _LOGGER.warning("%s: started again", error)
        merged = {}
    merged.update({outcome.stage: outcome for outcome in rows})
    table = table_from_rows(TABLE, [_storable(outcome) for outcome in merged.values()])
    attempts = {outcome.stage: outcome.attempt_key for outcome in merged.values() if outcome.attempt_key}
    store.write(TABLE, table, video_id=video_id, footer={_ATTEMPTS: json.dumps(attempts)} if attempts else {})


def read_outcomes(store: TableStore, video_id: str) -> list[Outcome]:
    """The outcomes of a video in the order of the stages; empty where none was tried.

    Raises:
        ContractError: the table is corrupt.
        StorageError: the disk does not answer.
    """
    table = store.read_or_none(TABLE, video_id)
    if table is None:
        return []
    attempts = json.loads((table.schema.metadata or {}).get(_ATTEMPTS.encode(), b"{}"))
    outcomes = [Outcome(**row, attempt_key=attempts.get(row["stage"])) for row in table.to_pylist()]
    return sorted(outcomes, key=lambda outcome: (_position(outcome.stage), outcome.stage))


def outdated_tables(store: TableStore, video_id: str) -> frozenset[str]:
    """The tables whose stage was skipped or failed when it was tried last: they belong to an older state of the others.

    Raises: as `read_outcomes`.
    """
    return frozenset(
        table_name
        for outcome in read_outcomes(store, video_id)
        if outcome.status != "done"
        for table_name in tables_of(outcome.stage)
    )


def interrupted_tables(store: TableStore, video_id: str) -> frozenset[str]:
    """Those of the outdated tables whose stage somebody began with: it is under way, or its process died.

    Raises: as `read_outcomes`.
    """
    return frozenset(
        table_name
        for outcome in read_outcomes(store, video_id)
        if outcome.status == "failed" and outcome.message == INTERRUPTED
        for table_name in tables_of(outcome.stage)
    )


def failed_video_ids(store: TableStore) -> list[str]:
    """The videos of which any stage failed when it was tried last, ascending.

    A video whose table cannot be read counts as failed: trying it again writes the table anew.

    Raises:
        StorageError: the disk does not answer.
    """
    return [video_id for video_id in store.video_ids(TABLE) if _has_failed(store, video_id)]


def _has_failed(store: TableStore, video_id: str) -> bool:
    try:
        return any(outcome.status == "failed" for outcome in read_outcomes(store, video_id))
    except ContractError as error:
        _LOGGER.warning("%s: counted as failed", error)
        return True


def _position(stage: str) -> int:
    return list(TABLES).index(stage) if stage in TABLES else len(TABLES)


def _storable(outcome: Outcome) -> dict[str, object]:
    row = asdict(outcome)
    del row["attempt_key"]
    row["source_path"] = _utf8(outcome.source_path)
    if outcome.message is not None:
        row["message"] = " ".join(_utf8(outcome.message).split())  # the contract says one line
    return row


def _utf8(text: str) -> str:
    # A file name may hold bytes that are no UTF-8, which Python carries as lone surrogates and Arrow refuses.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
