"""One request to the judge's server: to that server alone, by no proxy, and no redirect is followed.

So the picture and the key reach whom the setting names and nobody else.
"""

import http.client
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

_MAX_ANSWER_BYTES = 1 << 20
_NUM_BYTES_PER_READ = 1 << 14


@dataclass(frozen=True)
class Reply:
    """What the server answered.

    Attributes:
        retry_after_seconds: how long it asks to be left alone; None where it does not say.
    """

    status: int
    body: bytes
    retry_after_seconds: float | None = None


def post(url: str, body: bytes, headers: Mapping[str, str], *, timeout_seconds: float) -> Reply:
    """Sends a body and gives the whole answer.

    Args:
        url: http or https; nothing but scheme, host, port and path.
        timeout_seconds: for connecting, for each wait, and for the answer once it begins.

    Raises:
        OSError, http.client.HTTPException: no whole answer came.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout_seconds)
    try:
        connection.request("POST", parts.path, body, {"User-Agent": "thumb-assets", **headers})
        response = connection.getresponse()
        end = time.monotonic() + timeout_seconds
        answer = bytearray()
        while block := response.read1(_NUM_BYTES_PER_READ):
            answer += block
            if len(answer) > _MAX_ANSWER_BYTES:
                raise http.client.HTTPException(f"the answer is larger than {_MAX_ANSWER_BYTES:,} bytes")
            if time.monotonic() > end:
                raise TimeoutError("the answer did not end in time")
        if response.length:
            raise http.client.IncompleteRead(bytes(answer), response.length)
        return Reply(response.status, bytes(answer), _seconds(response.getheader("Retry-After")))
    finally:
        connection.close()


def _seconds(text: str | None) -> float | None:
    """The header's form in seconds; its other form, a date, is left to our own waits."""
    return float(text) if text is not None and text.strip().isdecimal() else None
