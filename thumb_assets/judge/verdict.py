"""The judge's interface and its verdict."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Verdict:
    """Verdict of a model on a picture.

    Attributes:
        score: 0..10, 10 is the best; None where there is an error.
        reason: one line in the model's words; None where there is an error.
        error: why there is no score, one line; None where there is one.
    """

    score: float | None
    reason: str | None
    error: str | None = None


class RequestsUsedUpError(Exception):
    """As many requests were sent as one run may send; raised instead of sending one more."""


class FrameJudge(Protocol):
    """A model that looks at pictures."""

    @property
    def num_requests(self) -> int:
        """Requests sent so far, tries that failed included."""
        ...

    def judge(self, rgb: npt.NDArray[np.uint8], *, on_wait: Callable[[], object]) -> Verdict:
        """Looks at one picture.

        Args:
            rgb: (H, W, 3) uint8 RGB, full range, upright.
            on_wait: called before each wait, as a sign of life.

        Raises:
            RequestsUsedUpError: a request would be needed, and none is left.
            NetworkError: the model cannot be reached.
            ModelUnavailableError: it refuses.
        """
        ...


class VerdictCache(Protocol):
    """Store of answers, so that nothing is asked twice."""

    def get(self, key: str) -> str | None:
        """The answer kept under a key."""
        ...

    def put(self, key: str, answer: str) -> None:
        """Keeps an answer."""
        ...
