"""Dagster's own tools find the project: `dg` by pyproject.toml, `dagster` by workspace.yaml."""

import json
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def run_tool(data_dir: Path, *arguments: str) -> str:
    program = Path(sys.executable).with_name(arguments[0])
    environ = {**os.environ, "THUMB_ASSETS_DATA_DIR": str(data_dir), "DAGSTER_HOME": str(data_dir)}
    data_dir.mkdir(exist_ok=True)
    (data_dir / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    outcome = subprocess.run(
        [program, *arguments[1:]], cwd=REPOSITORY, env=environ, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout


def test_dg_lists_the_definitions(data_dir: Path) -> None:
    found = json.loads(run_tool(data_dir, "dg", "list", "defs", "--json"))
    assert {"selections", "decisions", "survey", "library_report"} <= {each["asset_key"] for each in found["assets"]}
    assert {"library", "inputs"} <= {each["name"] for each in found["sensors"]}


def test_dagster_lists_the_jobs_of_the_workspace(data_dir: Path) -> None:
    listed = run_tool(data_dir, "dagster", "job", "list", "-w", "workspace.yaml")
    assert {"thumbnails", "thumb_backfill", "decide"} <= {line.removeprefix("Job: ") for line in listed.splitlines()}
