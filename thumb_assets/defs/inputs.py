"""The inputs of a choice that no stage makes, as external assets: decisions, recurrences, the learned scorer.

People, the survey and `thumb-assets learn` write them. Dagster only observes them: each change becomes an
observation with a data version, so that lineage names them and what was made of an older one counts as unsynced. No
run starts because of it.
"""

import hashlib
import json
import os
from pathlib import Path

import dagster as dg
from pydantic import Field

from thumb_assets.defs.internals import DATA_VERSION_TAG, DEFAULT_DATA_VERSION, extract_data_version_from_entry
from thumb_assets.defs.metadata import column_schema
from thumb_assets.defs.partitions import VIDEOS
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.errors import ThumbAssetsError
from thumb_assets.library.decide import TAKES_BACK, decide_frames
from thumb_assets.settings.load import Settings
from thumb_assets.store.decisions import DECISIONS
from thumb_assets.store.learned_head import read_learned_bytes
from thumb_assets.store.library import Library
from thumb_assets.store.mirror import Mirror
from thumb_assets.store.parquet import SUFFIX, TableStore
from thumb_assets.store.survey import reference_sha256
from thumb_assets.tables.conform import content_sha256
from thumb_assets.wording import one_line

INPUT_TABLES = ("decisions", "recurrences")
# Files of the whole library, which guide a choice.
INPUT_FILES = ("learned_head", "library_percentiles")
# The data version of an input that is not there.
NO_DATA_VERSION = "none"
_MAX_OBSERVED_PER_TICK = 500
_DESCRIPTIONS = {
    "decisions": "Frames that people pinned, banned or made covers (`thumb-assets pin`, the job decide).",
    "recurrences": "Candidate frames that other videos show alike: intros, logos, credits. The survey writes it.",
    "learned_head": "The scorer that `thumb-assets learn` trained on people's labels; one file for the whole library.",
    "library_percentiles": "How the scores are distributed over the whole library. The survey writes it.",
}


def input_specs(settings: Settings) -> list[dg.AssetSpec]:
    """The external assets; nothing in Dagster makes them."""
    return [
        dg.AssetSpec(
            name,
            description=description,
            group_name="inputs",
            kinds={"safetensors" if name == "learned_head" else "parquet"},
            owners=list(settings.library.owners),
            partitions_def=VIDEOS if name in INPUT_TABLES else None,
            metadata={"dagster/column_schema": column_schema(name)} if name in INPUT_TABLES else {},
        )
        for name, description in _DESCRIPTIONS.items()
    ]


def observe(
    instance: dg.DagsterInstance, store: TableStore, name: str, video_id: str | None = None
) -> dg.AssetObservation | None:
    """An observation of what an input holds now; None where Dagster knows it already.

    Args:
        video_id: of a table; None for a file of the whole library.
    """
    version, known = _version(store, name, video_id), _known_version(instance, name, video_id)
    if version == known or (known is None and version == NO_DATA_VERSION):
        return None
    return dg.AssetObservation(name, partition=video_id, tags={DATA_VERSION_TAG: version})


def note_input(instance: dg.DagsterInstance, store: TableStore, name: str, video_id: str | None = None) -> str:
    """Records what an input holds now, where Dagster does not know it yet; returns its data version."""
    observation = observe(instance, store, name, video_id)
    if observation is None:
        return _known_version(instance, name, video_id) or DEFAULT_DATA_VERSION.value
    instance.report_runless_asset_event(observation)
    return str((observation.tags or {})[DATA_VERSION_TAG])


def _version(store: TableStore, name: str, video_id: str | None) -> str:
    if video_id is not None:
        table = store.read_or_none(name, video_id)
        return NO_DATA_VERSION if table is None else content_sha256(table)[:16]
    content = read_learned_bytes(store) if name == "learned_head" else (reference_sha256(store) or "").encode()
    return hashlib.sha256(content).hexdigest()[:16] if content else NO_DATA_VERSION


