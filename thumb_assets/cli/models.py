"""`thumb-assets models`: the models that the project knows, and getting their files."""

from typing import Any

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import settings_of, table_store
from thumb_assets.cli.output import download_progress, one_line_errors, out, print_table
from thumb_assets.settings.load import PROFILES
from thumb_assets.stages import models_of_profiles, models_to_fetch
from thumb_assets.weights.status import fetch, list_models


@in_section("Models")
@click.group("models")
def models_group() -> None:
    """List and fetch models."""


@models_group.command("list")
def list_command() -> None:
    """Print every known model: its licence, its profiles, and its file if it is here, else where it comes from."""
    rows = []
    for model in list_models(models_of_profiles()):
        profiles = ", ".join(model.profiles) or "-"
        file = str(model.path or f"{model.state}: {model.origin}")
        rows.append([model.name, model.kind, model.licence, model.use, profiles, model.size, file])
    print_table("models", ["name", "kind", "licence", "use", "profiles", "size", "file"], rows)


@models_group.command("fetch")
@click.argument("name", metavar="NAME|PROFILE")
@click.option("--set", "overrides", multiple=True, metavar="NAME=VALUE", help="Such as models.licence=commercial.")
@click.pass_obj
def fetch_command(verbose: bool, *, name: str, overrides: Any) -> None:
    """Fetch a model, or all models of a profile, and check the files."""
    with one_line_errors(verbose=verbose):
        settings = settings_of(table_store(None), name if name in PROFILES else None, overrides)
        with download_progress() as events:
            paths = fetch(models_to_fetch(name, settings), settings=settings.models, events=events)
        for model, path in paths.items():
            out.print(f"{model}: {path or 'no file needed'}", markup=False)
