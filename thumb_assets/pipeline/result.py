"""The result of one stage of one video, as the engine yields it and as the table `outcomes` keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

from thumb_assets.errors import ThumbAssetsError
from thumb_assets.store.outcomes import Outcome


@dataclass(frozen=True)
class StageResult:
    """Result of one stage of one video.

    Attributes:
        status: `done` (tables were written), `skipped` (the stage cannot run here and may be left out), `failed`.
        tables: what was written, by table name; empty unless done.
        message: why it was skipped or failed, one line.
        error: the exception behind a failure.
        blocked_by: the stage whose failure is the reason, where this one was not tried at all.
        metrics: counts worth showing.
        is_unchanged: whether nothing was done, since inputs, settings and code are those of the stored tables.
        attempt_key: of a skipped stage, see `VideoJob.attempt_key`.
        replaced: what is different in the settings, where what was stored before was made with others.
    """

    video_id: str
    stage: str
    status: Literal["done", "skipped", "failed"]
    source_path: str
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    message: str | None = None
    error: ThumbAssetsError | None = None
    blocked_by: str | None = None
    metrics: Mapping[str, int | float | str] = field(default_factory=dict)
    is_unchanged: bool = False
    attempt_key: str | None = None
    replaced: str | None = None


def outcome_of(result: StageResult) -> Outcome:
    """The row for the `outcomes` table."""
    return Outcome(
        video_id=result.video_id,
        stage=result.stage,
        status=result.status,
        message=result.message,
        is_permanent=result.error.is_permanent if result.error else None,
        num_rows=next((table.num_rows for table in result.tables.values()), None),
        source_path=result.source_path,
        # One error for the catalog of several videos is the failure of each.
        blocked_by=None if result.blocked_by == result.stage else result.blocked_by,
        attempt_key=result.attempt_key,
    )
