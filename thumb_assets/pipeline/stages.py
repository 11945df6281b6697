"""The stages of a run, and the key and footer that tell whether what a stage made is still right."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from thumb_assets import __version__
from thumb_assets.errors import RUN_FIRST, MissingInputError, SettingsError
from thumb_assets.settings.load import Settings, load_settings, settings_sha256
from thumb_assets.stages import STAGES
from thumb_assets.stages.kit.declaration import FromFile, FromFrames
from thumb_assets.weights.resolve import find_local, installed_version


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


def nothing_to_read(what: str, missing: Iterable[str]) -> MissingInputError:
    """The error where no video has what is to be read.

    Args:
        what: as it follows "no video here".
        missing: the stages to run first, of each video that was run.

    >>> str(nothing_to_read("can be searched", ["sharpness", "frames"]))
    'no video here can be searched; run the stage `frames` first'
    >>> str(nothing_to_read("can be searched", []))
    'no video here can be searched; run `thumb-assets run PATH` first, or name the data folder (--data-dir)'
    """
    stage = min(missing, key=list(STAGES).index, default=None)
    advice = RUN_FIRST if stage is None else f"run the stage `{stage}` first"
    return MissingInputError(f"no video here {what}; {advice}")


def default_stages(settings: Settings) -> tuple[str, ...]:
    """Names the stages that run where none is named: all, but for those that the settings have to ask for."""
    return tuple(name for name, stage in STAGES.items() if stage.is_on(settings))


def needs_every_frame(stages: Iterable[str], settings: Settings) -> bool:
    """True where these stages must see every decoded frame of the file."""
    runs = [STAGES[stage].run for stage in stages]
    return any(isinstance(run, FromFile) for run in runs) or any(
        run.needs_every_frame(settings) for run in runs if isinstance(run, FromFrames)
    )


def stage_settings_sha256(stage: str, settings: Settings) -> str:
    """Hash of the settings that the stage's values depend on."""
    return settings_sha256(*STAGES[stage].settings_of(settings))


def stage_key(
    stage: str,
    settings: Settings,
    *,
    source: tuple[str, str],
    inputs: Mapping[str, str | Mapping[str, str] | None],
    beside: Mapping[str, str | None] | None = None,
    has_company: bool = True,
    guides: Mapping[str, str | None] | None = None,
) -> str:
    """Hex SHA-256 of all that a stage's tables depend on: while it stays, making them again would change nothing.

    Args:
        source: SHA-256 of the video's file, and its path, which stands in the tables too.
        inputs: content hash of each table the stage reads, or of each column of it that matters; None for one that is
            not there.
        beside: content of each file beside the video that the stage reads, by name.
        has_company: whether the stages run with it that change its tables (see `Stage.with_stages`).
        guides: hashes of what guides the choice beside the video's tables; None for what has no say.
    """
    facts: dict[str, Any] = {
        **common_footer(stage, settings, source[0]),
        "source_path": source[1] if STAGES[stage].has_paths else None,
        "inputs": dict(inputs),
        "has_shots": has_company if STAGES[stage].with_stages(settings) else None,
        "files": [_file_identity(path) for path in STAGES[stage].model_files(settings) if path],
        "guides": dict(guides or {}),
    }
    if optional := STAGES[stage].optional_models(settings):
        facts["models_here"] = [model.name for model in optional if find_local(model) is not None]
    if beside:  # not where there is none: the keys of tables that were made before stay
        facts["beside"] = dict(beside)
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode("utf-8", "backslashreplace")).hexdigest()


def table_inputs(stage: str, settings: Settings) -> tuple[str, ...]:
    """The tables whose content changes what a stage writes; those of the decode stages only say an order."""
    if isinstance(STAGES[stage].run, FromFile):
        return ()
    columns = STAGES[stage].columns_of(settings)
    return tuple(name for name in STAGES[stage].inputs if columns.get(name, ("all",)))


@cache
def columns_noted(table_name: str) -> tuple[str, ...]:
    """The columns of a table of which some stage says that they alone change what it writes."""
    settings = load_settings()
    found = [stage.columns_of(settings).get(table_name, ()) for stage in STAGES.values()]
    return tuple(sorted({name for columns in found for name in columns}))


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
        "code_version": f"{__version__}+{stage}.{STAGES[stage].version}",
        "settings_sha256": stage_settings_sha256(stage, settings),
        "tool_versions": json.dumps({tool: _tool_version(tool) for tool in STAGES[stage].tools_of(settings)}),
    }


_found_versions: dict[str, str] = {}


def _tool_version(name: str) -> str | None:
    """Remembered once found: a package may come while a daemon runs."""
    if name not in _found_versions:
        found = installed_version(name)
        if not found:
            return None
        _found_versions[name] = found
    return _found_versions[name]
