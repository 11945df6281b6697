"""The pages for people agree with the tree and with each other."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from thumb_assets.cli.docs import HEADING as COMMANDS_HEADING
from thumb_assets.cli.docs import commands_index, commands_list
from thumb_assets.cli.group import INDEX_FILE, SECTIONS, main
from thumb_assets.dataset.docs import TABLES as DATASET_TABLES
from thumb_assets.select.docs import with_tables
from thumb_assets.settings.config import FIXED_AT_LOAD, SETTINGS_FILE
from thumb_assets.settings.docs import HEADING, settings_table

_ROOT = Path(__file__).resolve().parent.parent
_PAGES = sorted(
    page for page in [*_ROOT.glob("*.md"), *_ROOT.glob("docs/**/*.md"), _ROOT / "deploy/README.md"] if page.is_file()
)
_MODULES = [
    path.relative_to(_ROOT).as_posix()
    for folder in ("thumb_assets", "thumb_assets_tests", "benchmarks", "training", "deploy")
    for path in (_ROOT / folder).rglob("*.py")
]
# Named relative to the repository or to the package, as CONTRIBUTING does.
_MODULE = re.compile(r"`((?:[a-z_]+/)*[a-z_]+\.py)`")
_LINK = re.compile(r"\]\(([^)#:]+\.(?:md|png))(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_the_modules_and_pages_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    if page.name == "CHANGELOG.md":  # it tells of what was
        return
    missing = [
        name for name in _MODULE.findall(text) if not any(f"/{module}".endswith(f"/{name}") for module in _MODULES)
    ]
    missing += [link for link in _LINK.findall(text) if not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.skipif(not (_ROOT / ".git").exists() or shutil.which("git") is None, reason="is no clone")
def test_what_the_documented_commands_write_is_no_change_of_a_clone() -> None:
    written = {
        name
        for page in _PAGES
        for name in re.findall(
            r"^uv run thumb-assets (?:export \w+ |(?:survey|chapters) .*--output )(\S+)",
            page.read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    }
    assert "my-dataset" in written
    asked = ["git", "check-ignore", *sorted(written)]
    ignored = subprocess.run(asked, cwd=_ROOT, capture_output=True, text=True, check=False).stdout.split()
    assert set(ignored) == written


def test_the_page_of_selection_has_the_rules_and_components_as_they_are() -> None:
    page = (_ROOT / "docs/selection.md").read_text(encoding="utf-8")
    assert with_tables(page) == page, "docs/selection.md is stale: run `python -m thumb_assets_tests.golden`"


def test_the_page_of_datasets_has_formats_columns_and_licences_as_they_are() -> None:
    page = (_ROOT / "docs/export.md").read_text(encoding="utf-8")
    assert with_tables(page, DATASET_TABLES) == page, (
        "docs/export.md is stale: run `python -m thumb_assets_tests.golden`"
    )


def test_the_page_of_settings_lists_them_all_as_they_are() -> None:
    above, heading, below = (_ROOT / "docs/settings.md").read_text(encoding="utf-8").partition(HEADING)
    assert heading + below == settings_table(), "docs/settings.md is stale: run `python -m thumb_assets_tests.golden`"
    assert SETTINGS_FILE in above
    assert "built-in < profile < file < environment < `--set`" in above
    assert all(f"`{name}`" in above for name in FIXED_AT_LOAD)


def test_the_page_of_commands_lists_them_all_as_they_are() -> None:
    _, heading, below = (_ROOT / "docs/cli.md").read_text(encoding="utf-8").partition(COMMANDS_HEADING)
    assert heading + below == commands_list(), "docs/cli.md is stale: run `python -m thumb_assets_tests.golden`"
    assert INDEX_FILE.read_text(encoding="utf-8") == commands_index(), "run `python -m thumb_assets_tests.golden`"
    assert sorted(name for names in SECTIONS.values() for name in names) == sorted(main.commands)
    assert all(f"Usage: thumb-assets {name} " in below for name in main.commands)


def test_the_map_of_rooms_names_each_room() -> None:
    text = (_ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    package = _ROOT / "thumb_assets"
    rooms = {path.parent.name for path in package.glob("*/__init__.py")} | {path.stem for path in package.glob("*.py")}
    assert sorted(room for room in rooms - {"__init__", "__main__"} if f"`{room}`" not in text) == []


def test_the_pages_that_people_begin_with_name_the_settings_file() -> None:
    for page in ("README.md", "docs/operations.md"):
        text = (_ROOT / page).read_text(encoding="utf-8")
        assert SETTINGS_FILE in text
        assert "settings.md" in text
