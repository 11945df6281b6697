"""Settings of the vision-language model that looks at the best candidates."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, JsonValue, field_validator, model_validator

from thumb_assets.settings.base import NO_EFFECT_ON_VALUES, StageSettings

JUDGE_PROMPT = (
    "This picture is a frame of a video. How good is it as the thumbnail of the video? A good one is sharp and well "
    "lit, shows its subject clearly and whole, with open eyes where there is a face, and makes one want to watch. A "
    "bad one is blurred, dark, empty, caught between two moments, or a title card."
)
# What a request is about is ours to say; the answer is read whole.
_FIELDS_OF_OURS = frozenset({"model", "messages", "n", "stream"})


class JudgeSettings(StageSettings):
    """The judge of a video's best candidates, their number and the cost; the key comes from the environment.

    A verdict depends on the model, the prompt, `extra_body`, `max_tokens` and the picture that is sent, not on the url.
    """

    url: Annotated[str | None, NO_EFFECT_ON_VALUES] = Field(
        None,
        description="Base address of an OpenAI-compatible server, such as http://127.0.0.1:8000/v1; null: no judge.",
    )
    model: str = Field("", description="The server's name of the model; needed with a url.")
    max_candidates: int = Field(8, ge=1, le=64, description="Candidates per video that are looked at, the best ones.")
    max_requests: Annotated[int, NO_EFFECT_ON_VALUES] = Field(
        1000, ge=1, description="Requests per run of the engine, tries included; then candidates are left unjudged."
    )
    max_tokens: int = Field(
        200, ge=16, le=65_536, description="Longest answer; a model that thinks aloud needs some thousands."
    )
    image_height: int = Field(336, ge=64, le=2160, description="Shorter side of the picture sent (never enlarged).")
    timeout_seconds: Annotated[float, NO_EFFECT_ON_VALUES] = Field(
        60.0, gt=0, description="Longest wait for the server."
    )
    max_retries: Annotated[int, NO_EFFECT_ON_VALUES] = Field(
        3, ge=0, le=10, description="Retries of a request if the server is unreachable, busy (429) or broken (5xx)."
    )
    prompt: str = Field(
        JUDGE_PROMPT,
        min_length=1,
        description="The question about each picture; the form of the answer is added to it.",
    )
    extra_body: dict[str, JsonValue] = Field(
        {}, description='Fields added to each request, such as {"top_p": 0.9}; null takes one of ours out.'
    )
    on_unavailable: Annotated[Literal["skip", "error"], NO_EFFECT_ON_VALUES] = Field(
        "skip", description="If the server cannot be reached or refuses."
    )

    @field_validator("url")
    @classmethod
    def _url_can_be_used(cls, url: str | None) -> str | None:
        if not url:
            return None
        try:
            parts = urlsplit(url)
            is_right = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_right = False
        if not is_right or not url.isascii() or any(character <= " " for character in url):
            raise ValueError("is no address of the form http://host:port/v1")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("holds more than scheme, host, port and path; a key goes into THUMB_ASSETS_JUDGE_KEY")
        return url.rstrip("/")

    @field_validator("extra_body")
    @classmethod
    def _our_fields_are_ours(cls, extra_body: dict[str, JsonValue]) -> dict[str, JsonValue]:
        taken = sorted(_FIELDS_OF_OURS & set(extra_body))
        if taken:
            raise ValueError(f"may not hold {taken[0]!r}")
        return extra_body

    @model_validator(mode="after")
    def _model_is_named(self) -> "JudgeSettings":
        if self.url is not None and not self.model:
            raise ValueError("judge.url needs judge.model, the name by which the server knows the model")
        return self
