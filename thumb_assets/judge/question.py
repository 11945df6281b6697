"""Builds the question to a model, a chat completion with one picture, and reads its answer.

The protocol: https://platform.openai.com/docs/api-reference/chat/create, as vLLM, llama.cpp and others speak it too.
"""

import base64
import hashlib
import io
import json
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from thumb_assets.settings.judge import JudgeSettings

# Raised when what an answer means changes, so that older ones are not mistaken for it.
_SCHEMA_VERSION = 1
_JPEG_QUALITY = 90
_SEED = 0
_ANSWER_FORM = (
    'Answer with one JSON object and nothing else: {"score": a number from 0 (useless) to 10 (perfect), '
    '"reason": one short sentence}'
)
# Bounds are left to `Answer`: not every server's grammar knows them.
_ANSWER_SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "number"}, "reason": {"type": "string"}},
    "required": ["score", "reason"],
    "additionalProperties": False,
}


class Answer(BaseModel):
    """The answer that the model must give."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)

    score: float = Field(ge=0, le=10)
    reason: str = Field(min_length=1)


class MalformedAnswerError(Exception):
    """A whole answer came, but not the one asked for.

    Attributes:
        said: what the model said, where it said anything.
    """

    def __init__(self, problem: str, *, said: str | None = None) -> None:
        super().__init__(problem)
        self.said = said


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Completion(BaseModel):
    choices: list[_Choice] = Field(min_length=1)


def prompt_sha256(settings: JudgeSettings) -> str:
    """Hex SHA-256 of the words that go with each picture."""
    return hashlib.sha256(_words(settings).encode()).hexdigest()


def jpeg_of(rgb: npt.NDArray[np.uint8]) -> bytes:
    """The picture as it is sent; (H, W, 3) uint8 RGB."""
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=_JPEG_QUALITY)
    return stream.getvalue()


def question_of(settings: JudgeSettings, jpeg: bytes) -> dict[str, Any]:
    """The body of the request."""
    picture = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
    content = [{"type": "text", "text": _words(settings)}, {"type": "image_url", "image_url": {"url": picture}}]
    body: dict[str, Any] = {
        "model": settings.model,
        "messages": [{"role": "user", "content": content}],
        "temperature": 0,
        "seed": _SEED,
        "max_tokens": settings.max_tokens,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "verdict", "strict": True, "schema": _ANSWER_SCHEMA},
        },
        **settings.extra_body,
    }
    return {name: value for name, value in body.items() if value is not None}


def question_sha256(question: dict[str, Any]) -> str:
    """Hex SHA-256 of all that an answer depends on: model, words, picture, bounds and the schema of the answer."""
    text = json.dumps({"schema_version": _SCHEMA_VERSION, "body": question}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def asked_again(question: dict[str, Any], malformed: MalformedAnswerError) -> dict[str, Any]:
    """The question once more, with what was wrong: at temperature 0 the same words would get the same answer."""
    if malformed.said is None:
        return question
    more = [
        {"role": "assistant", "content": malformed.said},
        {"role": "user", "content": f"That cannot be used ({malformed}). {_ANSWER_FORM}"},
    ]
    return {**question, "messages": [*question["messages"], *more]}


def read_completion(body: bytes, *, max_tokens: int) -> Answer:
    """The answer in what the server sent.

    Raises:
        MalformedAnswerError: it is not there, or not as asked for.
    """
    try:
        choice = _Completion.model_validate_json(body).choices[0]
    except ValidationError as error:
        raise MalformedAnswerError(f"no chat completion came: {_problem(error)}") from None
    said = choice.message.content
    if not said:
        refused = f"the model refused: {choice.message.refusal}" if choice.message.refusal else "the model said nothing"
        raise MalformedAnswerError(_cut_off(max_tokens) if choice.finish_reason == "length" else refused)
    try:
        return read_answer(said[said.find("{") : said.rfind("}") + 1])  # some wrap it in a fence of Markdown
    except ValueError as error:
        problem = _cut_off(max_tokens) if choice.finish_reason == "length" else str(error)
        raise MalformedAnswerError(problem, said=said) from None


def read_answer(text: str) -> Answer:
    """An answer alone, also as it is kept.

    Raises:
        ValueError: it is not as asked for; one line.
    """
    try:
        return Answer.model_validate_json(text)
    except ValidationError as error:
        raise ValueError(_problem(error)) from None


def _words(settings: JudgeSettings) -> str:
    return f"{settings.prompt}\n\n{_ANSWER_FORM}"


def _cut_off(max_tokens: int) -> str:
    return f"the answer was cut off after {max_tokens} tokens; raise judge.max_tokens"


def _problem(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])
