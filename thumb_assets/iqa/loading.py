"""Builds a metric of pyiqa without its side effects or waits for a network; facts on direction and bounds."""

import io
import logging
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from thumb_assets.errors import ModelUnavailableError, SettingsError, ThumbAssetsError
from thumb_assets.iqa.guard import Checkpoints, guarded
from thumb_assets.settings.environment import MODELS_DIR_VARIABLE
from thumb_assets.weights.faults import file_sha256, refusal_of
from thumb_assets.weights.registry import iqa_metric
from thumb_assets.weights.resolve import resolve_file

# Pinned, so that a release of pyiqa that drops or flips a flag cannot turn a selection upside down; from the metrics'
# papers by way of pyiqa 0.1.16's model card, checked against it in the tests.
LOWER_IS_BETTER = frozenset(
    {
        "piqe",
        "niqe",
        "niqe_matlab",
        "ilniqe",
        "brisque",
        "brisque_matlab",
        "pi",
        "fid",
        "sfid",
        "fid_dinov2",
        "afine_nr",
    }
)
# pyiqa counts these as no-reference, but they take folders of pictures or a caption.
NEEDS_MORE_THAN_A_PICTURE = frozenset({"fid", "sfid", "fid_dinov2", "inception_score", "clipscore"})
# Computed in float64, which Apple's GPUs do not have.
NEEDS_FLOAT64 = frozenset({"niqe", "niqe_matlab", "ilniqe", "brisque_matlab", "nrqm", "pi"})
# Formulas without a neural net (at most a regression on top), made for full precision: it is always fp32 or more.
HAND_CRAFTED = NEEDS_FLOAT64 | {"piqe", "brisque", "entropy"}
# These fetch a backbone trained on ImageNet only to overwrite it with their own checkpoint, if that holds one.
_BRINGS_BACKBONE = frozenset({"topiq_nr", "topiq_iaa_res50"})
_BACKBONE_PREFIX = "semantic_model."


def is_lower_better(name: str, *, reported: bool | None) -> bool:
    """The direction of a metric: the pinned one, else what the library reports (None counts as higher is better).

    >>> is_lower_better("piqe", reported=None), is_lower_better("musiq", reported=None)
    (True, False)
    """
    return name in LOWER_IS_BETTER or bool(reported)


def parse_range(text: str | None) -> tuple[float | None, float | None]:
    """The exact bounds in pyiqa's notation `low, high`; None for one that is open or, with `~`, only approximate.

    >>> parse_range("0, 100"), parse_range("~0, ~150"), parse_range("0, ~"), parse_range(None)
    ((0.0, 100.0), (None, None), (0.0, None), (None, None))
    """
    parts = [part.strip() for part in (text or "").split(",")]
    if len(parts) != 2:
        return None, None
    low, high = (None if not part or part.startswith("~") else float(part) for part in parts)
    return low, high


@dataclass(frozen=True)
class BuiltMetric:
    """A metric of pyiqa in eval mode, and the files of weights it was made from (name to hex SHA-256)."""

    net: Any
    weights_sha256: dict[str, str]


def pyiqa_folder() -> Path:
    """The folder in which pyiqa keeps its weights: `hub/pyiqa` below TORCH_HOME (imports torch)."""
    import torch

    return Path(torch.hub.get_dir()) / "pyiqa"


def pyiqa_version() -> str:
    """Version of the installed pyiqa."""
    return version("pyiqa")


def create_metric(name: str, *, device: str) -> BuiltMetric:
    """A no-reference metric of pyiqa in eval mode.

    Weights are taken from THUMB_ASSETS_MODELS_DIR, pyiqa's own folder, the hub's cache, or are downloaded. Checkpoints
    are read as data only (weights_only), also those that pyiqa would unpickle.

    Raises:
        ModelUnavailableError: pyiqa is not installed, or weights cannot be had or read.
        RefusedModelError: a file of weights holds more than data.
        SettingsError: not a no-reference metric of the installed pyiqa.
    """
    pyiqa = _import_pyiqa()
    _check_is_no_reference(pyiqa, name)
    options: dict[str, Any] = {}
    sums: dict[str, str] = {}
    model_file = iqa_metric(name)
    if model_file.source != "library":
        path = resolve_file(model_file, extra_folders=(pyiqa_folder(),))
        options["pretrained_model_path"] = str(path)
        sums[path.name] = file_sha256(path)
    with guarded(name) as checkpoints:
        if name in _BRINGS_BACKBONE:
            metric = _build(pyiqa, name, device, options | {"backbone_pretrain": False})
            if not _is_backbone_loaded(metric, checkpoints):
                metric = _build(pyiqa, name, device, options)
        else:
            metric = _build(pyiqa, name, device, options)
    metric.eval()
    return BuiltMetric(metric, sums | checkpoints.sums)


def _is_backbone_loaded(metric: Any, checkpoints: Checkpoints) -> bool:
    """True if the checkpoint held every tensor of the backbone: pyiqa loads it with strict=False and would not say."""
    names = {key for key in metric.net.state_dict() if key.startswith(_BACKBONE_PREFIX)}
    return {name for name in names if not name.endswith("num_batches_tracked")} <= checkpoints.keys


def _import_pyiqa() -> Any:
    try:
        import pyiqa
    except ImportError as error:
        raise ModelUnavailableError(
            'quality metrics need pyiqa, which is not installed: pip install "thumb-assets[iqa]" '
            f"(its licence is PolyForm-Noncommercial-1.0.0, for noncommercial use only) [{error}]"
        ) from error
    return pyiqa


def _check_is_no_reference(pyiqa: Any, name: str) -> None:
    scorable = [metric for metric in pyiqa.list_models("NR") if metric not in NEEDS_MORE_THAN_A_PICTURE]
    if name in scorable:
        return
    if name in pyiqa.list_models():
        what = "compares with a reference or needs more than one picture"
    else:
        what = f"is not a metric of pyiqa {pyiqa_version()}"
    raise SettingsError(f"iqa.metrics: {name!r} {what}; choose from {', '.join(scorable)}")


def _build(pyiqa: Any, name: str, device: str, options: dict[str, Any]) -> Any:
    """One metric, silently: pyiqa prints to standard output and installs a log handler of its own."""
    logger = logging.getLogger("pyiqa")
    try:
        with redirect_stdout(io.StringIO()):
            return pyiqa.create_metric(name, device=device, **options)
    except ThumbAssetsError:
        raise
    except ImportError as error:
        raise ModelUnavailableError(f"metric {name} needs a Python package that is not installed: {error}") from error
    # Depends on the metric: URLError, OSError, the hub's errors, unpickling errors, assertions.
    except Exception as error:
        if refusal := refusal_of(error, file="a file of its weights", model=f"metric {name}"):
            raise refusal from error
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ModelUnavailableError(
            f"metric {name} cannot be loaded: {reason}; put its weights into ${MODELS_DIR_VARIABLE} "
            f"or {pyiqa_folder()}, or use it once where there is a network"
        ) from error
    finally:
        # Its handler would print beside ours, and it would keep records from those of the application.
        logger.handlers.clear()
        logger.propagate = True
