"""The job `decide`: it decides as the command does, and says what was wrong."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg

from thumb_assets.defs.build import build_definitions
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.store import TableStore
from thumb_assets_tests.support.running import register, run_stages


def test_the_job_decides_and_refuses_what_is_no_frame(
    data_dir: Path, instance: dg.DagsterInstance, synthetic_videos: Callable[[str], Path]
) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("cfr")])
    run_stages(data_dir, [video_id], stages=["videos", "frames"])
    definitions = build_definitions(resource=ThumbAssetsResource(data_dir=str(data_dir)))
    job = definitions.resolve_job_def("decide")

    def decide(frames: list[int], decision: str) -> bool:
        config = {"video_id": video_id, "frames": frames, "decision": decision}
        run_config = {"ops": {"decide_frames": {"config": config}}}
        return job.execute_in_process(instance=instance, run_config=run_config, raise_on_error=False).success

    assert decide([3], "cover")
    assert decide([5, 7], "ban")
    rows = TableStore(data_dir).read("decisions", video_id).to_pylist()
    assert {row["frame_index"]: row["decision"] for row in rows} == {3: "cover", 5: "ban", 7: "ban"}
    assert not decide([100_000], "pin")
    assert not decide([3], "like")
    assert decide([3], "unpin")
