"""The asset checks: thin wrappers around the pure `verify_*` functions, evaluated per partition inside the run.

A check that takes its asset as an input would load all partitions, and a blocking one would stop the whole chunk, so
each is evaluated right after its video's materialisation and names it as its target.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator

import dagster as dg

from thumb_assets.defs.internals import AssetCheckEvaluationTargetMaterializationData
from thumb_assets.defs.metadata import bullets
from thumb_assets.defs.partitions import VIDEOS
from thumb_assets.errors import as_thumb_assets_error
from thumb_assets.escaping import one_line
from thumb_assets.export import verify_count, verify_crops_count, verify_crops_mapping, verify_mapping
from thumb_assets.pipeline import STAGES, identities_of
from thumb_assets.select.chapters import verify_chapters
from thumb_assets.settings import Settings
from thumb_assets.store import Library, TableStore
from thumb_assets.tables import STAGE_TABLES, Verdict, verify_contract, verify_coverage, verify_judgements

# (video_id, stage, store, settings) -> verdict, from what is stored.
Check = Callable[[str, str, TableStore, Settings], Verdict]


def _conforms(video_id: str, stage: str, store: TableStore, _settings: Settings) -> Verdict:
    """The stored table has the columns, types, order and key of its contract."""
    return verify_contract(stage, store.read(stage, video_id))


def _rejections_conform(video_id: str, _stage: str, store: TableStore, _settings: Settings) -> Verdict:
    """The stored table `rejections` has the columns, types, order and key of its contract."""
    return verify_contract("rejections", store.read("rejections", video_id))


def _covers(video_id: str, stage: str, store: TableStore, _settings: Settings) -> Verdict:
    """Every candidate frame has a row, with a value or an error."""
    candidates = store.read("candidate_frames", video_id)
    return verify_coverage(candidates, store.read(stage, video_id))


def _judged(video_id: str, _stage: str, store: TableStore, _settings: Settings) -> Verdict:
    """Every candidate that the judge was to look at has a score."""
    return verify_judgements(store.read("judgements", video_id))


def _count(video_id: str, _stage: str, store: TableStore, _settings: Settings) -> Verdict:
    """There are as many files as rows and selections, under the same names, and no other."""
    return verify_count(
        store.read("selections", video_id), store.read("stills", video_id), folder=store.stills_dir(video_id)
    )


def _mapping(video_id: str, _stage: str, store: TableStore, settings: Settings) -> Verdict:
    """Each still, decoded again by its frame_index, is the frame that was scored, and the file shows it."""
    return verify_mapping(
        Library(store.data_dir).find(video_id).path,
        store.read("stills", video_id),
        identities=identities_of(store.read("frames", video_id)),
        folder=store.stills_dir(video_id),
        video_settings=settings.video,
        is_counted=settings.export.verification == "count",
    )


def _crops_count(video_id: str, _stage: str, store: TableStore, _settings: Settings) -> Verdict:
    """Every still has a crop of every aspect ratio, and there are as many files as rows, under the same names."""
    return verify_crops_count(
        store.read("stills", video_id), store.read("crops", video_id), folder=store.crops_dir(video_id)
    )


def _crops_mapping(video_id: str, _stage: str, store: TableStore, settings: Settings) -> Verdict:
    """Each crop's frame, decoded again by its frame_index and cut again, is what the file shows."""
    return verify_crops_mapping(
        Library(store.data_dir).find(video_id).path,
        store.read("crops", video_id),
        identities=identities_of(store.read("frames", video_id)),
        folder=store.crops_dir(video_id),
        video_settings=settings.video,
        is_counted=settings.export.verification == "count",
    )


def _tiles(video_id: str, _stage: str, store: TableStore, _settings: Settings) -> Verdict:
    """The chapters tile the video, each begins with a shot, and the frame that stands for it is in it."""
    return verify_chapters(store.read("chapters", video_id), store.read("shots", video_id))


CHECKS: dict[str, dict[str, Check]] = {
    stage: {
        **({"conforms_to_contract": _conforms} if STAGE_TABLES[stage] else {}),
        **({"rejections_conform_to_contract": _rejections_conform} if stage == "selections" else {}),
        **({"covers_candidates": _covers} if stage in {"sharpness", "appearance", "clip_scores", "iqa_scores"} else {}),
        **({"covers_best_candidates": _judged} if stage == "judgements" else {}),
        **({"tiles_video": _tiles} if stage == "chapters" else {}),
        **({"export_count": _count, "frame_number_mapping": _mapping} if stage == "stills" else {}),
        **({"export_count": _crops_count, "frame_number_mapping": _crops_mapping} if stage == "crops" else {}),
    }
    for stage in STAGES
}


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
            severity=dg.AssetCheckSeverity.ERROR,
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

    Then every video is checked that has the stage's table.
    """
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
