"""The command without its commands: which modules it imports, and when."""

import json
import subprocess
import sys

import pytest

from thumb_assets.cli.group import INDEX_FILE, read_index

HEAVY = "numpy", "pyarrow", "pydantic", "av", "rich", "torch", "dagster"


def imported_by(*arguments: str) -> set[str]:
    """Those of the heavy libraries that the command has imported when it ends, and modules with commands."""
    program = (
        "import json, sys\n"
        "from thumb_assets.cli import main\n"
        "try:\n"
        f"    main({list(arguments)!r}, standalone_mode=False)\n"
        "finally:\n"
        "    print(json.dumps(sorted(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    modules = json.loads(done.stdout.splitlines()[-1])
    return {name for name in modules if name in HEAVY or name.startswith("thumb_assets.cli.")}


def test_the_help_imports_nothing_that_is_heavy():
    assert imported_by("--help") == {"thumb_assets.cli.group"}


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
