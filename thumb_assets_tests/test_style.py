"""Lint, format and types, so that the test command says all there is to say."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    "command",
    [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",)],
    ids=" ".join,
)
def test_nothing_is_found(command: tuple[str, ...], tmp_path: Path) -> None:
    program = Path(sys.executable).with_name(command[0])
    caches = {"RUFF_NO_CACHE": "true", "MYPY_CACHE_DIR": str(tmp_path), "PATH": str(program.parent)}
    outcome = subprocess.run(
        [program, *command[1:]], cwd=REPOSITORY, env=caches, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
