"""The command without its commands: which modules it imports, and when."""

import json
import subprocess
import sys

import pytest

from thumb_assets.cli.group import INDEX_FILE, read_index

HEAVY = "numpy", "pyarrow", "pydantic", "av", "rich", "torch", "dagster"
# What a command that looks at stored results has no use for, and one that finds nothing to do.
OF_SETTINGS = {"pydantic_settings", "thumb_assets.settings.load", "thumb_assets.stages"}
# What reads files that people wrote, and videos.
OF_FILES = {"yaml", "tomlkit", "av", "PIL"}
OF_WORK = {"pandas", "cv2", "sklearn", "scipy", "torch", "dagster", "thumb_assets.pipeline.engine"}


def imported_by(*arguments: str) -> set[str]:
    """Those of the heavy libraries that the command has imported when it ends, and modules with commands."""
    return {name for name in all_imported_by(*arguments) if name in HEAVY or name.startswith("thumb_assets.cli.")}


def all_imported_by(*arguments: str) -> set[str]:
    """All that the command has imported when it ends."""
    program = (
        "import json, sys\n"
        "from thumb_assets.cli import main\n"
        "try:\n"
        f"    main({list(arguments)!r}, standalone_mode=False)\n"
        "finally:\n"
        "    print(json.dumps(sorted(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_help_imports_nothing_that_is_heavy():
    assert imported_by("--help") == {"thumb_assets.cli.group"}


@pytest.mark.parametrize("arguments", [["show"], ["show", "a-video"]])
def test_a_command_that_looks_imports_neither_settings_nor_stages(tmp_path, arguments):
    imported = all_imported_by(*arguments, "--data-dir", str(tmp_path))
    assert "thumb_assets.store.parquet" in imported
    assert not imported & (OF_SETTINGS | OF_WORK | OF_FILES)


@pytest.mark.parametrize("arguments", [["show", "--why"], ["show", "a-video", "--no-such-option"], ["show", "--help"]])
def test_a_wrong_option_needs_no_tables(arguments):
    assert not all_imported_by(*arguments) & (OF_SETTINGS | OF_WORK | OF_FILES | {"numpy", "pyarrow", "pydantic"})


def test_the_command_that_works_leaves_the_engine_to_its_process(tmp_path):
    (tmp_path / "no-video.mp4").write_bytes(b"")
    imported = all_imported_by("run", str(tmp_path / "no-video.mp4"), "--data-dir", str(tmp_path / "data"))
    assert "thumb_assets.pipeline.isolate" in imported
    assert not imported & (OF_WORK | OF_FILES | {"pydantic_settings"})


def test_a_command_imports_no_other():
    imported = imported_by("show", "--help")
    assert "thumb_assets.cli.show" in imported
    assert not imported & {"thumb_assets.cli.run", "thumb_assets.cli.ui", "dagster", "torch"}


def test_a_command_that_does_not_exist_is_said():
    done = subprocess.run([sys.executable, "-m", "thumb_assets", "shwo"], capture_output=True, text=True, check=False)
    assert (done.returncode, "No such command 'shwo'" in done.stderr) == (2, True)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", json.dumps({"modules": ["run"], "commands": {"run": {}}})])
def test_an_index_that_is_damaged_or_of_other_modules_says_nothing(tmp_path, text):
    path = tmp_path / "commands.json"
    path.write_text(text)
    assert read_index(path) == {}
    assert read_index(tmp_path / "absent.json") == {}
    assert "run" in read_index(INDEX_FILE)
