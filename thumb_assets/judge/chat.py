"""The judge behind a server that speaks OpenAI's chat completions."""

import json
import time
from collections.abc import Callable
from contextlib import closing
from http import HTTPStatus
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ValidationError

from thumb_assets.errors import ModelUnavailableError, NetworkError
from thumb_assets.http import HttpClient, Response, may_pass, with_retries
from thumb_assets.judge.question import (
    Answer,
    MalformedAnswerError,
    asked_again,
    jpeg_of,
    question_of,
    question_sha256,
    read_answer,
    read_completion,
)
from thumb_assets.judge.verdict import RequestsUsedUpError, Verdict, VerdictCache
from thumb_assets.settings.environment import JUDGE_KEY_VARIABLE
from thumb_assets.settings.judge import JudgeSettings

_MAX_ANSWER_BYTES = 1 << 20
_NUM_TRIES_OF_ANSWER = 2
_MAX_REASON_LENGTH = 300
_HINTS: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: f"put the server's key into {JUDGE_KEY_VARIABLE}",
    HTTPStatus.FORBIDDEN: f"put a key that may use the model into {JUDGE_KEY_VARIABLE}",
    HTTPStatus.NOT_FOUND: "check judge.url, which mostly ends with /v1, and judge.model",
}


class ChatJudge:
    """Asks a server about pictures, each one once: answers are kept.

    A server that could not be reached is not waited for again until it answers: each further picture then costs one
    try. Not for several threads.

    Args:
        settings: with a url.
        key: the server's API key; sent to it alone, as a header.
        cache: where answers are kept.
        sleep: waits before a further try.
    """

    def __init__(
        self,
        settings: JudgeSettings,
        *,
        key: str | None,
        cache: VerdictCache,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._settings = settings
        self._url = f"{settings.url}/chat/completions"
        self._key = key
        self._cache = cache
        self._sleep = sleep
        self._num_requests = 0
        self._is_away = False

    @property
    def num_requests(self) -> int:
        """See `FrameJudge`."""
        return self._num_requests

    def judge(self, rgb: npt.NDArray[np.uint8], *, on_wait: Callable[[], object]) -> Verdict:
        """See `FrameJudge`; a malformed answer is asked for once more, and then the verdict is an error."""
        question = question_of(self._settings, jpeg_of(rgb))
        key = question_sha256(question)
        answer = self._kept(key)
        if answer is not None:
            return Verdict(answer.score, answer.reason)
        problem = ""
        for _ in range(_NUM_TRIES_OF_ANSWER):
            body = self._ask(question, on_wait)
            try:
                answer = read_completion(body, max_tokens=self._settings.max_tokens)
            except MalformedAnswerError as error:
                problem = f"{error}; it said {error.said!r}" if error.said else str(error)
                question = asked_again(question, error)
                continue
            clean = Answer(score=answer.score, reason=self._without_key(answer.reason) or "(no words)")
            self._cache.put(key, clean.model_dump_json())
            return Verdict(clean.score, clean.reason)
        return Verdict(None, None, self._without_key(f"no verdict in {_NUM_TRIES_OF_ANSWER} answers: {problem}"))

    def _kept(self, key: str) -> Answer | None:
        text = self._cache.get(key)
        try:
            return None if text is None else read_answer(text)
        except ValueError:  # asked for again, and then stored
            return None

    def _ask(self, question: dict[str, Any], on_wait: Callable[[], object]) -> bytes:
        """Asks the server, again after a failure, and returns its answer."""
        body = json.dumps(question).encode()

        def require_request() -> None:
            if self._num_requests >= self._settings.max_requests:
                raise RequestsUsedUpError
            on_wait()

        def ask_once() -> bytes:
            on_wait()
            self._num_requests += 1
            return self._answer(body)

        if self._num_requests >= self._settings.max_requests:
            raise RequestsUsedUpError
        num_retries = 0 if self._is_away else self._settings.max_retries
        try:
            answer = with_retries(ask_once, num_retries=num_retries, on_wait=require_request, sleep=self._sleep)
        except NetworkError:
            self._is_away = True
            raise
        self._is_away = False
        return answer

    def _answer(self, body: bytes) -> bytes:
        """One try: to that server alone, by no proxy, and no redirect is followed, so that nobody else gets the key."""
        advice = "start the server, or set judge.url to null to do without"
        client = HttpClient(allowed_hosts=None, timeout_seconds=self._settings.timeout_seconds)
        try:
            with closing(client):
                reply = client.ask("POST", self._url, self._headers(), body, max_bytes=_MAX_ANSWER_BYTES)
        except NetworkError as error:
            reason = self._without_key(str(error.__cause__ or error)) or type(error.__cause__).__name__
            raise NetworkError(f"{self._url}: cannot be reached ({reason}); {advice}") from error
        content = b"".join(reply.chunks)
        if 200 <= reply.status < 300:
            return content
        problem = self._problem(reply.status, content)
        raise NetworkError(f"{self._url}: {problem}; {advice}", retry_after_seconds=_seconds(reply))

    def _headers(self) -> dict[str, str]:
        authorization = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        return {"Content-Type": "application/json", "Accept": "application/json", **authorization}

    def _problem(self, status: int, body: bytes) -> str:
        """The fault of an answer that may be another one later.

        Raises:
            ModelUnavailableError: it will not be.
        """
        problem = f"answered {status}"
        words = self._without_key(_error_message(body))
        if words:
            problem += f" ({words})"
        if may_pass(status):
            return problem
        hint = _HINTS.get(status, "check judge.model and judge.extra_body")
        if 300 <= status < 400:
            hint = "redirects are not followed; set judge.url to the address it leads to"
        raise ModelUnavailableError(f"{self._url}: {problem}; {hint}")

    def _without_key(self, text: str) -> str:
        """Words of others as they may stand in a table or a message: one line, not long, without the key."""
        if self._key:
            text = text.replace(self._key, "***")
        line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
        return line if len(line) <= _MAX_REASON_LENGTH else f"{line[: _MAX_REASON_LENGTH - 3]}..."


def _seconds(reply: Response) -> float | None:
    """The wait that a server asks for, in its form in seconds; its other form, a date, is left to our own waits."""
    text = reply.headers.get("retry-after", "").strip()
    return float(text) if text.isascii() and text.isdecimal() else None


class _Error(BaseModel):
    message: str


class _ErrorBody(BaseModel):
    error: _Error


def _error_message(body: bytes) -> str:
    """The server's error message, if it is in the protocol's form."""
    try:
        return _ErrorBody.model_validate_json(body).error.message
    except ValidationError:
        return ""
