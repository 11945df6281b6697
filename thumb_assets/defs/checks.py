"""The asset checks: thin wrappers around the pure `verify_*` functions, evaluated per partition inside the run.

A check that takes its asset as an input would load all partitions, and a blocking one would stop the whole chunk, so
each is evaluated right after its video's materialisation and names it as its target.
"""

import warnings
from collections.abc import Callable, Iterator

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    # Not exported at the top level; without it a passing partition vanishes from the UI's status of a range run.
    AssetCheckEvaluationTargetMaterializationData,
)

from thumb_assets.defs.partitions import VIDEOS
from thumb_assets.export import verify_count, verify_mapping
from thumb_assets.pipeline import STAGES, StageResult, identities_of
from thumb_assets.settings import Settings
from thumb_assets.store import Library, TableStore
from thumb_assets.tables import STAGE_TABLES, Verdict, verify_contract, verify_coverage

Check = Callable[[StageResult, TableStore, Settings], Verdict]


def _conforms(result: StageResult, store: TableStore, _settings: Settings) -> Verdict:
    """The stored table has the columns, types, order and key of its contract."""
    return verify_contract(result.stage, store.read(result.stage, result.video_id))


def _rejections_conform(result: StageResult, store: TableStore, _settings: Settings) -> Verdict:
    """The stored table `rejections` has the columns, types, order and key of its contract."""
    return verify_contract("rejections", store.read("rejections", result.video_id))


def _covers(result: StageResult, store: TableStore, _settings: Settings) -> Verdict:
    """Every candidate frame has a row, with a value or an error."""
    candidates = store.read("candidate_frames", result.video_id)
    return verify_coverage(candidates, store.read(result.stage, result.video_id))


def _count(result: StageResult, store: TableStore, _settings: Settings) -> Verdict:
    """There are as many files as rows and selections, under the same names, and no other."""
    video_id = result.video_id
    return verify_count(
        store.read("selections", video_id), store.read("stills", video_id), folder=store.stills_dir(video_id)
    )


def _mapping(result: StageResult, store: TableStore, settings: Settings) -> Verdict:
    """Each still, decoded again by its frame_index, is the frame that was scored, and the file shows it."""
    return verify_mapping(
        Library(store.data_dir).find(result.video_id).path,
        store.read("stills", result.video_id),
        identities=identities_of(store.read("frames", result.video_id)),
        folder=store.stills_dir(result.video_id),
        video_settings=settings.video,
    )


CHECKS: dict[str, dict[str, Check]] = {
    stage: {
        **({"conforms_to_contract": _conforms} if STAGE_TABLES[stage] else {}),
        **({"rejections_conform_to_contract": _rejections_conform} if stage == "selections" else {}),
        **({"covers_candidates": _covers} if stage in {"sharpness", "clip_scores", "iqa_scores"} else {}),
        **({"export_count": _count, "frame_number_mapping": _mapping} if stage == "stills" else {}),
    }
    for stage in STAGES
}


def check_specs() -> list[dg.AssetCheckSpec]:
    """The specs of all checks, partitioned like their assets."""
    with warnings.catch_warnings():
        # Partitioned checks are in preview: the minor version is pinned, and a test holds what is used of them.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(name, asset=stage, description=check.__doc__, partitions_def=VIDEOS)
            for stage, checks in CHECKS.items()
            for name, check in checks.items()
        ]


def evaluate_checks(
    context: dg.AssetExecutionContext, result: StageResult, store: TableStore, settings: Settings
) -> Iterator[dg.AssetCheckEvaluation]:
    """Evaluates the checks of a stage that was just materialised for one video."""
    key = dg.AssetKey(result.stage)
    selected = {check.name for check in context.selected_asset_check_keys if check.asset_key == key}
    for name, check in CHECKS[result.stage].items():
        if name not in selected:
            continue
        verdict = check(result, store, settings)
        yield dg.AssetCheckEvaluation(
            asset_key=key,
            check_name=name,
            passed=verdict.is_passed,
            severity=dg.AssetCheckSeverity.ERROR,
            description=verdict.description,
            metadata={
                "num_checked": verdict.num_checked,
                "num_failed": verdict.num_failed,
                "sample": dg.MetadataValue.md("\n".join(f"- {line}" for line in verdict.sample) or "none"),
            },
            partition=result.video_id,
            target_materialization_data=_target(context, key, result.video_id),
        )


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
