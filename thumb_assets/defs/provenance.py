"""Records what made each materialisation and from what, so that Dagster can tell which partitions are out of date.

Dagster notes this itself for what an asset returns, and not for the events that name a partition of their own; see
`assets`. Without it, its "unsynced" is a guess from the times of the events.
"""

from collections.abc import Callable, Collection, Iterable

import dagster as dg

from thumb_assets.defs.inputs import INPUT_FILES, INPUT_TABLES, NO_DATA_VERSION, note_input
from thumb_assets.defs.internals import (
    CODE_VERSION_TAG,
    DATA_VERSION_TAG,
    NULL_DATA_VERSION,
    extract_data_version_from_entry,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)
from thumb_assets.defs.metadata import data_version
from thumb_assets.errors import SettingsError, ThumbAssetsError
from thumb_assets.pipeline.result import StageResult
from thumb_assets.pipeline.stages import default_stages, ordered_stages, stage_settings_sha256
from thumb_assets.settings.load import Settings
from thumb_assets.stages import STAGES
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.contracts import stage_of
from thumb_assets.weights.status import lacks_package


def graph_stages(settings: Settings, *, named: Iterable[str] = ()) -> tuple[str, ...]:
    """The stages that are assets: those that the settings turn on and that have the packages they need.

    Dagster takes what a run skipped for failed or missing, and warns about it wherever something reads it.

    Args:
        named: these as well, because somebody asked for them by name.
    """
    is_on = [stage for stage in default_stages(settings) if not would_be_skipped(stage, settings)]
    return ordered_stages([*is_on, *named])


def would_be_skipped(stage: str, settings: Settings) -> bool:
    """True for a stage that lacks a package, or the model in it, and is left out for that; not where it fails."""
    lacks_one = lacks_package(STAGES[stage].models(settings))
    return lacks_one and STAGES[stage].on_unavailable(settings) == "skip"


def stages_of(
    repository: dg.RepositoryDefinition | None, settings: Settings, *, on_missing: Callable[[str], None]
) -> tuple[str, ...]:
    """The stages that are on and are assets of a loaded code location.

    Args:
        repository: None where there is no loaded one to ask.
        on_missing: called with a line about each stage that is on and no asset.
    """
    graph = graph_stages(settings)
    if repository is None:
        return graph
    keys = repository.asset_graph.get_all_asset_keys()
    for stage in graph:
        if dg.AssetKey(stage) not in keys:
            on_missing(f"{stage} is on and is not run: this code location was loaded before; reload it (Deployment)")
    return tuple(stage for stage in graph if dg.AssetKey(stage) in keys)


def require_in_graph(stages: Iterable[str], settings: Settings) -> None:
    """Refuses stages that a daemon of the library could not run.

    Args:
        settings: the library's own, which its code location follows.

    Raises:
        SettingsError: a stage is off there, and so is no asset.
    """
    is_off = [stage for stage in stages if stage not in default_stages(settings)]
    if is_off:
        raise SettingsError(
            f"{', '.join(is_off)}: off in the library's settings, so Dagster's daemon has no such asset; turn it on "
            "there and restart `thumb-assets ui`, or leave it out"
        )


def upstream_stages(stage: str, graph: Collection[str] = STAGES) -> tuple[str, ...]:
    """The assets that it reads: stages of the graph, and what people, the survey and `learn` write."""
    writers = dict.fromkeys(stage_of(table) or table for table in STAGES[stage].inputs)
    guides = INPUT_FILES if STAGES[stage].is_guided else ()
    return (*(name for name in writers if (name in graph or name in INPUT_TABLES) and name != stage), *guides)


def code_version(stage: str, settings: Settings) -> str:
    """Changes with the stage's code and with the settings that it depends on."""
    return f"{STAGES[stage].version}.{stage_settings_sha256(stage, settings)[:8]}"


class Provenance:
    """Notes what the results of one run were made of.

    Args:
        instance: whose event log holds the run.
        settings: of the run.
        graph: the stages that are assets.
    """

    def __init__(self, instance: dg.DagsterInstance, settings: Settings, graph: Collection[str]) -> None:
        self._instance, self._settings, self._graph = instance, settings, graph
        self._versions: dict[tuple[str, str], str] = {}

    def tags(self, result: StageResult, store: TableStore) -> dict[str, str]:
        """The tags of a materialisation: its data version, and the versions of the code and of what it was made from.

        A stage that was never materialised counts as an input of no data: where it is later, that is a change. Of one
        that was skipped or failed the last good version counts, which Dagster compares with the next one; `backfill
        --stale` goes by the tables, and sees that what was made without it is to be made anew.
        """
        version = data_version(result, store)
        self._versions[result.stage, result.video_id] = version
        tags = {DATA_VERSION_TAG: version, CODE_VERSION_TAG: code_version(result.stage, self._settings)}
        inputs = {
            name: self._version(name, result.video_id, store) for name in upstream_stages(result.stage, self._graph)
        }
        # What an input tells from later is any number of the log between: that of its last event serves for all.
        last_event = str(self._instance.event_log_storage.get_maximum_record_id() or 0)
        for name, its_version in inputs.items():
            key = dg.AssetKey(name)
            tags[get_input_data_version_tag(key)] = its_version
            tags[get_input_event_pointer_tag(key)] = last_event
        return tags

    def _version(self, name: str, video_id: str, store: TableStore) -> str:
        key = (name, "" if name in INPUT_FILES else video_id)
        if key not in self._versions:
            self._versions[key] = self._found_version(name, video_id, store)
        return self._versions[key]

    def _found_version(self, name: str, video_id: str, store: TableStore) -> str:
        if name in INPUT_FILES or name in INPUT_TABLES:
            return self._noted(name, None if name in INPUT_FILES else video_id, store)
        record = self._instance.get_latest_data_version_record(dg.AssetKey(name), False, video_id)
        version = None if record is None else extract_data_version_from_entry(record.event_log_entry)
        return str((version or NULL_DATA_VERSION).value)

    def _noted(self, name: str, video_id: str | None, store: TableStore) -> str:
        if video_id is not None and not store.has(name, video_id):
            return NO_DATA_VERSION  # as of most videos, and Dagster need not be asked
        try:
            return note_input(self._instance, store, name, video_id)
        except ThumbAssetsError:  # damaged since the stage read it: the next run says so
            return NO_DATA_VERSION
