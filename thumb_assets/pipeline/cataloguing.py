"""The catalog during one run: a damaged one is made again, a locked one is waited for once and caught up with later."""

import logging
from collections.abc import Iterator

from thumb_assets.errors import ThumbAssetsError, as_thumb_assets_error
from thumb_assets.events import Events
from thumb_assets.pipeline.job import VideoJob
from thumb_assets.pipeline.result import StageResult, outcome_of
from thumb_assets.stages.kit.declaration import Made
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.database import BUSY_SECONDS, LockedDatabaseError
from thumb_assets.store.outcomes import record_outcomes
from thumb_assets.store.parquet import TableStore

_LOGGER = logging.getLogger(__name__)
# So long nobody is told that the file is waited for: another process is just writing a video's rows.
_SILENT_SECONDS = 2.0


class Cataloguing:
    """Keeps the catalog up to date with the videos of one run.

    Args:
        wait_seconds: how long to wait, once, for a process that holds the file.
    """

    def __init__(self, store: TableStore, events: Events, *, wait_seconds: float = BUSY_SECONDS) -> None:
        self._store = store
        self._events = events
        self._wait_seconds = wait_seconds
        self._put_off: list[tuple[str, str]] = []  # video_id and path of the file

    def index(self, job: VideoJob) -> StageResult | None:
        """The result of a video's stage `catalog`; None where the file is locked and the video waits for the end."""
        failure: Exception | None = None
        try:
            self._bring_up_to_date(job.video_id)
        except LockedDatabaseError:
            self._put_off.append((job.video_id, job.video.source_path))
            return None
        except Exception as error:  # noqa: BLE001 - becomes the result of the stage
            failure = error

        def made() -> Made:
            if failure is not None:
                raise failure
            return Made({})

        return job.attempt("catalog", made)

    def show(self, video_id: str) -> None:
        """Shows what became of a video that did not come to the stage; its outcomes are on disk whatever happens."""
        try:
            self._bring_up_to_date(video_id)
        except ThumbAssetsError as error:
            _LOGGER.warning("%s: not shown in the catalog: %s", video_id, error)

    def catch_up(self) -> Iterator[StageResult]:
        """The results of the videos that were put off; one error for all of them where the file is still locked."""
        put_off, self._put_off = self._put_off, []
        failure: ThumbAssetsError | None = None
        for video_id, source_path in put_off:
            result = StageResult(video_id, "catalog", "done", source_path)
            record_outcomes(self._store, video_id, [outcome_of(result)])  # before, so that the catalog shows it
            blocked_by = "catalog" if failure is not None else None
            failure = failure or self._failure_of(video_id)
            if failure is not None:
                result = StageResult(
                    video_id,
                    "catalog",
                    "failed",
                    source_path,
                    message=str(failure),
                    error=failure,
                    blocked_by=blocked_by,
                )
                record_outcomes(self._store, video_id, [outcome_of(result)])
            yield result

    def _failure_of(self, video_id: str) -> ThumbAssetsError | None:
        try:
            self._bring_up_to_date(video_id, is_waiting=True)
        except Exception as error:  # noqa: BLE001 - becomes the result of the stage
            return as_thumb_assets_error(error, str(self._store.catalog_path))
        return None

    def _bring_up_to_date(self, video_id: str, *, is_waiting: bool = False) -> None:
        """Waits for a locked file when it is locked for the first time, or where that is asked for."""
        path = self._store.catalog_path
        try:
            self._index(video_id, min(_SILENT_SECONDS, self._wait_seconds))
        except LockedDatabaseError:
            if self._put_off and not is_waiting:
                raise
            self._events.note(f"{path}: another process holds it; waiting up to {self._wait_seconds:.0f} s")
            try:
                self._index(video_id, self._wait_seconds)
            except LockedDatabaseError:
                if not is_waiting:
                    self._events.note(
                        f"{path}: still held by another process; brought up to date at the end of the run"
                    )
                raise

    def _index(self, video_id: str, busy_seconds: float) -> None:
        problem = Catalog(self._store.catalog_path, busy_seconds=busy_seconds).index_video(self._store, video_id)
        if problem is not None:
            self._events.note(f"{problem}; made again from the tables")
