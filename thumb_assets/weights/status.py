"""What of the registry is on this machine, which profile uses it, and making it so."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from thumb_assets.errors import ModelUnavailableError, SettingsError
from thumb_assets.settings import PROFILES, Settings, load_settings
from thumb_assets.weights.licence import check_models, models_of_settings, models_of_stage
from thumb_assets.weights.registry import ModelFile, ModelKind, Use, find_model, models
from thumb_assets.weights.resolve import find_local, install_command, installed_version, is_installed, resolve_file
from thumb_assets.weights.url import OnProgress

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


def list_models() -> list[ModelStatus]:
    """Every registered model, in the registry's order; asks no network."""
    of_profiles = {name: set(models_of_settings(load_settings(name))) for name in PROFILES}
    statuses = []
    for model_file in models():
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


def lacks_package(stage: str, settings: Settings) -> bool:
    """Whether a stage cannot be done here for want of a distribution that one of its models needs."""
    packages = {model_file.package for model_file in models_of_stage(stage, settings)} - {""}
    return not all(map(is_installed, packages))


def models_here(stage: str, settings: Settings) -> list[list[str]]:
    """Models of a stage that this machine has; differs once a package or a file comes, goes or is replaced.

    Asks no network. `models.licence` counts too, since it can refuse what is here.
    """
    found = [[settings.models.licence, *settings.models.allow]]
    for model_file in models_of_stage(stage, settings):
        path, version = find_local(model_file), installed_version(model_file.package)
        status = path.stat() if path else None
        identity = [str(path), str(status.st_size), str(status.st_mtime_ns)] if status else []
        found.append([model_file.name, version, *identity])
    return found


def models_to_fetch(name: str, settings: Settings | None = None) -> tuple[ModelFile, ...]:
    """The models behind a name: those of a profile, or one registered model.

    Args:
        name: a profile or a registered model.
        settings: the profile's settings with changes; None takes them as they are.

    Raises:
        SettingsError: neither; the message lists both.
    """
    if name in PROFILES:
        return models_of_settings(settings or load_settings(name))
    model_file = find_model(name)
    if model_file is None:
        profiles, names = ", ".join(PROFILES), ", ".join(file.name for file in models())
        raise SettingsError(f"{name!r} is neither a profile ({profiles}) nor a model; choose one of {names}")
    return (model_file,)


def fetch(
    name: str,
    *,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
) -> dict[str, Path | None]:
    """Makes a model, or all models of a profile, available on this machine, by downloading what is not here.

    Args:
        name: a profile or a registered model.
        settings: whose `models.licence` holds; None refuses nothing.
        on_progress: called during downloads with the file's name, the bytes that are here and the size.

    Returns:
        Name to path, None where no file is needed.

    Raises:
        ModelUnavailableError: one cannot be had, or its licence is refused; what came before it stays.
        SettingsError: neither a profile nor a model.
    """
    chosen = models_to_fetch(name, settings)
    if settings is not None:
        check_models(chosen, settings.models)
    return {
        model_file.name: None if _is_fileless(model_file) else resolve_file(model_file, on_progress=on_progress)
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
