"""The models of the registry that are on this machine, the profiles that use them, and the steps to fetch them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from thumb_assets.errors import ModelUnavailableError
from thumb_assets.events import UNWATCHED, Events
from thumb_assets.settings.stages import ModelsSettings
from thumb_assets.weights.registry import ModelFile, ModelKind, Use, check_models, models
from thumb_assets.weights.resolve import fetch_file, find_local, install_command, installed_version, is_installed

ModelState = Literal["here", "not here", "no file needed", "needs a package"]


@dataclass(frozen=True)
class ModelStatus:
    """A registered model and what of it is here.

    Attributes:
        path: its file; None where there is none here, or none is needed.
        state: `here`, `not here`, `no file needed`, or `needs a package` that is not installed.
        num_bytes: the file's size where it is here, else an estimate; 0 where no file is needed.
        profiles: names of the profiles that use it.
    """

    name: str
    kind: ModelKind
    licence: str
    use: Use
    num_bytes: int
    path: Path | None
    state: ModelState = "not here"
    profiles: tuple[str, ...] = ()
    origin: str = ""
    note: str = ""

    @property
    def size(self) -> str:
        """The size for people, with a tilde where it is an estimate."""
        if not self.num_bytes:
            return "-"
        amount = f"{self.num_bytes / 1e6:.1f} MB" if self.num_bytes >= 1e6 else f"{self.num_bytes / 1e3:.0f} kB"
        return amount if self.path else f"~{amount}"


def list_models(of_profiles: Mapping[str, Collection[ModelFile]]) -> list[ModelStatus]:
    """Every registered model, in the registry's order, then what stages use besides; asks no network.

    Args:
        of_profiles: by profile, the models that its stages use.
    """
    statuses = []
    for model_file in dict.fromkeys((*models(), *(each for used in of_profiles.values() for each in used))):
        path = find_local(model_file)
        statuses.append(
            ModelStatus(
                model_file.name,
                model_file.kind,
                model_file.licence,
                model_file.use,
                path.stat().st_size if path else model_file.num_bytes,
                path,
                _state(model_file, path),
                tuple(name for name, used in of_profiles.items() if model_file in used),
                model_file.origin,
                model_file.note,
            )
        )
    return statuses


def _state(model_file: ModelFile, path: Path | None) -> ModelState:
    if path is not None:
        return "here"
    if model_file.source == "library":
        return "no file needed" if is_installed(model_file.package) else "needs a package"
    return "not here"


def lacks_package(of_stage: Sequence[ModelFile]) -> bool:
    """True when a stage cannot be done here for want of a distribution, or its model, that nothing fetches unasked."""
    return not all(
        find_local(model_file) if model_file.source == "wheel" else is_installed(model_file.package)
        for model_file in of_stage
        if model_file.package
    )


def models_here(of_stage: Sequence[ModelFile], settings: ModelsSettings) -> list[list[str]]:
    """Models of a stage that this machine has; differs once a package or a file comes, goes or is replaced.

    Asks no network. `models.licence` counts too, since it can refuse what is here.
    """
    found = [[settings.licence, *settings.allow]]
    for model_file in of_stage:
        path, version = find_local(model_file), installed_version(model_file.package)
        status = path.stat() if path else None
        identity = [str(path), str(status.st_size), str(status.st_mtime_ns)] if status else []
        found.append([model_file.name, version, *identity])
    return found


def fetch(
    chosen: Sequence[ModelFile],
    *,
    settings: ModelsSettings | None = None,
    events: Events = UNWATCHED,
) -> dict[str, Path | None]:
    """Makes models available on this machine, by downloading what is not here.

    Args:
        settings: whose `models.licence` holds; None refuses nothing.
        events: `progress` for each file that is downloaded, in bytes.

    Returns:
        Name to path, None where no file is needed.

    Raises:
        ModelUnavailableError: one cannot be had, or its licence is refused; what came before it stays.
    """
    if settings is not None:
        check_models(chosen, settings)
    return {
        model_file.name: None if _is_fileless(model_file) else fetch_file(model_file, events=events)
        for model_file in chosen
    }


def _is_fileless(model_file: ModelFile) -> bool:
    if model_file.source != "library":
        return False
    if not is_installed(model_file.package):
        raise ModelUnavailableError(
            f"{model_file.name} needs the package {model_file.package} ({model_file.licence}): "
            f"{install_command(model_file.package)}"
        )
    return True
