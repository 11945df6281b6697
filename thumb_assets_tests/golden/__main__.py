"""Writes every file that is generated from the code: `uv run python -m thumb_assets_tests.golden`."""

import subprocess
import sys
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parents[2]
_WRITERS = (
    ("thumb_assets.settings.docs", "docs/settings.md"),
    ("thumb_assets.select.docs", "docs/selection.md"),
    ("thumb_assets.cli.docs", "docs/cli.md"),
    ("thumb_assets.dataset.docs", "docs/export.md"),
    ("thumb_assets_tests.golden.stage_keys",),
    ("thumb_assets_tests.golden.asset_graph",),
)


def main() -> None:
    """Runs each writer in a process of its own, as its command does."""
    tables = subprocess.run(
        [sys.executable, "-m", "thumb_assets.stages.kit.docs"],
        cwd=_REPOSITORY,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    (_REPOSITORY / "docs" / "tables.md").write_text(tables, encoding="utf-8")
    for module, *arguments in _WRITERS:
        subprocess.run([sys.executable, "-m", module, *arguments], cwd=_REPOSITORY, check=True)


if __name__ == "__main__":
    main()
