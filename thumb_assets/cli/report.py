"""`thumb-assets report`: an HTML page over the library."""

import time
from pathlib import Path

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import data_dir_option, settings_of, table_store
from thumb_assets.cli.output import one_line_errors, out
from thumb_assets.store.library import Library


@in_section("Look")
@click.command("report")
@data_dir_option
@click.pass_obj
def report_command(verbose: bool, *, data_dir: Path | None) -> None:
    """Write an HTML page over the library. It shows the latest stills, failures by reason, totals and scores.

    Each picture leads to the page of its video in gallery/ of the data folder, which is brought up to date.
    """
    from thumb_assets.report.facts import gather
    from thumb_assets.report.page import write_report

    with one_line_errors(verbose=verbose):
        store, now = table_store(data_dir), time.time()
        ignore = settings_of(store, None, ()).library.ignore
        facts = gather(store, set_aside=Library(store.data_dir, ignore=ignore).set_aside())
        out.print(str(write_report(facts, store, now=now)), markup=False)
