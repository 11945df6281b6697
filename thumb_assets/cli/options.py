"""Options and arguments that several commands have."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from thumb_assets.cli.output import err
from thumb_assets.errors import BadInputError
from thumb_assets.pipeline.remembered import Keep
from thumb_assets.pipeline.stages import default_stages, ordered_stages
from thumb_assets.settings.config import Configuration, read_configuration
from thumb_assets.settings.environment import DATA_DIR_VARIABLE, data_dir
from thumb_assets.settings.load import PROFILES, Settings
from thumb_assets.store.identity import ids_beginning_with
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore

if TYPE_CHECKING:
    from thumb_assets.defs.resources import ThumbAssetsResource


def data_dir_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help=f"The data folder; default: ${DATA_DIR_VARIABLE}, else ./data.",
    )(command)


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--set", "overrides", multiple=True, metavar="NAME=VALUE", help="Such as selection.top_k=5."),
        click.option("--profile", type=click.Choice(list(PROFILES)), help="Default: the library's, else `default`."),
        data_dir_option,
    ):
        command = option(command)
    return command


def table_store(explicit: Path | None) -> TableStore:
    return TableStore(data_dir(explicit))


def configuration_of(store: TableStore, profile: str | None, overrides: Sequence[str]) -> Configuration:
    """Configuration that holds for the library, with the options of a command on top."""
    return read_configuration(store.data_dir, profile=profile, overrides=overrides)


def settings_of(store: TableStore, profile: str | None, overrides: Sequence[str]) -> Settings:
    """As `configuration_of`, the settings alone."""
    return configuration_of(store, profile, overrides).settings


def complete_video_id(store: TableStore, prefix: str) -> str:
    """The id of a video that was run here, by its file's path or name, or the beginning of its id.

    Raises:
        BadInputError: there is none, or there are several.
    """
    known = store.video_ids("outcomes")
    matches = [prefix] if prefix in known else []
    if not matches:
        of_files = Library(store.data_dir).ids_of_file(prefix)
        matches = [video_id for video_id in of_files if video_id in known] or ids_beginning_with(prefix, known)
        if not matches and of_files:
            raise BadInputError(
                f"{prefix!r} was not run here yet; run it first: thumb-assets run {shlex.quote(prefix)}"
            )
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise BadInputError(
            f"{prefix!r} may be {len(matches)} videos: {', '.join(matches[:5])}; give more of the id, or the path"
        )
    raise BadInputError(f"{prefix!r} is no video that was run here; known: {', '.join(known[:5]) or 'none'}")


recompute_option = click.option(
    "--recompute", is_flag=True, help="Also run stages whose inputs, settings and code are unchanged."
)


def stages_named(names: str | None, settings: Settings) -> tuple[str, ...]:
    """The stages of a comma-separated list, all by default; the catalog follows whatever changes."""
    if not names:
        return default_stages(settings)
    return ordered_stages([*ordered_stages(name.strip() for name in names.split(",") if name.strip()), "catalog"])


def dagster_resource(
    store: TableStore,
    *,
    profile: str | None = None,
    overrides: Sequence[str] = (),
    recompute: bool = False,
    keep: Keep = "asked",
) -> "ThumbAssetsResource":
    """The resource of runs through Dagster, with the command's options."""
    with err.status("starting Dagster"):  # seconds, in which a terminal would show nothing
        from thumb_assets.defs.resources import ThumbAssetsResource

    return ThumbAssetsResource(
        data_dir=str(store.data_dir), profile=profile, overrides=list(overrides), recompute=recompute, keep=keep
    )
