"""Signs of a damaged or foreign file of weights, without a sum to compare it with."""

import io
import struct
import zipfile

import pytest

from thumb_assets.weights.faults import file_sha256, find_fault
from thumb_assets_tests.support.local_hub import safetensors


def as_zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", b"data")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.safetensors", safetensors()),
        ("a.safetensors", safetensors(b"")),
        ("a.pth", as_zip()),
        ("a.pt", b"\x80\x02}q\x00."),
        ("a.mat", b"MATLAB 5.0 MAT-file, Platform: any"),
        ("a.onnx", b"\x08\x07"),
    ],
)
def test_whole_files_have_no_fault(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert find_fault(tmp_path / name) is None


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.onnx", b"", "is empty"),
        ("a.onnx", b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "Git LFS pointer"),
        ("a.safetensors", safetensors()[:-3], "unfinished download"),
        ("a.safetensors", safetensors() + b"more", "unfinished download"),
        ("a.safetensors", b"<!doctype html><html>Not found</html>", "no safetensors file"),
        ("a.safetensors", b"\x01", "no safetensors file"),
        ("a.safetensors", struct.pack("<Q", 4) + b"[1]\n", "no safetensors file"),
        ("a.safetensors", struct.pack("<Q", 1 << 60) + b"{}", "no safetensors file"),
        ("a.bin", as_zip()[:-10], "no whole PyTorch checkpoint"),
        ("a.pth", b"<!doctype html>", "no whole PyTorch checkpoint"),
        ("a.mat", b"<!doctype html>", "no MATLAB file"),
    ],
)
def test_faults_are_named(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    assert words in str(find_fault(tmp_path / name))


def test_a_sum_follows_a_change_of_the_file(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"one")
    first = file_sha256(path)
    path.write_bytes(b"another")
    assert file_sha256(path) != first
