"""Inputs that people, the survey and `learn` write: a change is observed, and older results are out of date."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from thumb_assets.defs.build import build_definitions
from thumb_assets.defs.inputs import inputs_sensor
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.store.decisions import decide
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.defs.conftest import RunRange, stale_causes
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages

MakeVideo = Callable[[str], Path]


@pytest.fixture
def tick(instance: dg.DagsterInstance, data_dir: Path) -> Callable[[str | None], tuple[list[str], str | None]]:
    """`tick(cursor)`: one tick, its events recorded as the daemon does; returns what was observed, and the cursor."""

    def evaluate(cursor: str | None) -> tuple[list[str], str | None]:
        resource = ThumbAssetsResource(data_dir=str(data_dir))
        context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"thumb_assets": resource})
        result = inputs_sensor(context)
        assert isinstance(result, dg.SensorResult)
        assert not result.run_requests
        for event in result.asset_events:
            instance.report_runless_asset_event(event)
        return [f"{each.asset_key.to_user_string()} {each.partition}" for each in result.asset_events], result.cursor

    return evaluate


def test_a_decision_makes_what_follows_from_it_out_of_date(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance, run_range: RunRange, tick: Callable
) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    assert run_range([video_id], WITHOUT_MODELS).success
    observed, cursor = tick(None)
    assert (observed, stale_causes(instance, data_dir, video_id)) == ([], {})
    decide(TableStore(data_dir), video_id, {3: "pin"})
    observed, cursor = tick(cursor)
    assert observed == [f"decisions {video_id}"]
    assert tick(cursor) == ([], cursor)
    causes = stale_causes(instance, data_dir, video_id)
    for stage in ("candidate_frames", "selections"):
        assert "decisions has a new dependency data version" in causes[stage]
    assert run_range([video_id], WITHOUT_MODELS).success
    assert stale_causes(instance, data_dir, video_id) == {}


def test_a_run_that_meets_a_decision_first_observes_it(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance, run_range: RunRange, tick: Callable
) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("cfr")])
    run_stages(data_dir, [video_id], stages=["videos", "frames"])
    decide(TableStore(data_dir), video_id, {3: "pin"})
    assert run_range([video_id], WITHOUT_MODELS).success
    assert tick(None)[0] == []
    assert stale_causes(instance, data_dir, video_id) == {}


def test_the_learned_scorer_is_observed_when_it_comes_and_goes(data_dir: Path, tick: Callable) -> None:
    path = TableStore(data_dir).learned_head_path
    assert tick(None)[0] == []
    path.parent.mkdir(parents=True)
    path.write_bytes(b"one")
    assert tick(None)[0] == ["learned_head None"]
    assert tick(None)[0] == []
    path.unlink()
    assert tick(None)[0] == ["learned_head None"]
    assert tick(None)[0] == []


def test_a_damaged_table_does_not_keep_the_others_from_being_observed(
    synthetic_videos: MakeVideo, data_dir: Path, tick: Callable
) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("cfr")])
    run_stages(data_dir, [video_id], stages=["videos", "frames"])
    decide(TableStore(data_dir), video_id, {3: "ban"})
    (data_dir / "tables" / "decisions" / "bad-00000000.parquet").write_bytes(b"junk")
    assert tick(None)[0] == [f"decisions {video_id}"]


def test_the_job_decides_and_refuses_what_is_no_frame(
    data_dir: Path, instance: dg.DagsterInstance, synthetic_videos: MakeVideo
) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("cfr")])
    run_stages(data_dir, [video_id], stages=["videos", "frames"])
    definitions = build_definitions(resource=ThumbAssetsResource(data_dir=str(data_dir)))
    job = definitions.resolve_job_def("decide")

    def decided(frames: list[int], decision: str) -> bool:
        config = {"video_id": video_id, "frames": frames, "decision": decision}
        run_config = {"ops": {"decide_frames": {"config": config}}}
        return job.execute_in_process(instance=instance, run_config=run_config, raise_on_error=False).success

    assert decided([3], "cover")
    assert decided([5, 7], "ban")
    rows = TableStore(data_dir).read("decisions", video_id).to_pylist()
    assert {row["frame_index"]: row["decision"] for row in rows} == {3: "cover", 5: "ban", 7: "ban"}
    assert not decided([100_000], "pin")
    assert not decided([3], "like")
    assert len(instance.fetch_observations(dg.AssetKey("decisions"), limit=10).records) == 2
    assert decided([3], "unpin")
