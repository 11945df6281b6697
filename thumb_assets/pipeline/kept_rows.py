"""Rows of candidates that were measured before, which stay while others come or go, and the footer that allows it."""

import base64
import json
import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from thumb_assets.iqa.scorer import is_not_measurable
from thumb_assets.pipeline.stored_tables import StoredTables
from thumb_assets.settings.load import Settings
from thumb_assets.stages import STAGES
from thumb_assets.stages.kit.declaration import CANDIDATES, FromFrames
from thumb_assets.tables.conform import conform

# As the stage's key, whichever the candidates: what each row was made from.
ROW_KEY = "row_key"
# The candidates that were measured; a frame without a face has no row that would say so.
MEASURED = "measured_frames"


@dataclass(frozen=True)
class KeptRows:
    """Stored rows of a scorer that are still right.

    Attributes:
        table: rows of `frames` alone.
        frames: frame_index of candidates that need not be measured again, whether they have rows or not.
    """

    table: pa.Table
    frames: frozenset[int]

    def with_rows(self, stage: str, rows: pa.Table) -> pa.Table:
        """The whole table of a stage, out of these rows and those of the other candidates."""
        if not self.table.num_rows:
            return rows
        # Of failed frames alone, embeddings have no length.
        columns = [
            pa.nulls(rows.num_rows, field.type) if column.null_count == len(column) else column
            for field, column in zip(self.table.schema, rows.select(self.table.column_names).columns, strict=True)
        ]
        others = pa.Table.from_arrays(columns, schema=self.table.schema)
        return conform(stage, pa.concat_tables([self.table, others]))


class KeyedJob(Protocol):
    """A video's job as far as it knows what tables were made from; `pipeline.job.VideoJob` is one."""

    settings: Settings
    is_recomputed: bool
    stored: StoredTables
    kept: dict[str, KeptRows]

    def table(self, table_name: str) -> pa.Table:
        """A table of this run, else the stored one."""

    def footer(self, table_name: str) -> dict[str, str]:
        """The footer of a stored table."""

    def key_of(self, stage: str, settings: Settings | None = None, *, without: Collection[str] = ()) -> str | None:
        """All that a stage's tables depend on."""


def keep_rows(job: KeyedJob, stage: str, *, of_scorer: Mapping[str, str]) -> frozenset[int]:
    """The candidates whose stored rows of a stage are still right, which are kept for it.

    Args:
        of_scorer: footer of the stage's scorer: rows of another model, or at another precision, are not mixed in.
    """
    if job.is_recomputed or not _has_right_rows(job, stage) or _why_together(stage):
        return frozenset()
    footer, stored = job.footer(stage), job.stored.of_stage(stage)
    if stored is None or any(footer.get(name) != value for name, value in of_scorer.items()):
        return frozenset()
    job.kept[stage] = _rows_of(stored[stage], footer, _candidates(job))
    return job.kept[stage].frames


def why_all(job: KeyedJob, stage: str) -> str | None:
    """The reason why candidates with right rows are measured once more for a stage; None where none are."""
    return None if job.is_recomputed or not _has_right_rows(job, stage) else _why_together(stage)


def row_footer(job: KeyedJob, stage: str) -> dict[str, str]:
    """Footer entries of a scorer's table, by which its rows can be kept; empty for other stages."""
    key = _row_key(job, stage)
    return {} if key is None else {ROW_KEY: key, MEASURED: measured_footer(_candidates(job))}


def _candidates(job: KeyedJob) -> list[int]:
    indices: list[int] = job.table(CANDIDATES).column("frame_index").to_pylist()
    return indices


def _row_key(job: KeyedJob, stage: str) -> str | None:
    run = STAGES[stage].run
    is_of_candidates = isinstance(run, FromFrames) and not run.needs_every_frame(job.settings)
    return job.key_of(stage, without=(CANDIDATES,)) if is_of_candidates else None


def _has_right_rows(job: KeyedJob, stage: str) -> bool:
    key = _row_key(job, stage)
    return key is not None and job.footer(stage).get(ROW_KEY) == key


def _why_together(stage: str) -> str | None:
    run = STAGES[stage].run
    return run.why_together if isinstance(run, FromFrames) else None


def _rows_of(table: pa.Table, footer: Mapping[str, str], candidates: Iterable[int]) -> KeptRows:
    """The rows of a stored table that stay, as its footer says which frames were measured; failed ones are not kept."""
    frames = _frames_of(footer.get(MEASURED, "")) & frozenset(candidates)
    if "error" in table.column_names:  # another try may mend it, as it does where all are measured
        rows = table.filter(table.column("error").is_valid()).select(["frame_index", "error"]).to_pylist()
        frames -= {row["frame_index"] for row in rows if not is_not_measurable(row["error"])}
    is_kept = pc.is_in(table.column("frame_index"), value_set=pa.array(sorted(frames), pa.int64()))
    return KeptRows(table.filter(is_kept), frames)


def measured_footer(frame_indices: Iterable[int]) -> str:
    """Frame indices as short text: an hour has thousands, and a footer is read often.

    >>> sorted(_frames_of(measured_footer([7, 0, 31])))
    [0, 7, 31]
    """
    gaps = np.diff(np.array(sorted(frame_indices), np.int64), prepend=0).tolist()
    return base64.b64encode(zlib.compress(json.dumps(gaps, separators=(",", ":")).encode())).decode()


def _frames_of(text: str) -> frozenset[int]:
    try:
        gaps = json.loads(zlib.decompress(base64.b64decode(text, validate=True)))
        return frozenset(np.cumsum(np.array(gaps, np.int64)).tolist())
    except (ValueError, zlib.error):  # none were noted, or it is damaged: all are measured
        return frozenset()
