"""The target `http` of the asset `published`: the picked stills go to an address of the CMS."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from thumb_assets.http import HttpClient
from thumb_assets.settings.operation import PublishSettings

KEY_PLACE = "{key}"


def publish_to_http(
    client: HttpClient,
    settings: PublishSettings,
    *,
    key: str,
    video_id: str,
    stills: Sequence[Mapping[str, Any]],
    token: str | None,
) -> None:
    """Sends the stills as JSON: all there are, so that sending them again changes nothing.

    Args:
        key: by which the CMS knows the video; it takes the place of `{key}` in the address.
        stills: see `told_stills`.
        token: goes into the header `Authorization`.

    Raises:
        BadInputError, NetworkError: see `HttpClient.send`.
    """
    body = json.dumps({"video_id": video_id, "key": key, "stills": list(stills)}, sort_keys=True).encode()
    headers = {
        "Content-Type": "application/json",
        **({"Authorization": f"Bearer {token}"} if token else {}),
    }
    client.send(settings.http_method, settings.http_url.replace(KEY_PLACE, quote(key, safe="")), body, headers)
