"""`thumb-assets settings`: the settings that a library keeps, and where each comes from."""

import json
import re
from pathlib import Path
from typing import Any

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import data_dir_option, table_store
from thumb_assets.cli.output import err, one_line_errors, out, print_table
from thumb_assets.settings.config import FIXED_AT_LOAD, flat, read_configuration, settings_path, variable_of
from thumb_assets.settings.edit import set_in_file, unset_in_file

_BUILT_IN = "built-in"
_PASSWORD = re.compile(r"(?<=://)[^/@\s]*@")


@in_section("Operate")
@click.group("settings")
def settings_group() -> None:
    """Show and change the library's settings. The file is thumb_assets.toml in the data folder.

    All commands, the UI, its sensor and schedules, workers and `serve` read them: built-in < profile < file <
    environment < --set.
    """


@settings_group.command("show")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "is_all", is_flag=True, help="Also values that are built in.")
@data_dir_option
@click.pass_obj
def show_command(verbose: bool, *, names: tuple[str, ...], is_all: bool, data_dir: Path | None) -> None:
    """Print values and where they come from; NAME is a setting or a section."""
    with one_line_errors(verbose=verbose):
        configuration = read_configuration(table_store(data_dir).data_dir)
        origins = configuration.origins
        rows = [
            [name, _shown(value), origins.get(name, _BUILT_IN)]
            for name, value in flat(configuration.settings.model_dump(mode="json"))
            if (is_all or names or name in origins) and _is_meant(name, names)
        ]
        if rows:
            print_table("settings", ["name", "value", "from"], rows)
        else:
            out.print("all settings have their built-in values (--all prints them)")
        is_there = "" if configuration.path.is_file() else " (not there yet: `thumb-assets settings set NAME=VALUE`)"
        out.print(f"file: {configuration.path}{is_there}", markup=False)


@settings_group.command("set")
@click.argument("assignments", nargs=-1, required=True, metavar="NAME=VALUE...")
@data_dir_option
@click.pass_obj
def set_command(verbose: bool, *, assignments: tuple[str, ...], data_dir: Path | None) -> None:
    """Store settings, such as selection.top_k=5 or profile=dataset. Comments in the file stay."""
    with one_line_errors(verbose=verbose):
        store = table_store(data_dir)
        path = set_in_file(store.data_dir, assignments)
        names = [assignment.partition("=")[0].strip() for assignment in assignments]
        out.print(f"{path}: set {', '.join(names)}", markup=False)
        _say_when(store.data_dir, names)


@settings_group.command("unset")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@data_dir_option
@click.pass_obj
def unset_command(verbose: bool, *, names: tuple[str, ...], data_dir: Path | None) -> None:
    """Remove settings, or whole sections, from the file."""
    with one_line_errors(verbose=verbose):
        store = table_store(data_dir)
        removed = unset_in_file(store.data_dir, names)
        for name in sorted(set(names) - set(removed)):
            err.print(f"{name} is not set in {settings_path(store.data_dir)}", markup=False)
        if removed:
            out.print(f"{settings_path(store.data_dir)}: removed {', '.join(removed)}", markup=False)
            _say_when(store.data_dir, removed)


def _say_when(data_dir: Path, names: list[str]) -> None:
    """Prints when a change takes effect, and what overrides it."""
    origins = read_configuration(data_dir).origins
    for name in names:
        if origins.get(name) == "environment":
            err.print(f"note: {variable_of(name)} in the environment overrides the file", markup=False)
    fixed = [name for name in names if name in FIXED_AT_LOAD or name.startswith("serve.")]
    if fixed:
        out.print(
            f"{', '.join(fixed)}: a running `thumb-assets ui` or `serve` reads it when restarted (the UI "
            "also by Deployment > Code locations > Reload)",
            markup=False,
        )
    if len(fixed) < len(names):
        out.print(
            "applies from the next run on; `thumb-assets backfill --stale --dry-run` lists results made with "
            "other settings",
            markup=False,
        )


def _is_meant(name: str, names: tuple[str, ...]) -> bool:
    return not names or any(name == each or name.startswith(f"{each}.") for each in names)


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _PASSWORD.sub("***@", text)
