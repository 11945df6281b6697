"""The judge behind a server that speaks OpenAI's chat completions."""

import http.client
import json
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ValidationError

from thumb_assets.errors import ModelUnavailableError, NetworkError
from thumb_assets.judge.connection import Reply, post
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
from thumb_assets.settings import JUDGE_KEY_VARIABLE, JudgeSettings

# Answers that may be another one later: https://www.rfc-editor.org/rfc/rfc9110#section-15 and RFC 6585, 8470.
_PASSING_STATUSES = {408, 425, 429}
_FIRST_WAIT_SECONDS = 0.5  # doubled with each try
_MAX_WAIT_SECONDS = 30.0
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
        num_tries = 1 if self._is_away else 1 + self._settings.max_retries
        wait_seconds = _FIRST_WAIT_SECONDS
        if self._num_requests >= self._settings.max_requests:
            raise RequestsUsedUpError
        while True:
            on_wait()
            self._num_requests += 1
            num_tries -= 1
            asked_to_wait = None
            try:
                reply = post(self._url, body, self._headers(), timeout_seconds=self._settings.timeout_seconds)
            except (OSError, http.client.HTTPException) as error:
                problem = f"cannot be reached ({self._without_key(str(error)) or type(error).__name__})"
            else:
                if 200 <= reply.status < 300:
                    self._is_away = False
                    return reply.body
                problem = self._problem(reply)
                asked_to_wait = reply.retry_after_seconds
            if num_tries > 0 and self._num_requests >= self._settings.max_requests:
                raise RequestsUsedUpError
            if num_tries <= 0:
                self._is_away = True
                raise NetworkError(f"{self._url}: {problem}; start the server, or set judge.url to null to do without")
            on_wait()
            self._sleep(min(_MAX_WAIT_SECONDS, wait_seconds if asked_to_wait is None else asked_to_wait))
            wait_seconds *= 2

    def _headers(self) -> dict[str, str]:
        authorization = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        return {"Content-Type": "application/json", "Accept": "application/json", **authorization}

    def _problem(self, reply: Reply) -> str:
        """The fault of an answer that may be another one later.

        Raises:
            ModelUnavailableError: it will not be.
        """
        problem = f"answered {reply.status}"
        words = self._without_key(_error_message(reply.body))
        if words:
            problem += f" ({words})"
        if reply.status in _PASSING_STATUSES or reply.status >= 500:
            return problem
        hint = _HINTS.get(reply.status, "check judge.model and judge.extra_body")
        if 300 <= reply.status < 400:
            hint = "redirects are not followed; set judge.url to the address it leads to"
        raise ModelUnavailableError(f"{self._url}: {problem}; {hint}")

    def _without_key(self, text: str) -> str:
        """Words of others as they may stand in a table or a message: one line, not long, without the key."""
        if self._key:
            text = text.replace(self._key, "***")
        line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
        return line if len(line) <= _MAX_REASON_LENGTH else f"{line[: _MAX_REASON_LENGTH - 3]}..."


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
