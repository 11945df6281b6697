"""The models this project knows by name, files of models that are not registered, and the licence gate of all."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import PurePosixPath
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from thumb_assets.errors import ModelUnavailableError, SettingsError
from thumb_assets.settings.stages import ModelsSettings

ModelKind = Literal["faces", "subjects", "safety", "clip", "aesthetics", "iqa", "shots", "audio", "words", "texts"]
Use = Literal["commercial", "research", "unknown"]
Source = Literal["hub", "url", "package", "wheel", "embedded", "library"]

# The names under which open_clip's repositories keep their weights, safetensors first: nothing in one is executed.
OPEN_CLIP_FILE_NAMES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
PYIQA_LICENCE = "PolyForm-Noncommercial-1.0.0"
PYIQA_REPO = "chaofengc/IQA-PyTorch-Weights"
# These say nothing of the model either.
_COMMON_FILE_NAMES = frozenset({*OPEN_CLIP_FILE_NAMES, "model.safetensors", "vocab.txt"})
_UNKNOWN_LICENCE = "see the model's page"
# Some publishers name a file after the beginning of its SHA-256, by torch.hub's convention, and some a folder.
_SUM_IN_FOLDER = re.compile(r"/([0-9a-f]{64})/[^/]+$")
_HUB_PATH = re.compile(r"^/([^/]+/[^/]+)/resolve/([^/]+)/([^/]+)$")
_TORCHVISION_HOST = "download.pytorch.org"
_SUM_IN_NAME = re.compile(r"-([0-9a-f]{8})\.pth$")


@dataclass(frozen=True)
class ModelFile:
    """One model and the file of its weights.

    Attributes:
        name: how settings, messages and the command line call it.
        kind: the room that uses it.
        hub_repo: `owner/repository` on the model hub; empty where it does not come from there.
        file_names: names of the file at its source, best first; all but the first are alternatives.
        licence: SPDX name where there is one.
        use: whether the terms allow commercial use, or research and other noncommercial use only, or are not known.
        num_bytes: approximate size, for people.
        sha256: hex digest or the beginning of one, where the publisher's is known; every copy is checked against it.
        setting: the setting that names such a file explicitly, for messages.
        source: `hub`; `url` (a plain download); `package` (an installed package brings it); `wheel` (taken out of a
            package that need not be installed); `embedded` (this one brings it); `library` (no file, or one that the
            library fetches by itself).
        revision: commit on the hub, or version of the package; None where none was verified: the newest is taken.
        url: the address, where `source` is `url`; for people otherwise.
        package: the distribution that brings or needs it.
        folder: where in the package the file lies.
        python: the oldest Python that a wheel is for, where that is newer than ours: an older one takes the file out of
            it all the same, since none of its code runs.
        note: one clause for people.
    """

    name: str
    kind: ModelKind
    hub_repo: str
    file_names: tuple[str, ...]
    licence: str
    use: Use
    num_bytes: int
    sha256: str | None = None
    setting: str | None = None
    source: Source = "hub"
    revision: str | None = None
    url: str = ""
    package: str = ""
    folder: str = ""
    python: str = ""
    note: str = ""

    @property
    def local_folders(self) -> tuple[str, ...]:
        """Folders below a models folder that hold this model alone, so that a name many models share is still safe."""
        folders = (self.name, self.hub_repo, self.hub_repo.rpartition("/")[2])
        return tuple(dict.fromkeys(filter(None, folders)))

    @property
    def has_own_file_name(self) -> bool:
        """True when the file's name alone says which model it is; open_clip's repositories all use the same names."""
        return _COMMON_FILE_NAMES.isdisjoint(self.file_names)

    @property
    def origin(self) -> str:
        """Origin of the model, for people."""
        package = " ".join(filter(None, ("the package", self.package, self.revision)))
        places = {"hub": self.hub_repo, "url": self.url, "embedded": "this package"}
        return places.get(self.source, package)


def open_clip_file(
    name: str, hub_repo: str, *, file_name: str = "", licence: str = _UNKNOWN_LICENCE, num_bytes: int = 0
) -> ModelFile:
    """The file of an open_clip model; `name` is `model/tag`, an empty file name means the usual ones.

    Terms that the registry does not know count as unknown, which `models.licence=commercial` refuses.
    """
    known = find_model(name)
    if known is not None and known.hub_repo == hub_repo and not file_name:
        return known
    file_names = (file_name,) if file_name else OPEN_CLIP_FILE_NAMES
    if file_name.endswith((".bin", ".pth")):
        file_names = (f"{file_name[:-4]}.safetensors", file_name)
    use: Use = "commercial" if licence in {"MIT", "Apache-2.0"} else "unknown"
    return ModelFile(name, "clip", hub_repo, file_names, licence, use, num_bytes, setting="clip.checkpoint")


def iqa_metric(name: str) -> ModelFile:
    """A quality metric: the registered one, else one of pyiqa whose files pyiqa names by itself when it is built."""
    known = find_model(name)
    if known is not None and known.kind == "iqa":
        return known
    return _model_file({"name": name, "kind": "iqa", "source": "library", "package": "pyiqa"})


def url_file(url: str, *, kind: ModelKind, name: str = "", licence: str = _UNKNOWN_LICENCE) -> ModelFile:
    """The file behind an address: one of the hub's where it is the hub's, so that the hub's cache serves it too.

    >>> url_file("https://huggingface.co/owner/repo/resolve/main/a.pth", kind="iqa").hub_repo
    'owner/repo'
    """
    parts = urlsplit(url)
    file_name = PurePosixPath(parts.path).name
    for model_file in models():
        if file_name in model_file.file_names and model_file.has_own_file_name:
            return model_file
    match = _HUB_PATH.match(parts.path)
    if match:
        repo, revision, file_name = match.groups()
        pinned = None if revision == "main" else revision
        return ModelFile(name or file_name, kind, repo, (file_name,), licence, "unknown", 0, revision=pinned, url=url)
    in_folder = _SUM_IN_FOLDER.search(parts.path)
    in_name = _SUM_IN_NAME.search(file_name) if parts.hostname == _TORCHVISION_HOST else None
    found = in_folder or in_name
    sha256 = found.group(1) if found else None
    return ModelFile(
        name or file_name, kind, "", (file_name,), licence, "unknown", 0, sha256=sha256, source="url", url=url
    )


@cache
def models() -> tuple[ModelFile, ...]:
    """Every registered model, in the order of `models.json`."""
    text = (resources.files("thumb_assets.weights") / "models.json").read_text(encoding="utf-8")
    return tuple(_model_file(entry) for entry in json.loads(text))


def find_model(name: str) -> ModelFile | None:
    """The registered model of that name; None where there is none."""
    return next((model_file for model_file in models() if model_file.name == name), None)


def get_model_file(name: str) -> ModelFile:
    """The registered model of that name.

    Raises:
        SettingsError: no such name; the message lists them.
    """
    model_file = find_model(name)
    if model_file is None:
        raise SettingsError(f"model {name!r} is not known; choose one of {', '.join(file.name for file in models())}")
    return model_file


# What entries of a kind share, so that the data file says only what differs.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "clip": {"file_names": OPEN_CLIP_FILE_NAMES, "setting": "clip.checkpoint"},
    "iqa": {"hub_repo": PYIQA_REPO, "licence": PYIQA_LICENCE, "use": "research"},
}


def _model_file(entry: dict[str, Any]) -> ModelFile:
    """An entry of the data file, checked: a typing error there must not become a file that is never found."""
    if entry["kind"] not in get_args(ModelKind):
        raise SettingsError(f"models.json: {entry['name']} has the unknown kind {entry['kind']!r}")
    base: dict[str, Any] = {"hub_repo": "", "file_names": (), "num_bytes": 0}
    values = base | _DEFAULTS.get(entry["kind"], {}) | entry
    if values.get("source", "hub") not in get_args(Source) or values["use"] not in get_args(Use):
        raise SettingsError(f"models.json: {entry['name']} has an unknown source or use")
    if values.get("source") == "wheel" and not all(values.get(key) for key in ("package", "revision", "sha256")):
        raise SettingsError(f"models.json: {entry['name']} comes from a wheel: name its package, revision and sha256")
    if values.get("source", "hub") != "hub":
        values["hub_repo"] = ""
    values["file_names"] = tuple(values["file_names"])
    return ModelFile(**values)


MODEL_FILES: tuple[ModelFile, ...] = models()


def check_models(models: Sequence[ModelFile], settings: ModelsSettings) -> None:
    """Raises unless every model may be used.

    Raises:
        ModelUnavailableError: names the model, its licence, the setting that refuses it and the way out.
    """
    if settings.licence == "research":
        return
    for model_file in models:
        if model_file.use == "commercial" or model_file.name in settings.allow:
            continue
        why = "allows noncommercial use only" if model_file.use == "research" else "is not known to this project"
        raise ModelUnavailableError(
            f"models.licence=commercial refuses {model_file.name}: its licence ({model_file.licence}) {why}; choose "
            f'another model, or, if you hold the right to use it, set models.allow=["{model_file.name}"]'
        )
