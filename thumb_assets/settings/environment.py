"""Reads the environment, alone in the package: folders, addresses and secrets."""

import os
import string
from collections.abc import Mapping
from pathlib import Path

from thumb_assets.errors import SettingsError

DATA_DIR_VARIABLE = "THUMB_ASSETS_DATA_DIR"
MODELS_DIR_VARIABLE = "THUMB_ASSETS_MODELS_DIR"
# Secrets come from the environment alone: settings stand in Dagster's records and in the footers of tables.
WEBHOOK_SECRET_VARIABLE = "THUMB_ASSETS_WEBHOOK_SECRET"  # noqa: S105 - its name
NOTIFY_SECRET_VARIABLE = "THUMB_ASSETS_NOTIFY_SECRET"  # noqa: S105
PUBLISH_SQL_URL_VARIABLE = "THUMB_ASSETS_PUBLISH_SQL_URL"
BROKER_URL_VARIABLE = "THUMB_ASSETS_BROKER_URL"
PUBLISH_TOKEN_VARIABLE = "THUMB_ASSETS_PUBLISH_TOKEN"  # noqa: S105
DESK_TOKEN_VARIABLE = "THUMB_ASSETS_DESK_TOKEN"  # noqa: S105
LIVE_TOKEN_VARIABLE = "THUMB_ASSETS_LIVE_TOKEN"  # noqa: S105
JUDGE_KEY_VARIABLE = "THUMB_ASSETS_JUDGE_KEY"
_MIN_SECRET_LENGTH = 16
_SAFE_IN_ADDRESS = frozenset(f"{string.ascii_letters}{string.digits}-_.~")


def data_dir(explicit: Path | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """The data folder: `explicit`, else THUMB_ASSETS_DATA_DIR, else `data` in the working directory; absolute."""
    return Path(explicit or environ.get(DATA_DIR_VARIABLE) or "data").expanduser().absolute()


def models_dir(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The user's own folder of model files (THUMB_ASSETS_MODELS_DIR), if one is named; absolute."""
    value = environ.get(MODELS_DIR_VARIABLE)
    return Path(value).expanduser().absolute() if value else None


def models_cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Folder of model files from plain addresses (`thumb_assets/models` in the user's cache folder); absolute."""
    cache = environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(f"{cache}/thumb_assets/models").expanduser().absolute()


def torch_home(environ: Mapping[str, str] = os.environ) -> Path:
    """Folder in which torch and its libraries keep downloaded weights (TORCH_HOME, by torch's own rule); absolute."""
    cache = environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(environ.get("TORCH_HOME") or f"{cache}/torch").expanduser().absolute()


def publish_sql_url(environ: Mapping[str, str] = os.environ) -> str:
    """The address of the database that `published` writes to (THUMB_ASSETS_PUBLISH_SQL_URL).

    Raises:
        SettingsError: it is not set.
    """
    url = environ.get(PUBLISH_SQL_URL_VARIABLE, "")
    if not url:
        raise SettingsError(f"publish.target is sql: put the database's address into {PUBLISH_SQL_URL_VARIABLE}")
    return url


def publish_token(environ: Mapping[str, str] = os.environ) -> str | None:
    """Token for the HTTP target (THUMB_ASSETS_PUBLISH_TOKEN), if any.

    Raises:
        SettingsError: it cannot stand in a header.
    """
    return _header_secret(PUBLISH_TOKEN_VARIABLE, environ)


def judge_key(environ: Mapping[str, str] = os.environ) -> str | None:
    """The API key of the judge's server (THUMB_ASSETS_JUDGE_KEY), if it wants one.

    Raises:
        SettingsError: it cannot stand in a header.
    """
    return _header_secret(JUDGE_KEY_VARIABLE, environ)


def _header_secret(variable: str, environ: Mapping[str, str]) -> str | None:
    secret = environ.get(variable, "").strip()  # a secret from a file often ends with a line break
    if not all(" " <= character <= "~" for character in secret):
        raise SettingsError(f"{variable}: holds a character that no header may; put plain ASCII into it")
    return secret or None


def broker_url(environ: Mapping[str, str] = os.environ) -> str:
    """Address at which Celery's workers find their work and leave its state (THUMB_ASSETS_BROKER_URL).

    Raises:
        SettingsError: it is not set.
    """
    url = environ.get(BROKER_URL_VARIABLE, "")
    if not url:
        raise SettingsError(f"put the address of Redis, such as redis://host:6379/0, into {BROKER_URL_VARIABLE}")
    return url


def signing_secret(variable: str, environ: Mapping[str, str] = os.environ) -> str:
    """The secret of a signature, WEBHOOK_SECRET_VARIABLE or NOTIFY_SECRET_VARIABLE.

    Raises:
        SettingsError: it is missing, or too short to be hard to guess.
    """
    secret = environ.get(variable, "")
    if len(secret) < _MIN_SECRET_LENGTH:
        raise SettingsError(
            f"{variable} is {'too short' if secret else 'not set'}: put a secret of at least {_MIN_SECRET_LENGTH} "
            "characters into it, such as `openssl rand -hex 32` prints"
        )
    return secret


def desk_token(explicit: str | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """The word that the desk asks of every request: `explicit`, else THUMB_ASSETS_DESK_TOKEN, if any.

    Raises:
        SettingsError: it is too short to be hard to guess, or cannot stand in an address.
    """
    token = (explicit if explicit is not None else environ.get(DESK_TOKEN_VARIABLE, "")).strip()
    return None if not token and explicit is None else _word(token, "the desk's token")


def live_token(environ: Mapping[str, str] = os.environ) -> str | None:
    """The word that the pages of live sources ask of every request (THUMB_ASSETS_LIVE_TOKEN), if any.

    Raises:
        SettingsError: as `desk_token`.
    """
    token = environ.get(LIVE_TOKEN_VARIABLE, "").strip()
    return _word(token, LIVE_TOKEN_VARIABLE) if token else None


def _word(token: str, name: str) -> str:
    if len(token) < _MIN_SECRET_LENGTH or set(token) - _SAFE_IN_ADDRESS:
        raise SettingsError(
            f"{name} must be at least {_MIN_SECRET_LENGTH} letters, digits or -_.~, such as "
            "`openssl rand -hex 32` prints"
        )
    return token


def dagster_home(environ: Mapping[str, str] = os.environ) -> Path | None:
    """DAGSTER_HOME where the user set one; absolute."""
    value = environ.get("DAGSTER_HOME")
    return Path(value).expanduser().absolute() if value else None


def program_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of FFmpeg the program: ours, less what changes its log or where it writes files."""
    kept = {name: value for name, value in environ.items() if name not in {"FFREPORT", "AV_LOG_FORCE_COLOR"}}
    return kept | {"AV_LOG_FORCE_NOCOLOR": "1"}


def uv_of_this_run(environ: Mapping[str, str] = os.environ) -> str | None:
    """The program uv where `uv run` started this process, by the variable it sets (UV)."""
    return environ.get("UV") or None


def installer_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of uv or pip: ours, with one new try where the user names no other number of them."""
    return {"UV_HTTP_RETRIES": "1", "PIP_RETRIES": "1", **environ}


def is_hub_offline(environ: Mapping[str, str] = os.environ) -> bool:
    """True if HF_HUB_OFFLINE forbids asking the model hub."""
    return environ.get("HF_HUB_OFFLINE", "").strip().upper() in {"1", "ON", "YES", "TRUE"}
