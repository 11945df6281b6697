"""Builds a metric of pyiqa without its side effects, and without waiting for a network that is not there."""

import io
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import Any

from thumb_assets.errors import ModelUnavailableError, SettingsError
from thumb_assets.iqa.directions import NEEDS_MORE_THAN_A_PICTURE
from thumb_assets.settings import MODELS_DIR_VARIABLE, models_dir
from thumb_assets.weights import MODEL_FILES, find_in_folders, offline_if_unreachable, resolve_file


def pyiqa_folder() -> Path:
    """The folder in which pyiqa keeps its weights: `hub/pyiqa` below TORCH_HOME (imports torch)."""
    import torch

    return Path(torch.hub.get_dir()) / "pyiqa"


def pyiqa_version() -> str:
    """Version of the installed pyiqa."""
    return version("pyiqa")


def create_metric(name: str, *, device: str) -> Any:
    """A no-reference metric of pyiqa in eval mode.

    Weights are taken from THUMB_ASSETS_MODELS_DIR, pyiqa's own folder, the hub's cache, or are downloaded. Those of a
    registered metric are checked against their sum; pyiqa unpickles the others as they are, so get them from it alone.

    Raises:
        ModelUnavailableError: pyiqa is not installed, or weights cannot be had or read.
        SettingsError: not a no-reference metric of the installed pyiqa.
    """
    pyiqa = _import_pyiqa()
    _check_is_no_reference(pyiqa, name)
    options: dict[str, Any] = {}
    if any(model_file.name == name for model_file in MODEL_FILES):
        options["pretrained_model_path"] = str(resolve_file(name, extra_folders=(pyiqa_folder(),)))
        metric = _build(pyiqa, name, device, options)
    else:
        with _weights_from_models_dir(name):
            metric = _build(pyiqa, name, device, options)
    metric.eval()
    return metric


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
    except ModelUnavailableError:
        raise
    except ImportError as error:
        raise ModelUnavailableError(f"metric {name} needs a Python package that is not installed: {error}") from error
    # Depends on the metric: URLError, OSError, the hub's errors, unpickling errors, assertions.
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ModelUnavailableError(
            f"metric {name} cannot be loaded: {reason}; put its weights into ${MODELS_DIR_VARIABLE} "
            f"or {pyiqa_folder()}, or use it once where there is a network"
        ) from error
    finally:
        # Its handler would print beside ours, and it would keep records from those of the application.
        logger.handlers.clear()
        logger.propagate = True


def _link_or_copy(source: Path, target: Path) -> None:
    # pyiqa found nothing behind this name; a link to a folder that is gone may still be in the way.
    target.unlink(missing_ok=True)
    try:
        target.symlink_to(source)
    # Windows lets only some users make links.
    except OSError:
        shutil.copyfile(source, target)


@contextmanager
def _weights_from_models_dir(name: str) -> Iterator[None]:
    """While inside, a file that pyiqa would download is taken from the user's folder, and no dead network is tried.

    pyiqa and torch.hub download through one function each; both are replaced for as long as a metric is built.
    """
    import torch
    from pyiqa.utils import download_util

    with offline_if_unreachable() as is_reachable:
        download = download_util.download_url_to_file

        def supply(url: str, destination: str, *arguments: Any, **options: Any) -> None:
            target = Path(destination)
            user_folder = models_dir()
            found = find_in_folders(target.name, [user_folder]) if user_folder else None
            if found is not None:
                _link_or_copy(found, target)
            elif is_reachable:
                download(url, destination, *arguments, **options)
            else:
                raise ModelUnavailableError(
                    f"metric {name} needs {target.name}, which is not here, and the model hub cannot be reached; "
                    f"download {url} where there is a network and put it into ${MODELS_DIR_VARIABLE} or {target.parent}"
                )

        download_util.download_url_to_file = supply
        torch.hub.download_url_to_file = supply  # type: ignore[assignment]
        try:
            yield
        finally:
            download_util.download_url_to_file = download
            torch.hub.download_url_to_file = download
