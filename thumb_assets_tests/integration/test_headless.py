"""The install lines of the page of models work on a server without a screen, where there is no libGL."""

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest
import tomlkit

ROOT = Path(__file__).resolve().parents[2]
CURE = re.compile(r"pip uninstall -y opencv-python opencv-python-headless && pip install --no-deps \S+")


@pytest.mark.parametrize("is_isolated", ["true", "false"])
def test_opencv_without_libgl_is_one_line_that_names_the_cure(is_isolated, tmp_path, data_dir, synthetic_videos):
    stand_in = tmp_path / "cv2" / "__init__.py"
    stand_in.parent.mkdir()
    stand_in.write_text("raise ImportError('libGL.so.1: cannot open shared object file: No such file or directory')\n")
    command = [sys.executable, "-m", "thumb_assets.cli", "run", synthetic_videos("one_frame"), "--data-dir", data_dir]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    arguments = [*map(str, command), "--set", f"video.is_isolated={is_isolated}"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert CURE.search(" ".join(done.stderr.split()))


def test_the_page_of_models_and_the_error_name_the_same_cure():
    assert CURE.search((ROOT / "docs/models.md").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_only_the_quality_extra_brings_the_desktop_build(tmp_path):
    project = tomlkit.parse((ROOT / "pyproject.toml").read_text())["project"]
    # By itself, as pip reads it: overrides are known to uv alone.
    extras = project["optional-dependencies"]
    for name, requirements in {"": [], **extras}.items():
        wanted = tmp_path / "wanted.in"
        wanted.write_text("\n".join([*project["dependencies"], *requirements]))
        command = ["uv", "pip", "compile", "--quiet", "--no-config", "--no-header", "--no-annotate", str(wanted)]
        resolved = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
        providers = set(re.findall(r"^(opencv[a-z-]*)==", resolved, re.MULTILINE))
        assert providers == {"opencv-python-headless"} | ({"opencv-python"} if name == "iqa" else set()), name


@pytest.mark.slow
def test_after_the_cure_opencv_is_headless(tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"

    def pip(*arguments: str) -> None:
        subprocess.run([python, "-m", "pip", "install", "--quiet", *arguments], check=True)

    pip("numpy", "opencv-python-headless", "opencv-python")
    cure = CURE.search((ROOT / "docs/models.md").read_text(encoding="utf-8"))
    assert cure is not None
    environment = {"PATH": f"{python.parent}:/usr/bin:/bin"}
    subprocess.run(["sh", "-c", cure[0]], check=True, env=environment, capture_output=True)
    program = (
        "import importlib.metadata as m, cv2; print(sorted({d for d in m.packages_distributions()['cv2']}));"
        "print('libGL' in open('/proc/self/maps').read())"
    )
    output = subprocess.run([python, "-c", program], check=True, capture_output=True, text=True).stdout.split("\n")
    assert output[:2] == ["['opencv-python-headless']", "False"]
