"""What each materialisation was made by and from, so that Dagster can tell which partitions are out of date.

Dagster notes this itself for what an asset returns, and not for the events that name a partition of their own; see
`assets`. Without it, its "unsynced" is a guess from the times of the events.
"""

import dagster as dg
from dagster._core.definitions.data_version import (  # not exported at the top level
    CODE_VERSION_TAG,
    DATA_VERSION_TAG,
    NULL_DATA_VERSION,
    extract_data_version_from_entry,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)

from thumb_assets.defs.metadata import data_version
from thumb_assets.pipeline import (
    CODE_VERSIONS,
    OPTIONAL_INPUTS,
    REQUIRED_INPUTS,
    STAGES,
    StageResult,
    stage_settings_sha256,
)
from thumb_assets.settings import Settings
from thumb_assets.store import TableStore


def upstream_stages(stage: str) -> tuple[str, ...]:
    """The stages whose tables it reads; what people and the survey write is no asset."""
    return tuple(name for name in (*REQUIRED_INPUTS[stage], *OPTIONAL_INPUTS.get(stage, ())) if name in STAGES)


def code_version(stage: str, settings: Settings) -> str:
    """Changes with the stage's code and with the settings that it depends on."""
    return f"{CODE_VERSIONS[stage]}.{stage_settings_sha256(stage, settings)[:8]}"


class Provenance:
    """Notes what the results of one run were made of.

    Args:
        instance: whose event log holds the run.
        settings: of the run.
    """

    def __init__(self, instance: dg.DagsterInstance, settings: Settings) -> None:
        self._instance, self._settings = instance, settings
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
        # What an input tells from later is any number of the log between: that of its last event serves for all.
        last_event = str(self._instance.event_log_storage.get_maximum_record_id() or 0)
        for name in upstream_stages(result.stage):
            key = dg.AssetKey(name)
            tags[get_input_data_version_tag(key)] = self._version(name, result.video_id)
            tags[get_input_event_pointer_tag(key)] = last_event
        return tags

    def _version(self, stage: str, video_id: str) -> str:
        known = self._versions.get((stage, video_id))
        if known is None:
            record = self._instance.get_latest_data_version_record(dg.AssetKey(stage), False, video_id)
            version = None if record is None else extract_data_version_from_entry(record.event_log_entry)
            known = (version or NULL_DATA_VERSION).value
            self._versions[stage, video_id] = known
        return known
