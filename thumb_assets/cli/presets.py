"""`thumb-assets presets`: the named sets of selection settings."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.output import one_line_errors, out, print_table
from thumb_assets.settings.presets import load_presets


@in_section("Decide")
@click.command("presets")
@click.pass_obj
def presets_command(verbose: bool) -> None:
    """Print the presets for selection, and what each sets."""
    with one_line_errors(verbose=verbose):
        rows = [[name, preset.about, ", ".join(_flat(preset.selection))] for name, preset in load_presets().items()]
        print_table("presets", ["name", "for", "sets"], rows)
        out.print("use one: thumb-assets run --set selection.preset=NAME; a file of your own: NAME.yaml", markup=False)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}={value if isinstance(value, str) else json.dumps(value)}"
