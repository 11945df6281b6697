"""Tells of a video that nothing of it is to be done, from stored tables alone: then no engine has to be started."""

from collections.abc import Mapping
from functools import cached_property

from thumb_assets.errors import ThumbAssetsError
from thumb_assets.events import Events
from thumb_assets.files import NamedLock
from thumb_assets.pipeline.cataloguing import Cataloguing
from thumb_assets.pipeline.guidance import Guides
from thumb_assets.pipeline.job import VideoJob
from thumb_assets.pipeline.remembered import Asked
from thumb_assets.pipeline.result import StageResult
from thumb_assets.settings.load import Settings
from thumb_assets.stages import STAGES
from thumb_assets.stages.kit.declaration import Indexed
from thumb_assets.store.decisions import settle_decisions
from thumb_assets.store.library import Library
from thumb_assets.store.outcomes import read_outcomes
from thumb_assets.store.parquet import TableStore


class Settled:
    """Videos of one run of which nothing is to be done.

    Whatever is odd about a video (another process works on it, a failure, a file that changed, a damaged table, outputs
    that lie elsewhere) is left to the engine, which does the same and says more.

    Args:
        stages: in the order of the flow.
        asked: see `run`.
    """

    def __init__(
        self,
        stages: tuple[str, ...],
        settings: Settings,
        store: TableStore,
        events: Events,
        *,
        asked: Mapping[str, Asked] | None,
    ) -> None:
        self._stages, self._settings, self._store, self._asked = stages, settings, store, asked
        self._library = Library(store.data_dir, video=settings.video, ignore=settings.library.ignore)
        self._catalog = Cataloguing(store, events)
        self._made = [stage for stage in stages if not isinstance(STAGES[stage].run, Indexed)]

    def results(self, video_id: str) -> list[StageResult] | None:
        """The results of a video that is as the engine would leave it; None where that has to look at it."""
        if not self._is_simple:
            return None
        lock: NamedLock | None = None
        try:
            lock = self._store.video_lock(video_id)
            return self._results(video_id) if lock.try_acquire() else None
        except (ThumbAssetsError, OSError):
            return None
        finally:
            if lock is not None:
                lock.release()

    def _results(self, video_id: str) -> list[StageResult] | None:
        video = self._library.find(video_id)
        found = read_outcomes(self._store, video_id)
        done = {each.stage for each in found if each.status == "done" and each.source_path == video.source_path}
        if not done.issuperset(self._stages):
            return None
        if not self._settings.library.keep_replaced and self._library.former_ids(video):
            return None
        settle_decisions(self._store, video)
        job = VideoJob(
            video,
            stages=self._stages,
            settings=self._settings,
            store=self._store,
            guides=self._guides.sha256,
            asked=self._asked,
        )
        # Footers first: they are read in no time, and say of nearly every video that something is to be done.
        if not all(map(job.is_current, self._made)) or any(job.reuse(stage) is None for stage in self._made):
            return None
        has_catalog = len(self._made) < len(self._stages)
        if job.stored.notes or (has_catalog and self._catalog.index(job) is None):
            return None
        return job.results if job.is_well else None

    @cached_property
    def _guides(self) -> Guides:
        return Guides(self._settings, self._store)

    @cached_property
    def _is_simple(self) -> bool:
        """True while nothing has to be fetched, sent or hashed anew, and there is nothing to note."""
        library = self._settings.library
        try:
            is_quiet = not any(STAGES[stage].is_guided for stage in self._stages) or not self._guides.notes
        except ThumbAssetsError:
            return False
        return is_quiet and not library.url and not library.outputs_url and library.content_hash != "always"
