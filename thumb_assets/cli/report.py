"""`thumb-assets report`: one HTML page over the library."""

import time
from pathlib import Path

import click

from thumb_assets.cli.options import data_dir_option, table_store
from thumb_assets.cli.output import one_line_errors, out


@click.command("report")
@data_dir_option
@click.pass_obj
def report_command(verbose: bool, *, data_dir: Path | None) -> None:
    """Write one HTML page over the library: totals, failures by reason, scores, the latest stills."""
    from thumb_assets.report import gather, write_report

    with one_line_errors(verbose=verbose):
        store, now = table_store(data_dir), time.time()
        out.print(str(write_report(gather(store), store, now=now)), markup=False)
