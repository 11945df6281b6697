"""Exports in any format that there is, and what a person may ask of one; the command, the desk and mcp read this."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from thumb_assets.dataset.formats import FORMATS
from thumb_assets.dataset.tokens import ASSUMED
from thumb_assets.errors import BadInputError, SettingsError
from thumb_assets.events import UNWATCHED, Events
from thumb_assets.library import dataset_digest
from thumb_assets.library.dataset import Exported, export_dataset
from thumb_assets.library.dataset_digest import DIGEST_FILE, Digest, export_digest
from thumb_assets.library.dataset_folder import OWN_FOLDER
from thumb_assets.settings.dataset import DatasetSettings
from thumb_assets.settings.load import Settings
from thumb_assets.store.parquet import TableStore
from thumb_assets.wording import count, one_line

# The format that spends a budget of tokens, and a budget to begin with.
BY_TOKENS, USUAL_TOKENS = dataset_digest.NAME, 20_000
ABOUTS = {**{each.name: each.about for each in FORMATS.values()}, BY_TOKENS: dataset_digest.ABOUT}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
Kind = Literal["choice", "number", "flag", "shares", "text"]
_KINDS: Mapping[type, Kind] = {bool: "flag", int: "number", float: "number", str: "text"}


@dataclass(frozen=True)
class Option:
    """A setting of datasets that a person may set for one export.

    Attributes:
        name: within the section `dataset`.
        title: for a form.
        about: its description.
        kind: how it is asked for.
        type: of a number: int or float.
        choices: of a choice.
        is_of_digest: whether it counts for `BY_TOKENS` as well.
    """

    name: str
    title: str
    about: str
    kind: Kind
    type: type
    choices: tuple[str, ...]
    is_of_digest: bool


def _option(name: str) -> Option:
    field = DatasetSettings.model_fields[name]
    is_choice, is_shares = (get_origin(field.annotation) is each for each in (Literal, dict))
    type_ = field.annotation if isinstance(field.annotation, type) else str
    kind: Kind = "choice" if is_choice else "shares" if is_shares else _KINDS[type_]
    choices = get_args(field.annotation) if is_choice else ()
    is_of_digest = name not in dataset_digest.NO_SAY
    return Option(name, str(field.title), str(field.description), kind, type_, choices, is_of_digest)


# Those that have a title; see `settings/dataset.py`.
OPTIONS = {name: _option(name) for name, field in DatasetSettings.model_fields.items() if field.title}


def overrides_of(values: Mapping[str, Any]) -> list[str]:
    """Values of options as `--set` has them.

    Raises:
        SettingsError: a name is no option of an export.
    """
    if unknown := sorted(set(values) - set(OPTIONS)):
        raise SettingsError(f"{one_line(unknown[0])[:50]!r} is no option of an export; they are {', '.join(OPTIONS)}")
    return [f"dataset.{name}={json.dumps(value)}" for name, value in values.items()]


def require_format(format_name: str, num_tokens: int | None) -> None:
    """Rejects a format that does not exist, and a budget where none is spent or none is given.

    Raises:
        SettingsError: it is otherwise.
    """
    if format_name not in ABOUTS:
        raise SettingsError(f"{one_line(format_name)[:50]!r} is no format; they are {', '.join(ABOUTS)}")
    if (num_tokens is None) == (format_name == BY_TOKENS):
        example = f"export {BY_TOKENS} OUT --tokens {USUAL_TOKENS}"
        raise SettingsError(f"--tokens goes with {BY_TOKENS}, and {BY_TOKENS} needs it; such as: {example}")


def export_any(
    store: TableStore,
    settings: Settings,
    *,
    format_name: str,
    folder: Path,
    num_tokens: int | None = None,
    is_any_replaced: bool = True,
    events: Events = UNWATCHED,
) -> Exported | Digest:
    """Writes a dataset or a digest of the library in place of a former one.

    Args:
        num_tokens: the budget of `BY_TOKENS`; None for any other format.
        is_any_replaced: also replaces a dataset of another format that lies there.

    Raises:
        SettingsError: as `require_format`. ThumbAssetsError: as `export_dataset` and `export_digest`.
    """
    require_format(format_name, num_tokens)
    if num_tokens is not None:
        return export_digest(
            store, settings, num_tokens=num_tokens, folder=folder, is_any_replaced=is_any_replaced, events=events
        )
    return export_dataset(
        store, settings, format_name=format_name, folder=folder, is_any_replaced=is_any_replaced, events=events
    )


def own_folder(store: TableStore, name: str) -> Path:
    """The folder of that name among the datasets of the data folder.

    Raises:
        BadInputError: the name is none.
    """
    if not _NAME.fullmatch(name):
        raise BadInputError("a dataset's name has at most 60 letters, digits, - and _; choose another")
    return store.data_dir / OWN_FOLDER / name


@dataclass(frozen=True)
class Summary:
    """The result of an export, for people.

    Attributes:
        text: how much it is.
        notes: one line each, for a person to know.
        loads: how it is loaded, or which files it is.
    """

    text: str
    notes: tuple[str, ...]
    loads: str


def summary_of(result: Exported | Digest) -> Summary:
    """Describes for people what was written."""
    if isinstance(result, Digest):
        stills = f"{result.num_stills} of {count(result.num_all_stills, 'still')}"
        videos = f"of {result.num_videos} of {count(result.num_all_videos, 'video')}"
        tokens = f"{result.num_tokens:,} tokens, at {ASSUMED}"
        text = f"{stills}, {videos}, on {count(result.num_sheets, 'sheet')}, {tokens}"
        return Summary(text, result.notes, f"{result.folder}: sheet-*.jpg, {DIGEST_FILE}")
    stills, videos = count(sum(result.num_stills.values()), "still"), count(sum(result.num_videos.values()), "video")
    return Summary(
        f"{stills} of {videos}, {result.num_bytes / 1e6:.1f} MB",
        result.plan.all_notes,
        result.plan.format.loads.replace("{folder}", str(result.folder)),
    )
