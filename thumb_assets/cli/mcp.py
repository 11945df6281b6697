"""`thumb-assets mcp`: the library as tools for programs that speak the Model Context Protocol."""

from pathlib import Path
from typing import Any

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import settings_of, settings_options, table_store
from thumb_assets.cli.output import one_line_errors
from thumb_assets.cli.stopping import stop_at_once


@in_section("Operate")
@click.command("mcp")
@click.option(
    "--write",
    "may_write",
    is_flag=True,
    help="Also offer the tools that decide of frames, collect them, select anew and export.",
)
@settings_options
@click.pass_obj
def mcp_command(verbose: bool, *, may_write: bool, data_dir: Path | None, profile: str | None, overrides: Any) -> None:
    """Serve the library over standard input and output: search, show, why, what_if and more as tools.

    A program that speaks the Model Context Protocol starts this command itself; extra `mcp`. Nothing can be changed
    without --write.
    """
    from thumb_assets.mcp_server import LibraryTools, build_server

    with one_line_errors(verbose=verbose):
        store = table_store(data_dir)
        settings_of(store, profile, overrides)  # says at once what is wrong with them
        server = build_server(LibraryTools(store, profile=profile, overrides=overrides), may_write=may_write)
        stop_at_once()
        server.run()
