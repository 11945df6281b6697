"""The model files this project knows by name. Data; the sums were taken from the files themselves."""

from dataclasses import dataclass
from typing import Literal

from thumb_assets.errors import SettingsError

ModelKind = Literal["faces", "clip", "iqa"]
# The names under which open_clip's repositories keep their weights, safetensors first: nothing in one is executed.
OPEN_CLIP_FILE_NAMES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_PYIQA_LICENCE = "PolyForm-Noncommercial-1.0.0 (as pyiqa distributes it)"


@dataclass(frozen=True)
class ModelFile:
    """One file of weights.

    Attributes:
        name: how settings, messages and the command line call it.
        kind: the room that uses it.
        hub_repo: `owner/repository` on the model hub.
        file_names: names of the file in that repository, best first; all but the first are alternatives.
        licence: SPDX name where there is one.
        use: whether the licence allows commercial use, or research and other noncommercial use only.
        num_bytes: approximate size, for people.
        sha256: hex digest where it is known; every copy that is found is checked against it.
        setting: the setting that names such a file explicitly, for messages.
    """

    name: str
    kind: ModelKind
    hub_repo: str
    file_names: tuple[str, ...]
    licence: str
    use: Literal["commercial", "research"]
    num_bytes: int
    sha256: str | None = None
    setting: str | None = None

    @property
    def local_folders(self) -> tuple[str, ...]:
        """Folders below a models folder that hold this model alone, so that a name many models share is still safe."""
        return (self.name, self.hub_repo, self.hub_repo.rpartition("/")[2])

    @property
    def has_own_file_name(self) -> bool:
        """Whether the file's name alone says which model it is; open_clip's repositories all use the same names."""
        return not set(self.file_names) & set(OPEN_CLIP_FILE_NAMES)


def open_clip_file(
    name: str, hub_repo: str, *, file_name: str = "", licence: str = "see the model's page", num_bytes: int = 0
) -> ModelFile:
    """The file of an open_clip model; `name` is `model/tag`, an empty file name means the usual ones."""
    file_names = (file_name,) if file_name else OPEN_CLIP_FILE_NAMES
    if file_name.endswith((".bin", ".pth")):
        file_names = (f"{file_name[:-4]}.safetensors", file_name)
    use: Literal["commercial", "research"] = "commercial" if licence == "MIT" else "research"
    return ModelFile(name, "clip", hub_repo, file_names, licence, use, num_bytes, setting="clip.checkpoint")


MODEL_FILES: tuple[ModelFile, ...] = (
    ModelFile(
        "yunet",
        "faces",
        "opencv/face_detection_yunet",
        ("face_detection_yunet_2023mar.onnx",),
        "Apache-2.0",
        "commercial",
        232_589,
        sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        setting="faces.model_path",
    ),
    open_clip_file(
        "ViT-B-32-256/datacomp_s34b_b86k",
        "laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K",
        licence="MIT",
        num_bytes=605_000_000,
    ),
    open_clip_file(
        "ViT-B-32/laion2b_s34b_b79k", "laion/CLIP-ViT-B-32-laion2B-s34B-b79K", licence="MIT", num_bytes=605_000_000
    ),
    open_clip_file(
        "ViT-L-14/datacomp_xl_s13b_b90k",
        "laion/CLIP-ViT-L-14-DataComp.XL-s13B-b90K",
        licence="MIT",
        num_bytes=1_711_000_000,
    ),
    open_clip_file(
        "ViT-L-14/laion2b_s32b_b82k", "laion/CLIP-ViT-L-14-laion2B-s32B-b82K", licence="MIT", num_bytes=1_711_000_000
    ),
    ModelFile(
        "niqe",
        "iqa",
        "chaofengc/IQA-PyTorch-Weights",
        ("niqe_modelparameters.mat",),
        _PYIQA_LICENCE,
        "research",
        10_928,
        sha256="1b01abcc5d723658931b97a66e82223a076e08c90c0d8a258806c0fc4258cb4b",
    ),
    ModelFile(
        "brisque",
        "iqa",
        "chaofengc/IQA-PyTorch-Weights",
        ("brisque_svm_weights.pth",),
        _PYIQA_LICENCE,
        "research",
        116_421,
        sha256="0e976ea2dcf746a966888565bc754484ec28f7318f60b5ac8080259033f27a37",
    ),
)


def get_model_file(name: str) -> ModelFile:
    """The registered file of that name.

    Raises:
        SettingsError: no such name; the message lists them.
    """
    for model_file in MODEL_FILES:
        if model_file.name == name:
            return model_file
    raise SettingsError(f"model {name!r} is not known; choose one of {', '.join(file.name for file in MODEL_FILES)}")
