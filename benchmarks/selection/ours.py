"""Ours: the public engine up to the selections, each video analysed once however many settings choose from it."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from benchmarks.selection.picks import Pick
from thumb_assets.errors import ThumbAssetsError
from thumb_assets.pipeline.engine import run
from thumb_assets.pipeline.result import StageResult
from thumb_assets.pipeline.stages import default_stages
from thumb_assets.select.measure import CandidateArrays
from thumb_assets.settings.load import Settings, load_settings
from thumb_assets.stages import STAGES
from thumb_assets.store.candidate_cache import CandidateCache
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore

_UP_TO = tuple(STAGES)[: list(STAGES).index("selections") + 1]
# Each strategy has its own tables where these differ; those that differ in the choice alone share what was measured.
_CHOICE = "selection."


class Ours:
    """The engine with its tables in a folder that is kept.

    Args:
        folder: made where it is missing.
        profile: of the settings.
        overrides: on top, for every strategy.
    """

    def __init__(self, folder: Path, *, profile: str = "default", overrides: Sequence[str] = ()) -> None:
        self._folder, self._profile, self._overrides = folder, profile, tuple(overrides)
        folder.mkdir(parents=True, exist_ok=True)

    def elsewhere(self, name: str) -> "Ours":
        """The same settings with tables of their own, in a folder of that name."""
        return Ours(self._folder / name, profile=self._profile, overrides=self._overrides)

    def clear(self) -> None:
        """Forgets all tables."""
        shutil.rmtree(self._folder)
        self._folder.mkdir()

    @property
    def identity(self) -> str:
        """The profile and the overrides, for people and for what is kept."""
        return " ".join([self._profile, *self._overrides])

    def settings(self, overrides: Sequence[str] = ()) -> Settings:
        """Its settings, with these on top."""
        return load_settings(self._profile, (*self._overrides, *overrides))

    def is_empty(self) -> bool:
        """True if nothing was measured yet with these settings."""
        return not any(self._data_dir(self._overrides).iterdir())

    def selections(
        self, paths: Sequence[Path], overrides: Sequence[str], *, is_recomputed: bool = False
    ) -> dict[Path, pa.Table]:
        """Table `selections` of each video.

        Args:
            paths: videos.
            overrides: of the strategy.
            is_recomputed: choose again whatever is stored; what was measured stays.

        Raises:
            ThumbAssetsError: a video cannot be used, or a stage failed or was skipped.
        """
        settings = self.settings(overrides)
        store = TableStore(self._data_dir((*self._overrides, *overrides)))
        videos, errors = Library(store.data_dir).register(paths)
        if errors:
            raise errors[0]
        video_ids = {video.path: video.video_id for video in videos}
        for result in run(list(video_ids.values()), _stages(settings), settings, store):
            _require_done(result)
        if is_recomputed:
            for result in run(list(video_ids.values()), ["selections"], settings, store, is_recomputed=True):
                _require_done(result)
        return {path: store.read("selections", video_ids[Path(os.path.abspath(path))]) for path in paths}  # noqa: PTH100

    def table(self, name: str, path: Path, overrides: Sequence[str] = ()) -> pa.Table:
        """A stored table of a video that has been analysed with these overrides."""
        store = TableStore(self._data_dir((*self._overrides, *overrides)))
        (video,), _ = Library(store.data_dir).register([path])
        return store.read(name, video.video_id)

    def candidates(self, paths: Sequence[Path]) -> list[CandidateArrays]:
        """Reads the measurements of each analysed video, one video each, for `select.choose.pick`.

        Raises:
            ThumbAssetsError: a video was not analysed, or its tables cannot be read.
        """
        store = TableStore(self._data_dir(self._overrides))
        videos, _ = Library(store.data_dir).register(paths)
        found = []
        for video in videos:
            stored = CandidateCache(store, [video.video_id]).candidates()
            if stored.measured is None:
                raise ThumbAssetsError(f"{video.path}: its tables cannot be read: {stored.errors or stored.missing}")
            found.append(stored.measured)
        return found

    def _data_dir(self, overrides: Sequence[str]) -> Path:
        measured = sorted(each for each in overrides if not each.startswith(_CHOICE))
        key = hashlib.sha256(json.dumps([self._profile, measured]).encode()).hexdigest()[:8]
        folder = self._folder / f"tables-{key}"
        folder.mkdir(exist_ok=True)
        return folder


def picks_of(selections: pa.Table) -> list[Pick]:
    """Best first, with the combined score."""
    rows: list[Mapping] = sorted(selections.to_pylist(), key=lambda row: row["rank"])
    return [Pick(row["frame_index"], row["combined_score"]) for row in rows]


def _stages(settings: Settings) -> tuple[str, ...]:
    return tuple(stage for stage in default_stages(settings) if stage in _UP_TO)


def _require_done(result: StageResult) -> None:
    if result.status != "done":
        raise ThumbAssetsError(f"{result.source_path}: {result.stage} was {result.status}: {result.message}")
