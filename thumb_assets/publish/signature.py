"""Signatures of webhooks: HMAC-SHA256 over the time and the body, in the form that Mux, Stripe and others use.

The header reads `t=1565220904,v1=20c75c1180c701ee...`; what is signed is the time, a dot and the body's bytes
(https://docs.mux.com/core/verify-webhook-signatures). The time keeps a request that was overheard from being sent again
later; the sender's event id keeps it from being taken twice before.
"""

import hashlib
import hmac

from thumb_assets.errors import SignatureError

_MAX_NUM_SIGNATURES = 8


def sign(body: bytes, secret: str, *, now: float) -> str:
    """The header's value for a body sent now.

    Args:
        now: seconds since the epoch.

    >>> sign(b"{}", "secret", now=1565220904.7)[:20]
    't=1565220904,v1=3033'
    """
    time = int(now)
    return f"t={time},v1={_digest(body, secret, time)}"


def verify_signature(body: bytes, header: str | None, secret: str, *, now: float, tolerance_seconds: float) -> None:
    """Raises unless the header signs the body, and was made at most `tolerance_seconds` before or after `now`.

    Several `v1` are allowed: a sender that changes its secret signs with both for a while.

    Raises:
        SignatureError: says in general what is wrong, never what would have been right.
    """
    time, signatures = _parse(header)
    # Compared first, so that nobody without the secret learns how the clocks differ.
    expected = _digest(body, secret, time)
    if not any([hmac.compare_digest(expected, signature) for signature in signatures]):  # noqa: C419 - in constant time
        raise SignatureError(
            "the signature does not match; check the secret and that the body is sent as it was signed"
        )
    if abs(now - time) > tolerance_seconds:
        raise SignatureError("the signature's time is too far from now; check both clocks, and sign anew to send again")


def _parse(header: str | None) -> tuple[int, list[str]]:
    parts = [part.strip().partition("=") for part in (header or "").split(",")]
    times = [value for name, _, value in parts if name == "t"]
    signatures = [value for name, _, value in parts if name == "v1" and value.isascii()]
    is_time = len(times) == 1 and times[0].isascii() and times[0].isdigit() and len(times[0]) <= 12
    if not is_time or not 1 <= len(signatures) <= _MAX_NUM_SIGNATURES:
        raise SignatureError("the signature header is missing or not of the form t=TIME,v1=SIGNATURE")
    return int(times[0]), signatures


def _digest(body: bytes, secret: str, time: int) -> str:
    return hmac.new(secret.encode(), b"%d." % time + body, hashlib.sha256).hexdigest()
