"""Takes webhooks that announce videos and tells when their stills are there.

What belongs here: the web service, what a request may ask, getting the video, following its work, sending messages.
What does not: signatures (publish), the HTTP client (http), the rows that outlive a crash (store), and Dagster, which
the command line hands over as a `Launcher` (defs).
"""

from thumb_assets.serve.app import build_app
from thumb_assets.serve.connections import server_config
from thumb_assets.serve.delivery import Delivery
from thumb_assets.serve.intake import Intake, Launcher
from thumb_assets.serve.service import Service, only_service

__all__ = ["Delivery", "Intake", "Launcher", "Service", "build_app", "only_service", "server_config"]
