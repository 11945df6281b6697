"""Limits pyiqa while it builds a metric: checkpoints are read as data only, files come from the weights room.

pyiqa, torch.hub and torchvision are replaced at single functions for as long as a metric is built, and only then; the
lock keeps two builds from undoing each other.
"""

import importlib.util
import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from thumb_assets.errors import ModelUnavailableError
from thumb_assets.files import link_or_copy
from thumb_assets.weights.faults import file_sha256, refusal_of
from thumb_assets.weights.hub import offline_if_unreachable
from thumb_assets.weights.registry import ModelFile, url_file
from thumb_assets.weights.resolve import resolve_file

_lock = threading.Lock()


@dataclass
class Checkpoints:
    """The checkpoints that were read.

    Attributes:
        sums: file name to hex SHA-256.
        keys: names of the tensors in them.
    """

    sums: dict[str, str] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)

    def record(self, source: Any, content: Any) -> None:
        """Takes note of one."""
        if isinstance(source, (str, Path)):
            self.sums[Path(source).name] = file_sha256(Path(source))
        if isinstance(content, dict):
            tensors = content["params"] if isinstance(content.get("params"), dict) else content
            self.keys |= {str(key).removeprefix("module.") for key in tensors}


@contextmanager
def guarded(metric: str) -> Iterator[Checkpoints]:
    """While inside, pyiqa neither unpickles code, nor downloads anything by itself, nor tries a dead network.

    Raises:
        ModelUnavailableError: (from what happens inside) a file cannot be had.
        RefusedModelError: (likewise) a file holds more than data.
    """
    import torch
    import torchvision
    from pyiqa.archs import clip_model
    from pyiqa.utils import download_util

    checkpoints = Checkpoints()
    with _lock, offline_if_unreachable(), _with_pkg_resources(), ExitStack() as stack:

        def replace(owner: Any, name: str, by: Callable[..., Any]) -> None:
            stack.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, by)

        def supply(url: str, destination: str, *_arguments: Any, **_options: Any) -> None:
            target = Path(destination)
            _put_behind(_resolve(metric, url_file(url, kind="iqa"), target.parent), target)

        def supply_clip(url: str, root: str) -> str:
            return str(_resolve(metric, url_file(url, kind="iqa"), Path(root)))

        replace(torch, "load", _load_as_data(metric, torch.load, checkpoints))
        replace(download_util, "download_url_to_file", supply)
        replace(torch.hub, "download_url_to_file", supply)
        replace(clip_model, "_download", supply_clip)
        # paq2piq fetches ImageNet's weights only to overwrite every one of them (its own are loaded with strict=True).
        if metric == "paq2piq":
            resnet18 = torchvision.models.resnet18
            replace(torchvision.models, "resnet18", lambda weights=None: resnet18(weights=None))  # noqa: ARG005
        yield checkpoints


def _load_as_data(metric: str, load: Callable[..., Any], checkpoints: Checkpoints) -> Callable[..., Any]:
    """torch.load that never runs code out of the file, whatever its caller asks for."""

    def load_as_data(source: Any, *arguments: Any, **options: Any) -> Any:
        try:
            content = load(source, *arguments, **options | {"weights_only": True})
        except Exception as error:
            if refusal := refusal_of(error, file=str(source), model=f"metric {metric}"):
                raise refusal from error
            raise
        checkpoints.record(source, content)
        return content

    return load_as_data


def _resolve(metric: str, model_file: ModelFile, folder: Path) -> Path:
    try:
        return resolve_file(model_file, extra_folders=(folder,) if folder.is_dir() else ())
    except ModelUnavailableError as error:
        raise ModelUnavailableError(f"metric {metric}: {error}") from error.__cause__


def _put_behind(source: Path, target: Path) -> None:
    if source.exists() and target.exists() and source.samefile(target):
        return
    # pyiqa found nothing behind this name; a link to a folder that is gone may still be in the way.
    target.unlink(missing_ok=True)
    link_or_copy(source, target)


@contextmanager
def _with_pkg_resources() -> Iterator[None]:
    """openai-clip, which some metrics import, takes `packaging` out of pkg_resources; setuptools 82 removed that."""
    if importlib.util.find_spec("pkg_resources") is not None or importlib.util.find_spec("packaging") is None:
        yield
        return
    import packaging.version

    stand_in = types.ModuleType("pkg_resources")
    stand_in.packaging = packaging  # type: ignore[attr-defined]
    sys.modules["pkg_resources"] = stand_in
    try:
        yield
    finally:
        sys.modules.pop("pkg_resources", None)
