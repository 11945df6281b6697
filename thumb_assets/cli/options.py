"""Options and arguments that several commands have."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from thumb_assets.cli.output import waiting
from thumb_assets.settings.environment import DATA_DIR_VARIABLE, data_dir

# Commands that only look need neither settings nor stages, which take longest to import; a wrong option no tables.
if TYPE_CHECKING:
    from thumb_assets.defs.resources import ThumbAssetsResource
    from thumb_assets.pipeline.remembered import Keep
    from thumb_assets.settings.config import Configuration
    from thumb_assets.settings.load import Settings
    from thumb_assets.store.parquet import TableStore


def data_dir_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help=f"The data folder; default: ${DATA_DIR_VARIABLE}, else ./data.",
    )(command)


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    from thumb_assets.settings.load import PROFILES

    for option in (
        click.option("--set", "overrides", multiple=True, metavar="NAME=VALUE", help="Such as selection.top_k=5."),
        click.option("--profile", type=click.Choice(list(PROFILES)), help="Default: the library's, else `default`."),
        data_dir_option,
    ):
        command = option(command)
    return command


def table_store(explicit: Path | None) -> "TableStore":
    from thumb_assets.store.parquet import TableStore

    return TableStore(data_dir(explicit))


def configuration_of(store: "TableStore", profile: str | None, overrides: Sequence[str]) -> "Configuration":
    """Configuration that holds for the library, with the options of a command on top."""
    from thumb_assets.settings.config import read_configuration

    return read_configuration(store.data_dir, profile=profile, overrides=overrides)


def settings_of(store: "TableStore", profile: str | None, overrides: Sequence[str]) -> "Settings":
    """As `configuration_of`, the settings alone."""
    return configuration_of(store, profile, overrides).settings


recompute_option = click.option(
    "--recompute", is_flag=True, help="Also run stages whose inputs, settings and code are unchanged."
)


def stages_named(names: str | None, settings: "Settings") -> tuple[str, ...]:
    """The stages of a comma-separated list, all by default; the catalog follows whatever changes."""
    from thumb_assets.pipeline.stages import default_stages, ordered_stages

    if not names:
        return default_stages(settings)
    return ordered_stages([*ordered_stages(name.strip() for name in names.split(",") if name.strip()), "catalog"])


def dagster_resource(
    store: "TableStore",
    *,
    profile: str | None = None,
    overrides: Sequence[str] = (),
    recompute: bool = False,
    keep: "Keep" = "asked",
) -> "ThumbAssetsResource":
    """The resource of runs through Dagster, with the command's options."""
    with waiting("starting Dagster"):  # seconds, in which nothing would be shown
        from thumb_assets.defs.resources import ThumbAssetsResource

    return ThumbAssetsResource(
        data_dir=str(store.data_dir), profile=profile, overrides=list(overrides), recompute=recompute, keep=keep
    )