def _known_version(instance: dg.DagsterInstance, name: str, video_id: str | None) -> str | None:
    record = instance.get_latest_data_version_record(dg.AssetKey(name), is_source=True, partition_key=video_id)
    version = None if record is None else extract_data_version_from_entry(record.event_log_entry)
    return None if version is None else version.value


@dg.sensor(
    name="inputs",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Observes what people, the survey and `thumb-assets learn` changed, so that what was made before it "
    "counts as unsynced. It starts no run.",
)
def inputs_sensor(context: dg.SensorEvaluationContext, thumb_assets: ThumbAssetsResource) -> dg.SensorResult:
    """One tick: the library's files, and the tables written since the last tick, the oldest first."""
    store = thumb_assets.store
    last: dict[str, tuple[int, str]] = json.loads(context.cursor) if context.cursor else {}
    inputs: list[tuple[str, str | None]] = [(name, None) for name in INPUT_FILES]
    for name in INPUT_TABLES:
        for mtime_ns, video_id in _written_since(store.tables_dir / name, *last.get(name, (0, ""))):
            inputs.append((name, video_id))
            last[name] = (mtime_ns, video_id)
    observations = []
    for name, of_video in inputs:
        try:
            observed = observe(context.instance, store, name, of_video)
        except ThumbAssetsError as error:  # the stage that reads it says so, too
            context.log.warning(one_line(error))
        else:
            observations += [] if observed is None else [observed]
    skip_reason = None if observations else "no input of a choice changed"
    return dg.SensorResult(asset_events=observations, cursor=json.dumps(last), skip_reason=skip_reason)


def _written_since(folder: Path, last_ns: int, last_video: str) -> list[tuple[int, str]]:
    """Time and video of the tables written after the last one looked at, as many as a tick has time for."""
    try:
        files = [(entry.stat().st_mtime_ns, entry.name) for entry in os.scandir(folder)]
    except FileNotFoundError:
        return []
    tables = [(mtime_ns, name.removesuffix(SUFFIX)) for mtime_ns, name in files if _is_table(name)]
    return sorted(table for table in tables if table > (last_ns, last_video))[:_MAX_OBSERVED_PER_TICK]


def _is_table(file_name: str) -> bool:
    return file_name.endswith(SUFFIX) and not file_name.startswith(".")


class DecideConfig(dg.Config):
    """A decision and the frames that it is about."""

    video_id: str = Field(description="The partition of the video.")
    frames: list[int] = Field(description="frame_index of each.")
    decision: str = Field(description=f"One of {', '.join((*DECISIONS, *TAKES_BACK))}.")


@dg.op(
    name="decide_frames",
    description="Has frames always selected (pin), never (ban), as rank 1 (cover), or by score again (unpin, unban, "
    "uncover).",
)
def decide_op(context: dg.OpExecutionContext, config: DecideConfig, thumb_assets: ThumbAssetsResource) -> None:
    """The decisions of the video are the output's metadata."""
    if config.decision not in {*DECISIONS, *TAKES_BACK}:
        raise dg.Failure(f"{config.decision!r} is no decision; use {', '.join((*DECISIONS, *TAKES_BACK))}")
    store = thumb_assets.store
    decided = decide_frames(
        config.video_id,
        [(frame, config.decision) for frame in config.frames],
        library=Library(store.data_dir),
        mirror=Mirror(thumb_assets.settings.library, store),
        store=store,
    )
    note_input(context.instance, store, "decisions", config.video_id)
    context.log.info(
        f"{config.video_id}: {decided.counts}; it counts once {decided.first_stage} and what follows are materialized"
    )
    context.add_output_metadata(
        {"video_id": config.video_id, "decisions": {str(frame): word for frame, word in decided.now.items()}}
    )


@dg.job(name="decide", description="Pins, bans or makes covers of frames of one video; the run config says which.")
def decide_job() -> None:
    """One step: see `decide_frames`."""
    decide_op()
