"""Proof that a file is the model it should be, and the words for a file that torch refuses to load."""

import hashlib
import json
import pickle
import re
import struct
import zipfile
from functools import lru_cache
from pathlib import Path

from thumb_assets.errors import ModelUnavailableError, RefusedModelError
from thumb_assets.weights.registry import ModelFile

_BLOCK_BYTES = 1 << 20
_MAX_HEADER_BYTES = 100 << 20  # the limit of the safetensors library itself
_GIT_LFS = b"version https://git-lfs"
_MATLAB = b"MATLAB 5.0 MAT-file"
# torch's words where `weights_only` refuses: an object that unpickling would call, or a program (TorchScript).
_GLOBAL = re.compile(r"(?:unsupported|Unsupported) (?:GLOBAL|global:(?: GLOBAL)?|class) ([\w.]+)")
_PROGRAM = re.compile(r"weights_only.*TorchScript|TorchScript.*weights_only|allow_pickle", re.DOTALL)
# Deeper chains are none of torch's.
_MAX_CAUSES = 10


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file's content; computed again only when its size or time of change differ."""
    stat = path.stat()
    return _file_sha256(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _file_sha256(path: Path, _num_bytes: int, _changed_ns: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def verify_file(model_file: ModelFile, path: Path) -> None:
    """Raises unless the file is good.

    Raises:
        ModelUnavailableError: another content than the registered one, or an unfinished, empty or foreign file.
    """
    if model_file.sha256 is not None:
        actual = file_sha256(path)
        if not actual.startswith(model_file.sha256):
            raise ModelUnavailableError(
                f"{path} is not the model {model_file.name}: its SHA-256 is {actual}, expected {model_file.sha256}; "
                "replace or remove the file"
            )
        return
    fault = find_fault(path)
    if fault:
        raise ModelUnavailableError(
            f"{path} is not the model {model_file.name}: it {fault}; replace or remove the file"
        )


def find_fault(path: Path) -> str | None:
    """Names what is wrong with a file of weights, by its ending and first bytes; None where nothing is seen."""
    num_bytes = path.stat().st_size
    if num_bytes == 0:
        return "is empty"
    with path.open("rb") as stream:
        head = stream.read(len(_MATLAB) + 8)
        if head.startswith(_GIT_LFS):
            return "is a Git LFS pointer, not the file itself"
        if path.suffix == ".safetensors":
            stream.seek(0)
            length = stream.read(8)
            return _safetensors_fault(length, stream.read(_header_bytes(length)), num_bytes)
    if path.suffix in {".bin", ".pth", ".pt"}:
        # A zip has its index at the end, so one that was cut off has none; \x80 begins a pickle, torch's older format.
        is_whole = zipfile.is_zipfile(path) if head.startswith(b"PK") else head.startswith(b"\x80")
        return None if is_whole else "is no whole PyTorch checkpoint"
    if path.suffix == ".mat" and not head.startswith(_MATLAB):
        return "is no MATLAB file"
    return None


def _header_bytes(length: bytes) -> int:
    num_header_bytes = int(struct.unpack("<Q", length)[0]) if len(length) == 8 else 0
    return num_header_bytes if num_header_bytes <= _MAX_HEADER_BYTES else 0


def _safetensors_fault(length: bytes, text: bytes, num_bytes: int) -> str | None:
    """The header says where the last tensor ends: https://github.com/huggingface/safetensors, "Format"."""
    fault = "is no safetensors file"
    num_header_bytes = _header_bytes(length)
    if not num_header_bytes or len(text) < num_header_bytes:
        return fault
    try:
        header = json.loads(text)
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return fault
    expected = 8 + num_header_bytes + max(ends, default=0)
    if num_bytes != expected:
        return f"has {num_bytes} bytes where its header says {expected}: an unfinished download"
    return None


def refusal_of(error: BaseException, *, file: str, model: str) -> RefusedModelError | None:
    """The refusal that an error of a loader means; None where the file is merely missing, damaged or another model's.

    torch advises to load such a file all the same, which would run what is in it: its words are not repeated.

    Args:
        file: the file or folder of the weights.
        model: what it was to be loaded for, such as "CLIP model ViT-B-32".
    """
    cause: BaseException | None = error
    for _ in range(_MAX_CAUSES):
        if cause is None:
            return None
        found = _GLOBAL.search(str(cause))
        if isinstance(cause, pickle.UnpicklingError) or _PROGRAM.search(str(cause)):
            named = f" ({found[1]})" if found else ""
            return RefusedModelError(
                f"{model}: {file} is refused: it holds code or objects{named} beside tensors, or is damaged; nothing "
                "of it was run; use a safetensors file, or a checkpoint that holds a state dict alone"
            )
        cause = cause.__cause__ or cause.__context__
    return None
