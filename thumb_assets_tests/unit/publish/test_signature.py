"""Signatures of webhooks."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thumb_assets.errors import SignatureError
from thumb_assets.publish.signature import sign, verify_signature

SECRET = "correct horse battery staple"
BODY = b'{"id": "evt_1"}'


def verify(header: str | None, *, body: bytes = BODY, secret: str = SECRET, now: float = 1000.0) -> None:
    verify_signature(body, header, secret, now=now, tolerance_seconds=300)


def test_the_form_is_that_of_mux() -> None:
    expected = hmac.new(SECRET.encode(), b"1000." + BODY, hashlib.sha256).hexdigest()
    assert sign(BODY, SECRET, now=1000.9) == f"t=1000,v1={expected}"


@pytest.mark.parametrize("now", [700.0, 1000.0, 1300.0])
def test_a_right_one_passes(now: float) -> None:
    verify(sign(BODY, SECRET, now=1000), now=now)


def test_one_of_several_is_enough() -> None:
    new = sign(BODY, SECRET, now=1000).partition(",")[2]
    verify(f"{sign(BODY, 'the secret before this one', now=1000)},{new}")


@pytest.mark.parametrize("now", [699.0, 1301.0])
def test_one_too_old_or_too_new_is_refused(now: float) -> None:
    with pytest.raises(SignatureError, match="too far from now"):
        verify(sign(BODY, SECRET, now=1000), now=now)


def test_another_secret_body_or_time_is_refused() -> None:
    header = sign(BODY, SECRET, now=1000)
    for changed in (
        {"secret": SECRET + "x"},
        {"body": BODY + b" "},
        {"header": header.replace("t=1000", "t=1001")},
    ):
        with pytest.raises(SignatureError, match="does not match"):
            verify(**({"header": header} | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "header", [None, "", "t=1000", "v1=00", "t=x,v1=00", "t=-5,v1=00", "t=1,t=2,v1=00", "t=²,v1=0"]
)
def test_what_is_no_signature_is_refused(header: str | None) -> None:
    with pytest.raises(SignatureError, match="missing or not of the form"):
        verify(header)


@given(header=st.text(max_size=200))
def test_no_text_at_all_passes_or_fails_otherwise(header: str) -> None:
    with pytest.raises(SignatureError):
        verify(header)


@given(header=st.text(alphabet="tv1=,0123456789abcdef", max_size=100))
def test_nor_any_made_of_its_letters(header: str) -> None:
    with pytest.raises(SignatureError):
        verify(header)
