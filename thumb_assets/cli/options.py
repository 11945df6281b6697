"""Options and arguments that several commands have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from thumb_assets.errors import BadInputError
from thumb_assets.settings import DATA_DIR_VARIABLE, PROFILES, data_dir
from thumb_assets.store import TableStore


def data_dir_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help=f"The data folder; default: ${DATA_DIR_VARIABLE}, else ./data.",
    )(command)


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--set", "overrides", multiple=True, metavar="NAME=VALUE", help="Such as selection.top_k=5."),
        click.option("--profile", type=click.Choice(list(PROFILES)), default="default", show_default=True),
        data_dir_option,
    ):
        command = option(command)
    return command


def table_store(explicit: Path | None) -> TableStore:
    return TableStore(data_dir(explicit))


def complete_video_id(store: TableStore, prefix: str) -> str:
    known = store.video_ids("outcomes")
    matches = [video_id for video_id in known if video_id == prefix] or [v for v in known if v.startswith(prefix)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise BadInputError(f"{prefix!r} begins {len(matches)} video ids: {', '.join(matches[:5])}; give more of it")
    raise BadInputError(f"{prefix!r} is no video that was run here; known: {', '.join(known[:5]) or 'none'}")
