"""`thumb-assets desk`: the curator's page over the library."""

import socket
from pathlib import Path
from typing import Any

import click

from thumb_assets.cli.gallery import write_gallery_files
from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import settings_options, table_store
from thumb_assets.cli.output import err, one_line_errors, print_errors, program_as_typed, waiting
from thumb_assets.cli.stopping import until_stopped
from thumb_assets.errors import SettingsError
from thumb_assets.settings.environment import DESK_TOKEN_VARIABLE, desk_token


@in_section("Look")
@click.command("desk")
@click.option("--port", default=8330, show_default=True, type=click.IntRange(0, 65535), help="0: any that is free.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; another one needs a token.")
@click.option(
    "--token", help=f"Word that every request must know; ${DESK_TOKEN_VARIABLE} keeps it out of the list of processes."
)
@click.option(
    "--max-upload-mb",
    default=10_000,
    show_default=True,
    type=click.IntRange(min=1),
    help="A larger upload is refused, as is one above video.max_file_bytes.",
)
@click.option("--open", "is_opened", is_flag=True, help="Open it in the browser.")
@click.option(
    "--static",
    "folder",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Serve nothing; write the library as HTML files that need no server, as `gallery` does.",
)
@settings_options
@click.pass_obj
def desk_command(
    verbose: bool,
    *,
    port: int,
    host: str,
    token: str | None,
    max_upload_mb: int,
    is_opened: bool,
    folder: Path | None,
    data_dir: Path | None,
    profile: str | None,
    overrides: Any,
) -> None:
    """Open the curator's desk: look at the library, decide of frames, review videos by keyboard, try a video.

    A web page of this machine. Runs until interrupted.
    """
    with one_line_errors(verbose=verbose):
        store = table_store(data_dir)
        if folder is not None:
            write_gallery_files(store, folder)
            return
        # Programs that start the desk read its address from its first line.
        with waiting("starting the desk", is_logged=False):
            try:
                import fastapi  # noqa: F401
                import uvicorn
            except ImportError as error:
                raise SettingsError(f"{error.name} is not installed; install thumb-assets[desk]") from None
            from thumb_assets.desk.app import build_app
            from thumb_assets.desk.desk import Desk
            from thumb_assets.desk.door import LOOPBACK, hosts_of
            from thumb_assets.pipeline.process import pause_with_terminal
            from thumb_assets.serve.connections import server_config

        word = desk_token(token)
        if host not in LOOPBACK and word is None:
            raise SettingsError(
                f"--host {host}: others can reach that address; give --token or put one into {DESK_TOKEN_VARIABLE}"
            )
        with _listening(host, port) as listening:
            address = f"http://{_shown_host(host)}:{listening.getsockname()[1]}/"
            desk = Desk(store, profile=profile, overrides=overrides, most_upload_bytes=max_upload_mb * 1_000_000)
            if store.video_ids("outcomes") and not desk.catalog.is_current():
                err.print("the catalog is missing or of another version: it is made again from the tables")
                print_errors(desk.catalog.rebuild(store))
            app = build_app(desk, hosts=hosts_of(host), token=word, program=program_as_typed())
            if host not in LOOPBACK:
                err.print("warning: others can reach this without encryption; put a proxy with TLS before it")
            with until_stopped():
                err.print(f"desk on {address}{'?token=...' if word else ''} (Ctrl+C stops it)", markup=False)
                pause_with_terminal()
                if is_opened:
                    click.launch(address + (f"?token={word}" if word else ""))
                config = server_config(app, desk.configuration().settings.serve, log_level="warning")
                uvicorn.Server(config).run(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise SettingsError(
            f"{host}:{port} cannot be listened on: {error.strerror}; name another --port or --host"
        ) from None


def _shown_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
