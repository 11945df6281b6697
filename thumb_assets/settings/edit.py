"""Changes the settings file of a library: comments and order of a person's own lines stay as they are."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Table

from thumb_assets.errors import SettingsError, StorageError
from thumb_assets.files import locked, replaced_file
from thumb_assets.settings.base import section_of
from thumb_assets.settings.config import (
    NONE_TEXT,
    PROFILE,
    flat,
    is_path,
    nested,
    parse_file,
    resolve_values,
    settings_of,
    settings_path,
)
from thumb_assets.settings.load import Settings, load_settings, parse_override

_LOCK_SECONDS = 10.0


def set_in_file(data_dir: Path, overrides: Iterable[str]) -> Path:
    """Writes `section.name=value`, or `profile=NAME`, into the settings file, validated as a whole before.

    Returns:
        The file.

    Raises:
        SettingsError: a name or value is wrong, or the file as it stands is; it stays as it was.
        StorageError: it cannot be written; it stays as it was.
    """
    overrides = list(overrides)
    load_settings(overrides=[override for override in overrides if not _is_profile(override)])
    with _edited(data_dir) as document:
        for override in overrides:
            if _is_profile(override):
                document[PROFILE] = override.partition("=")[2].strip()
                continue
            keys, value = parse_override(override)
            for name, each in flat(nested({".".join(keys): value})):
                _put(document, name.split("."), each)
    return settings_path(data_dir)


def unset_in_file(data_dir: Path, names: Iterable[str]) -> list[str]:
    """Removes settings, or whole sections, from the settings file; the names that stood there.

    Raises:
        SettingsError: what remains is wrong; the file stays as it was.
        StorageError: it cannot be written; it stays as it was.
    """
    with _edited(data_dir) as document:
        return [name for name in map(str.strip, names) if _take(document, name.split("."))]


def _is_profile(override: str) -> bool:
    name, separator, _ = override.partition("=")
    return bool(separator) and name.strip() == PROFILE


@contextmanager
def _edited(data_dir: Path) -> Iterator[tomlkit.TOMLDocument]:
    """The document to change; it is validated and put in the file's place at the end."""
    path = settings_path(data_dir)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path = path.resolve()  # a link to a file elsewhere stays one
        with locked(path.with_name(f".{path.name}.lock"), max_wait_seconds=_LOCK_SECONDS):
            text = path.read_text(encoding="utf-8") if path.exists() else ""
            document = parse_file(text, path)
            yield document
            new = tomlkit.dumps(document)
            if new == text:
                return
            settings_of(path, resolve_values(parse_file(new, path).unwrap(), path.parent))
            with replaced_file(path) as file:
                file.write(new.encode())
                Path(file.name).chmod(path.stat().st_mode & 0o7777 if path.exists() else 0o644)
    except BlockingIOError:
        raise StorageError(f"{path}: another command is changing it; try again") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{path}: cannot be changed: {getattr(error, 'strerror', None) or error}") from None


def _put(document: tomlkit.TOMLDocument, names: Sequence[str], value: Any) -> None:
    target: Any = document
    model: Any = Settings
    for name in names[:-1]:
        if name not in target:
            target[name] = tomlkit.table()
        target, model = target[name], section_of(model, name)
        if not hasattr(target, "unwrap") or not isinstance(target.unwrap(), dict):
            raise SettingsError(f"{name!r} is a value in the settings file, not a section; remove it there first")
    target[names[-1]] = _storable(value, names[-1], model)


def _storable(value: Any, name: str, model: Any) -> Any:
    if value is None:
        return NONE_TEXT
    if model is not None and isinstance(value, str) and is_path(model, name, value):
        return str(Path(value).expanduser().absolute())  # the file lies elsewhere than who names it
    return value


def _take(document: tomlkit.TOMLDocument, names: Sequence[str]) -> bool:
    parents: list[Any] = [document]
    for name in names[:-1]:
        below = parents[-1].get(name)
        if not isinstance(below, (Table, dict)):
            return False
        parents.append(below)
    if names[-1] not in parents[-1]:
        return False
    del parents[-1][names[-1]]
    for parent, below, name in zip(reversed(parents[:-1]), reversed(parents[1:]), reversed(names[:-1]), strict=True):
        if not below:
            del parent[name]
    return True
