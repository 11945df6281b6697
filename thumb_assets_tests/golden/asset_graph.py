"""Describes the asset graph; run as a module it writes the snapshot."""

import json
from pathlib import Path
from typing import Any

from thumb_assets.defs.build import build_definitions
from thumb_assets.defs.resources import ThumbAssetsResource

SNAPSHOT = Path(__file__).with_name("asset_graph.json")


def describe_graph() -> dict[str, Any]:
    """Assets with their inputs and checks, jobs, schedules and sensors: what a change of the graph changes.

    By the default settings: those of a data folder that is not there.
    """
    defs = build_definitions(resource=ThumbAssetsResource(data_dir=str(SNAPSHOT.with_name("no-data"))))
    graph = defs.resolve_asset_graph()
    checks: dict[str, list[str]] = {}
    for check in graph.asset_check_keys:
        checks.setdefault(check.asset_key.to_user_string(), []).append(check.name)
    assets = {
        key.to_user_string(): {
            "inputs": sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
            "checks": sorted(checks.get(key.to_user_string(), [])),
            "partitions": getattr(graph.get(key).partitions_def, "name", None),
            "videos_per_run": getattr(graph.get(key).backfill_policy, "max_partitions_per_run", None),
        }
        for key in sorted(graph.get_all_asset_keys())
    }
    return {
        "assets": assets,
        "jobs": sorted(job.name for job in defs.jobs or ()),
        "schedules": sorted(schedule.name for schedule in defs.schedules or ()),
        "sensors": sorted(sensor.name for sensor in defs.sensors or ()),
    }


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(describe_graph(), indent=2) + "\n")
