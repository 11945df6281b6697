"""The assets: one per stage, all in one multi-asset, so that a run of many videos loads each model once.

Neither MaterializeResult nor Output can name a partition, and returning one from a run over a range marks every
partition of it. So the body yields events, one materialisation per stage and video, and fails once at the end.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import dagster as dg

from thumb_assets.defs.checks import check_outputs, check_specs, evaluate_checks, evaluate_checks_alone, not_checked
from thumb_assets.defs.instance import keep_connection
from thumb_assets.defs.metadata import bullets, shown, spec_metadata, stage_metadata
from thumb_assets.defs.partitions import VIDEOS
from thumb_assets.defs.provenance import Provenance, code_version, graph_stages, upstream_stages
from thumb_assets.defs.resources import ThumbAssetsResource, one_line_failures
from thumb_assets.pipeline.remembered import grouped
from thumb_assets.pipeline.result import StageResult
from thumb_assets.pipeline.retry import run_groups
from thumb_assets.settings.load import Settings
from thumb_assets.stages import STAGES
from thumb_assets.wording import one_line


def stage_spec(stage: str, settings: Settings, graph: Collection[str]) -> dg.AssetSpec:
    """The asset of one stage; other code or other settings (a new model, say) make its older partitions stale.

    Args:
        graph: the stages that are assets; others are no inputs.
    """
    return dg.AssetSpec(
        stage,
        deps=upstream_stages(stage, graph),
        description=STAGES[stage].about,
        metadata=spec_metadata(stage),
        skippable=True,
        group_name="thumbnails",
        code_version=code_version(stage, settings),
        kinds=set(STAGES[stage].kinds),
        owners=list(settings.library.owners),
    )


def build_pipeline(settings: Settings, *, named: Sequence[str] = ()) -> dg.AssetsDefinition:
    """The multi-asset whose specs are the stages that are on.

    Args:
        settings: those of the code location, for the stages, the code versions and the size of a run; a run may have
            others.
        named: stages that are assets though they are off.
    """
    graph = graph_stages(settings, named=named)

    @dg.multi_asset(
        name="pipeline",
        specs=[stage_spec(stage, settings, graph) for stage in graph],
        check_specs=check_specs(graph),
        can_subset=True,
        partitions_def=VIDEOS,
        backfill_policy=dg.BackfillPolicy.multi_run(settings.backfill.num_videos_per_run),
        pool=settings.backfill.pool,
    )
    def pipeline(context: dg.AssetExecutionContext, thumb_assets: ThumbAssetsResource) -> Iterator[Any]:
        keep_connection(context.instance)
        with one_line_failures():
            configuration, keep = thumb_assets.configuration, thumb_assets.kept
        store, run_settings = thumb_assets.store, configuration.settings
        if not context.selected_asset_keys:
            yield from evaluate_checks_alone(context, store, run_settings)
            yield from check_outputs(context)
            return
        for stage in graph_stages(run_settings):
            if stage not in graph:
                context.log.warning(_not_in_graph(stage))
        failed = []
        provenance = Provenance(context.instance, run_settings, graph)
        results = run_groups(
            grouped(context.partition_keys, configuration, store, keep=keep),
            _selected_stages(context),
            store,
            has_retries=True,
            is_recomputed=thumb_assets.recompute,
        )
        for result in results:
            if result.status == "done":
                context.log.info(_line(result))
                if result.replaced is not None:
                    context.log.warning(f"{result.video_id} {result.stage}: replaced, {result.replaced}")
                yield dg.AssetMaterialization(
                    result.stage,
                    partition=result.video_id,
                    metadata=stage_metadata(result, store, graph=graph, desk_url=run_settings.desk.url),
                    tags=provenance.tags(result, store),
                )
                yield from evaluate_checks(context, result.stage, result.video_id, store, run_settings)
            else:
                failed += [result] if result.status == "failed" else []
                yield from _tell(context, result, failed)
        if failed:
            raise _failure(failed)
        yield from check_outputs(context)

    return pipeline


def _not_in_graph(stage: str) -> str:
    return (
        f"{stage} is turned on in this run's configuration and is not run: it is off in the settings of the code "
        "location, so it is no asset; turn it on in the library's settings and reload the code location"
    )


def _line(result: StageResult) -> str:
    numbers = [f"{table.num_rows} {name}" for name, table in result.tables.items()]
    how = " (unchanged)" if result.is_unchanged else ""
    return f"{result.video_id} {result.stage}{how}: {', '.join(numbers) or 'done'}"


def _selected_stages(context: dg.AssetExecutionContext) -> list[str]:
    return [key.to_user_string() for key in context.selected_asset_keys]


def _tell(
    context: dg.AssetExecutionContext, result: StageResult, failed: Sequence[StageResult]
) -> Iterator[dg.AssetObservation | dg.AssetCheckEvaluation]:
    """Logs what was not done, and leaves the reason for the pages of the partition and of its checks."""
    if result.status == "skipped":
        context.log.warning(one_line(f"{result.video_id} {result.stage} skipped: {result.message}"))
    elif result.blocked_by is None:
        context.log.error(one_line(f"{result.video_id} {result.stage}: {result.message}"))
    reason = _reason(result, failed)
    yield dg.AssetObservation(result.stage, partition=result.video_id, metadata=shown({result.status: reason}))
    yield from not_checked(context, result.stage, result.video_id, one_line(reason))


def _reason(result: StageResult, failed: Sequence[StageResult]) -> str:
    """Its own, or for a stage that was blocked that of the stage which failed first."""
    if result.blocked_by is None:
        return str(result.message)
    for other in failed:
        if other.video_id == result.video_id and other.blocked_by is None:
            return f"{other.stage}: {other.message}"
    return f"{result.blocked_by}: {result.message}"


def _failure(failed: list[StageResult]) -> dg.Failure:
    """One failure for the whole run, at its end; the stages that are done stay done."""
    causes = [result for result in failed if result.blocked_by is None]
    lines = [f"{result.video_id} {result.stage}: {result.message}" for result in causes]
    num_videos = len({result.video_id for result in failed})
    return dg.Failure(
        one_line(f"{num_videos} of the run's videos failed; the first: {causes[0].message}"),
        metadata={"failed": bullets(lines), "num_failed_videos": num_videos},
        allow_retries=False,
    )
