"""`thumb-assets serve` and `thumb-assets outbox`: webhooks that come and go."""

import time
from pathlib import Path
from typing import Any

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import dagster_resource, data_dir_option, settings_of, settings_options, table_store
from thumb_assets.cli.output import err, one_line_errors, out, print_table
from thumb_assets.cli.stopping import until_stopped
from thumb_assets.errors import SettingsError
from thumb_assets.settings.environment import (
    LIVE_TOKEN_VARIABLE,
    NOTIFY_SECRET_VARIABLE,
    WEBHOOK_SECRET_VARIABLE,
    live_token,
    signing_secret,
)
from thumb_assets.store.outbox import Outbox
from thumb_assets.store.parquet import TableStore
from thumb_assets.wording import count

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@in_section("Operate")
@click.command("serve")
@click.option("--port", default=8320, show_default=True, type=click.IntRange(1, 65535))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@settings_options
@click.pass_obj
def serve_command(
    verbose: bool, *, port: int, host: str, data_dir: Path | None, profile: str | None, overrides: Any
) -> None:
    """Receive webhooks for new videos, notify when stills are ready.

    Runs until interrupted. Dagster's daemon, as `thumb-assets ui` starts it, does the work.
    """
    with one_line_errors(verbose=verbose):
        store = table_store(data_dir)
        settings = settings_of(store, profile, overrides)
        secret = signing_secret(WEBHOOK_SECRET_VARIABLE)
        token = live_token()
        notify_secret = signing_secret(NOTIFY_SECRET_VARIABLE) if settings.serve.notify_url else ""
        try:
            import fastapi  # noqa: F401
            import limits  # noqa: F401
            import uvicorn
        except ImportError as error:
            raise SettingsError(f"{error.name} is not installed; install thumb-assets[serve]") from None
        from thumb_assets.defs.instance import open_instance
        from thumb_assets.defs.launch import DaemonLauncher
        from thumb_assets.serve.app import build_app
        from thumb_assets.serve.connections import server_config
        from thumb_assets.serve.delivery import Delivery
        from thumb_assets.serve.intake import Intake
        from thumb_assets.serve.live import LivePages
        from thumb_assets.serve.service import Service, only_service

        outbox = _outbox(store)
        with only_service(store.data_dir), open_instance(store) as instance:
            resource = dagster_resource(store, profile=profile, overrides=overrides)
            launcher = DaemonLauncher(instance, resource)
            service = Service(
                Intake(outbox, store.data_dir, settings, launcher), Delivery(outbox, settings.serve, notify_secret)
            )

            def problems() -> list[str]:
                stopped = [] if service.is_alive else ["the work beside the service has ended: start it again"]
                return stopped + [problem for problem in (launcher.problem(),) if problem]

            live = None
            if token is not None or host in _LOOPBACK:
                live = LivePages(store, settings, token)
            app = build_app(outbox, settings.serve, secret, problems=problems, live=live)
            if host not in _LOOPBACK:
                err.print("warning: others can reach this without encryption; put a proxy with TLS before it")
            if live is None:
                err.print(f"live pictures are not served to others without a word in {LIVE_TOKEN_VARIABLE}")
            server = uvicorn.Server(server_config(app, settings.serve, host=host, port=port, log_level="info"))
            with until_stopped():
                err.print(
                    f"webhooks on http://{host}:{port}/webhooks/asset-ready, described on /docs (Ctrl+C stops it)"
                )
                service.start()
                try:
                    server.run()
                finally:
                    service.stop()


@in_section("Operate")
@click.command("outbox")
@click.option("--send-again", is_flag=True, help="Retry messages that were given up.")
@data_dir_option
@click.pass_obj
def outbox_command(verbose: bool, *, send_again: bool, data_dir: Path | None) -> None:
    """Show webhooks that came and went, and why some failed or wait."""
    with one_line_errors(verbose=verbose):
        outbox = _outbox(table_store(data_dir))
        given_up = outbox.messages("given_up", limit=1000)
        if send_again:
            num = outbox.send_again([message.message_id for message in given_up], now=time.time())
            out.print(f"{count(num, 'message')} will be sent again by a running `thumb-assets serve`")
            return
        rows = [[name, state, str(num)] for name, states in outbox.counts().items() for state, num in states.items()]
        print_table("webhooks", ["what", "state", "number"], rows)
        troubled = [[r.event_id, r.state, str(r.num_tries), r.reason or ""] for r in outbox.troubled()]
        if troubled:
            print_table("requests that failed or are tried again", ["event", "state", "tries", "reason"], troubled)
        waiting = [*given_up, *outbox.messages("pending", limit=20)]
        if waiting:
            columns = ["message", "state", "tries", "reason"]
            undelivered = [[m.message_id, m.state, str(m.num_tries), m.reason or ""] for m in waiting]
            print_table("not delivered", columns, undelivered)


def _outbox(store: TableStore) -> Outbox:
    return Outbox(store.outbox_path)
