"""Facts that stage keys and footers are made of; run as a module it writes the snapshot.

Versions of packages and of the project are left out: they differ by machine and release.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from thumb_assets.pipeline.remembered import footer_of
from thumb_assets.pipeline.stages import common_footer, default_stages, stage_key, stage_settings_sha256, table_inputs
from thumb_assets.settings.load import PROFILES, Settings, load_settings
from thumb_assets.stages import STAGES, models_of_stage
from thumb_assets.weights.resolve import find_local

PATH = Path(__file__).with_name("stage_keys.json")
OVERRIDES: dict[str, tuple[str, ...]] = {
    "sparse": ("sparse.is_on=true",),
    "transnet": ("shots.detector=transnet", "candidates.use_keyframes=true"),
    "faces": ("faces.detector=yunet", "faces.model_path=no-such.onnx", "faces.on_unavailable=error"),
    "clip": ("clip.model=RN50", "clip.checkpoint=no-such.pt", "clip.batch_size=3", 'clip.positive_prompts=["a dog"]'),
    "iqa": ('iqa.metrics=["niqe", "piqe"]', "iqa.scope=every_frame"),
    "judge": ("judge.url=http://localhost:1/v1", "judge.model=one", "judge.max_candidates=4"),
    "outputs": ("chapters.is_on=true", 'crops.aspect_ratios=["1:1"]', "stills.format=png", "selection.top_k=7"),
    "published": ("publish.target=http", "publish.http_url=http://localhost/", "publish.timeout_seconds=3"),
}
# What a key may change with beside its footer's facts.
_CHANGES: dict[str, dict[str, Any]] = {
    "source_path": {"source": ("0" * 64, "/b.mp4")},
    "inputs": {"inputs": {"frames": "1"}},
    "has_shots": {"has_company": False},
    "guides": {"guides": {"learned": "1"}},
}


def facts() -> dict[str, Any]:
    """By name of the settings and by stage, what its key and footer are made of."""
    every = {name: load_settings(name) for name in PROFILES}
    every |= {name: load_settings(overrides=overrides) for name, overrides in OVERRIDES.items()}
    return {
        name: {
            "default_stages": list(default_stages(settings)),
            **{stage: _facts_of(stage, settings) for stage in STAGES},
        }
        for name, settings in every.items()
    }


def _facts_of(stage: str, settings: Settings) -> dict[str, Any]:
    footer = common_footer(stage, settings, "0" * 64)
    return {
        "code_version": footer["code_version"].partition("+")[2],
        "settings_sha256": stage_settings_sha256(stage, settings),
        "tools": list(json.loads(footer["tool_versions"])),
        "inputs": sorted(table_inputs(stage, settings)),
        "models": _models_of(stage, settings),
        "remembered": hashlib.sha256(footer_of(stage, settings, None).get("made_with", "").encode()).hexdigest()[:16],
        "stage_key": _key_of(stage, settings, footer),
    }


def _models_of(stage: str, settings: Settings) -> list[str]:
    names = [model.name for model in models_of_stage(stage, settings)]
    # The detector that `auto` finds differs by machine.
    return ["auto", *names[1:]] if stage == "faces" and settings.faces.detector == "auto" else names


def _key_of(stage: str, settings: Settings, footer: dict[str, str]) -> list[str]:
    """Tries which facts beside those of the footer change a stage key; the key itself would hold versions."""

    def made(**facts: Any) -> str:
        return stage_key(stage, settings, **({"source": ("0" * 64, "/a.mp4"), "inputs": {}} | facts))

    own: dict[str, dict[str, Any]] = {"source_path": {"source_path": "/a.mp4"}, "has_shots": {"has_shots": True}}
    named = {"faces": settings.faces.model_path, "clip_scores": settings.clip.checkpoint}.get(stage)
    files = [] if named is None else [None]  # which are not there
    facts: dict[str, Any] = {"source_path": None, "inputs": {}, "has_shots": None, "files": files, "guides": {}}
    if optional := STAGES[stage].optional_models(settings):
        facts["models_here"] = [model.name for model in optional if find_local(model) is not None]
    is_of = [name for name, changed in _CHANGES.items() if made(**changed) != made()]
    for name in is_of:
        facts |= own.get(name, {})
    text = json.dumps({**footer, **facts}, sort_keys=True)
    assert made() == hashlib.sha256(text.encode()).hexdigest()  # byte for byte
    return is_of


if __name__ == "__main__":
    found = {f"{name} {stage}": of_stage for name, stages in facts().items() for stage, of_stage in stages.items()}
    lines = [f"{json.dumps(name)}: {json.dumps(of_stage, sort_keys=True)}" for name, of_stage in found.items()]
    PATH.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
