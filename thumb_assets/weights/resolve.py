"""From a model's name to a file on this machine."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from thumb_assets.errors import ModelUnavailableError
from thumb_assets.settings import MODELS_DIR_VARIABLE, models_dir
from thumb_assets.weights.hub import download, find_in_cache
from thumb_assets.weights.registry import MODEL_FILES, ModelFile, ModelKind, get_model_file

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class ModelStatus:
    """A registered model and where it lies here: `path` is None where it would have to be downloaded."""

    name: str
    kind: ModelKind
    licence: str
    use: Literal["commercial", "research"]
    num_bytes: int
    path: Path | None


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def resolve_file(
    model: str | ModelFile,
    *,
    explicit: Path | None = None,
    extra_folders: Iterable[Path] = (),
    allow_download: bool = True,
) -> Path:
    """Local path of a model file: the explicit one, the models folder, the extra folders, the hub's cache, the hub.

    Args:
        model: a registered name, or a file that is not registered.
        explicit: a path the user set; taken as it is, without a checksum, since the user may mean another version.
        extra_folders: where else a library keeps such files.
        allow_download: whether the hub may be asked.

    Returns:
        An existing file; its SHA-256 is the registered one where that is known, unless it was explicit.

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
    found = _find_local(model_file, extra_folders)
    if found is None:
        if not allow_download:
            raise ModelUnavailableError(_advice(model_file, reason="it is not on this machine"))
        try:
            found = download(model_file.hub_repo, model_file.file_names)
        except ModelUnavailableError as error:
            raise ModelUnavailableError(_advice(model_file, reason=str(error))) from error.__cause__
    _verify(model_file, found)
    return found


def fetch(name: str) -> Path:
    """Makes a registered model available on this machine, by downloading it where needed; its path.

    Raises:
        ModelUnavailableError: it cannot be had; SettingsError: no model of that name.
    """
    return resolve_file(name)


def list_models(*, extra_folders: Iterable[Path] = ()) -> list[ModelStatus]:
    """Every registered model with the path it has on this machine, in the registry's order; asks no network."""
    folders = tuple(extra_folders)
    return [
        ModelStatus(file.name, file.kind, file.licence, file.use, file.num_bytes, _find_local(file, folders))
        for file in MODEL_FILES
    ]


def find_in_folders(file_name: str, folders: Iterable[Path]) -> Path | None:
    """The file of that name directly in one of the folders, else one folder deeper; None where there is none."""
    for folder in folders:
        for path in (folder / file_name, *sorted(folder.glob(f"*/{file_name}"))):
            if path.is_file():
                return path
    return None


def _find_local(model_file: ModelFile, extra_folders: Iterable[Path]) -> Path | None:
    for path in _local_candidates(model_file, extra_folders):
        if path is not None and path.is_file():
            return path
    return None


def _local_candidates(model_file: ModelFile, extra_folders: Iterable[Path]) -> Iterator[Path | None]:
    user_folder = models_dir()
    folders = ([user_folder] if user_folder else []) + list(extra_folders)
    for file_name in model_file.file_names:
        for folder in folders:
            for own_folder in model_file.local_folders:
                yield folder / own_folder / file_name
        if model_file.has_own_file_name:
            yield find_in_folders(file_name, folders)
    for file_name in model_file.file_names:
        yield find_in_cache(model_file.hub_repo, file_name)


def _verify(model_file: ModelFile, path: Path) -> None:
    if model_file.sha256 is None:
        return
    actual = file_sha256(path)
    if actual != model_file.sha256:
        raise ModelUnavailableError(
            f"{path} is not the model {model_file.name}: its SHA-256 is {actual}, expected {model_file.sha256}; "
            "replace or remove the file"
        )


def _advice(model_file: ModelFile, *, reason: str) -> str:
    """One line: what could not be had, why, and each way to supply it."""
    file_name = model_file.file_names[0]
    place = file_name if model_file.has_own_file_name else f"{model_file.name}/{file_name}"
    ways = [f"put the file into ${MODELS_DIR_VARIABLE} as {place}"]
    if model_file.setting:
        ways.append(f"set {model_file.setting} to its path")
    if model_file in MODEL_FILES:
        ways.append(f"run `thumb-assets models fetch {model_file.name}` where there is a network")
    return f"model {model_file.name}: {file_name} of {model_file.hub_repo} cannot be had, {reason}; " + ", or ".join(
        ways
    )
