"""`thumb-assets presets`: the named sets of settings."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.output import one_line_errors, out, print_table
from thumb_assets.settings.config import flat
from thumb_assets.settings.load import Settings
from thumb_assets.settings.presets import load_presets


@in_section("Decide")
@click.command("presets")
@click.pass_obj
def presets_command(verbose: bool) -> None:
    """Print the presets, and what each sets."""
    with one_line_errors(verbose=verbose):
        presets = load_presets(Settings)
        rows = [[name, preset.about, ", ".join(_told(preset.values))] for name, preset in presets.items()]
        print_table("presets", ["name", "for", "sets"], rows)
        out.print("use one: thumb-assets run --set selection.preset=NAME; a file of your own: NAME.yaml", markup=False)


def _told(values: Mapping[str, Any]) -> Iterator[str]:
    """Each setting with its value; most are of `selection`, which is left out."""
    for name, value in flat(values):
        text = value if isinstance(value, str) else json.dumps(value)
        yield f"{name.removeprefix('selection.')}={text}"
