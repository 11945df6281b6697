"""The learned scorer on disk: one safetensors file of a data folder, with what is known of it in the header."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from thumb_assets.errors import ContractError
from thumb_assets.files import storage_errors
from thumb_assets.select.learned_head import FEATURES, LearnedHead
from thumb_assets.store.parquet import TableStore

# Raised when the arrays or the features mean something else than before.
_FORMAT_VERSION = 1
# One text: the library writes several in any order, and the same head is to be the same bytes.
_KEY = "learned_scorer"
_ARRAYS = ("weights", "means", "scales", "intercept")


@dataclass(frozen=True)
class StoredHead:
    """A head and what was found when it was trained.

    Attributes:
        is_better: whether it beat the hand-made combination on videos it was not trained on.
        facts: of the training, as they were given to `write_learned_head`.
    """

    head: LearnedHead
    is_better: bool
    facts: Mapping[str, Any]


def write_learned_head(store: TableStore, head: LearnedHead, *, is_better: bool, facts: Mapping[str, Any]) -> Path:
    """Replaces the learned scorer of the data folder; the same arguments give the same bytes.

    Args:
        facts: what JSON can hold; numbers that are not finite it cannot.

    Raises:
        StorageError: the disk is full, read-only or gone; the old file is whole.
    """
    from safetensors.numpy import save

    about = {
        "format_version": _FORMAT_VERSION,
        "embedding_model": head.embedding_model,
        "features": FEATURES,
        "is_better": is_better,
        "facts": facts,
    }
    arrays = {name: np.atleast_1d(np.asarray(getattr(head, name), np.float64)) for name in _ARRAYS}
    content = save(arrays, metadata={_KEY: json.dumps(about, sort_keys=True, allow_nan=False)})
    return store.write_bytes(store.learned_head_path, content)


def read_learned_head(store: TableStore) -> StoredHead | None:
    """The learned scorer of the data folder; None where there is none.

    Raises:
        ContractError: the file is damaged, or none that this version of `learn` wrote.
        StorageError: the disk does not answer.
    """
    path = store.learned_head_path
    content = read_learned_bytes(store)
    if content is None:
        return None
    try:
        return _parsed(content)
    except (KeyError, TypeError, ValueError) as error:
        raise ContractError(
            f"{path}: is no learned scorer of this version ({error}); run `thumb-assets learn` again, or "
            "`thumb-assets learn --forget`"
        ) from error


def read_learned_bytes(store: TableStore) -> bytes | None:
    """The file as it is; None where there is none.

    Raises:
        ContractError: it is a folder.
        StorageError: the disk does not answer.
    """
    path = store.learned_head_path
    with storage_errors(path, "cannot be read", advice="check the disk and run again"):
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except IsADirectoryError as error:
            raise ContractError(f"{path}: is a folder and no learned scorer; remove it") from error


def remove_learned_head(store: TableStore) -> bool:
    """Removes the learned scorer; False where there was none.

    Raises:
        StorageError: the disk is read-only or gone.
    """
    path = store.learned_head_path
    with storage_errors(path, "cannot be removed", advice="check the disk and run again"):
        try:
            path.unlink()
        except FileNotFoundError:
            return False
    return True


def _parsed(content: bytes) -> StoredHead:
    """Raises KeyError, TypeError or ValueError where anything is not as `write_learned_head` writes it."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(content)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    about = _header(content)
    if about["format_version"] != _FORMAT_VERSION or tuple(about["features"]) != FEATURES:
        raise ValueError("its features are others")
    if set(arrays) != set(_ARRAYS) or any(array.dtype != np.float64 for array in arrays.values()):
        raise ValueError("its arrays are others")
    weights, means, scales, intercept = (arrays[name] for name in _ARRAYS)
    is_shaped = weights.ndim == 1 and weights.shape == means.shape == scales.shape and intercept.shape == (1,)
    if not is_shaped or len(weights) <= len(FEATURES):
        raise ValueError("its arrays do not fit each other")
    if not all(np.isfinite(array).all() for array in arrays.values()) or not (scales > 0).all():
        raise ValueError("its numbers are not finite")
    if not isinstance(about["embedding_model"], str) or not isinstance(about["is_better"], bool):
        raise TypeError("its header is another")
    head = LearnedHead(about["embedding_model"], weights, means, scales, float(intercept[0]))
    return StoredHead(head, about["is_better"], dict(about["facts"]))


def _header(content: bytes) -> dict[str, Any]:
    """Reads what the header holds beside the arrays, which `load` leaves out: 8 bytes of length, then JSON.

    Source: https://github.com/huggingface/safetensors, "Format".
    """
    length = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
    if _KEY not in metadata:
        raise ValueError("its header does not name it as one")
    about: dict[str, Any] = json.loads(metadata[_KEY])
    return about
