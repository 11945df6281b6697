"""The web server with bounds: how many connections there are, and how long and large the head of a request may be.

uvicorn's own limits begin once a request has come whole. A connection that says nothing, or that begins a header and
never ends it, would keep a file descriptor for ever; a thousand of them and nobody else is let in.
"""

from typing import TYPE_CHECKING, Any

from thumb_assets.files import max_open_files
from thumb_assets.settings.operation import ServeSettings

if TYPE_CHECKING:
    import uvicorn

# Descriptors for the databases, the log and files that are fetched.
_NUM_OWN_FILES = 128
_MAX_SHUTDOWN_SECONDS = 5  # of requests that are being read; whoever sends one has no answer and sends it again


def server_config(app: Any, settings: ServeSettings, **options: Any) -> "uvicorn.Config":
    """uvicorn's configuration of the service.

    Args:
        options: more of uvicorn's own, such as host and port.
    """
    import uvicorn

    from thumb_assets.serve.bounded_protocol import BoundedProtocol, ConnectionLimits

    limits = ConnectionLimits(
        max_connections(settings), settings.max_connections_per_address, settings.max_head_seconds
    )
    return uvicorn.Config(
        app,
        http=type("Connection", (BoundedProtocol,), {"limits": limits}),
        ws="none",
        h11_max_incomplete_event_size=settings.max_head_bytes,
        timeout_keep_alive=max(1, round(settings.keep_alive_seconds)),
        timeout_graceful_shutdown=_MAX_SHUTDOWN_SECONDS,
        server_header=False,
        **options,
    )


def max_connections(settings: ServeSettings) -> int:
    """Limit on open connections: that of the settings, as far as the system gives descriptors for them."""
    most = max_open_files()
    return settings.max_connections if most is None else max(1, min(settings.max_connections, most - _NUM_OWN_FILES))
