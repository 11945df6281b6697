"""The asset checks: thin wrappers around the pure `verify_*` functions, evaluated per partition inside the run.

A check that takes its asset as an input would load all partitions, and a blocking one would stop the whole chunk, so
each is evaluated right after its video's materialisation and names it as its target.
"""

import warnings
from collections.abc import Iterable, Iterator

import dagster as dg

from thumb_assets.defs.internals import AssetCheckEvaluationTargetMaterializationData
from thumb_assets.defs.metadata import bullets
from thumb_assets.defs.partitions import VIDEOS
from thumb_assets.errors import as_thumb_assets_error
from thumb_assets.settings.load import Settings
from thumb_assets.stages import STAGES
from thumb_assets.stages.kit.declaration import Check
from thumb_assets.stages.kit.work import decoding_again
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.checks import Verdict
from thumb_assets.wording import one_line

CHECKS: dict[str, dict[str, Check]] = {name: stage.all_checks for name, stage in STAGES.items()}


def check_specs(stages: Iterable[str]) -> list[dg.AssetCheckSpec]:
    """The specs of the checks of these stages, partitioned like their assets."""
    with warnings.catch_warnings():
        # Partitioned checks are in preview: the minor version is pinned, and a test holds what is used of them.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(name, asset=stage, description=check.__doc__, partitions_def=VIDEOS)
            for stage in stages
            for name, check in CHECKS[stage].items()
        ]


def check_outputs(context: dg.AssetExecutionContext) -> Iterator[dg.Output[None]]:
    """The output that Dagster expects of each check that the run selected.

    An evaluation that names its partition does not count as one: without them Dagster logs that the checks yielded
    nothing. An output can be yielded once, so they come after the last video.
    """
    for name, spec in context.assets_def.check_specs_by_output_name.items():
        if spec.key in context.selected_asset_check_keys:
            yield dg.Output(None, output_name=name)


def evaluate_checks(
    context: dg.AssetExecutionContext, stage: str, video_id: str, store: TableStore, settings: Settings
) -> Iterator[dg.AssetCheckEvaluation]:
    """Evaluates those checks of a stage that the run selected, on what is stored of one video."""
    key = dg.AssetKey(stage)
    selected = {check.name for check in context.selected_asset_check_keys if check.asset_key == key}
    target = _target(context, key, video_id) if selected else None
    for name, check in CHECKS[stage].items():
        if name not in selected:
            continue
        verdict = _verdict(check, video_id, stage, store, settings)
        yield dg.AssetCheckEvaluation(
            asset_key=key,
            check_name=name,
            passed=verdict.is_passed,
            severity=dg.AssetCheckSeverity.WARN if verdict.is_warning else dg.AssetCheckSeverity.ERROR,
            description=one_line(verdict.explanation),
            metadata={
                "num_checked": verdict.num_checked,
                "num_failed": verdict.num_failed,
                "sample": bullets(verdict.sample),
            },
            partition=video_id,
            target_materialization_data=target,
        )


def not_checked(
    context: dg.AssetExecutionContext, stage: str, video_id: str, reason: str
) -> Iterator[dg.AssetCheckEvaluation]:
    """Says of each selected check of a stage that failed or was skipped why there was nothing to check.

    Dagster takes a check that a failed run left out for one that failed, and the asset of all videos for broken.
    """
    key = dg.AssetKey(stage)
    for name in sorted(check.name for check in context.selected_asset_check_keys if check.asset_key == key):
        yield dg.AssetCheckEvaluation(
            asset_key=key,
            check_name=name,
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"not checked: {reason}",
            metadata={"num_checked": 0, "num_failed": 0},
            partition=video_id,
            target_materialization_data=_target(context, key, video_id),
        )


def _verdict(check: Check, video_id: str, stage: str, store: TableStore, settings: Settings) -> Verdict:
    """A check that cannot be made (a table or the video is gone) has failed, and the others go on."""
    try:
        return check(video_id, stage, store, settings)
    except Exception as error:  # noqa: BLE001
        return Verdict.of(str(check.__doc__), num_checked=0, problems=[str(as_thumb_assets_error(error, video_id))])


def evaluate_checks_alone(
    context: dg.AssetExecutionContext, store: TableStore, settings: Settings
) -> Iterator[dg.AssetCheckEvaluation]:
    """Evaluates the selected checks without materialising: "Execute all" on an asset's page names no partition.

    Then every video is checked that has the stage's table. Whoever asks for checks alone wants more than was proven
    when the pictures were written: their frames are decoded again.
    """
    settings = decoding_again(settings)
    for stage in STAGES:
        if not any(check.asset_key == dg.AssetKey(stage) for check in context.selected_asset_check_keys):
            continue
        for video_id in context.partition_keys if context.has_partition_key else store.video_ids(stage):
            yield from evaluate_checks(context, stage, video_id, store, settings)


def _target(
    context: dg.AssetExecutionContext, key: dg.AssetKey, video_id: str
) -> AssetCheckEvaluationTargetMaterializationData | None:
    records = context.instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=key, asset_partitions=[video_id]), limit=1
    ).records
    if not records:
        return None
    return AssetCheckEvaluationTargetMaterializationData(
        storage_id=records[0].storage_id, run_id=records[0].run_id, timestamp=records[0].timestamp
    )
