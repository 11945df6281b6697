"""`Once`: remembers what choices make of the same candidates again and again, as a slider moves."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

_Made = TypeVar("_Made")
# A page that is compared goes to and fro between the settings as they are and as they would be.
_NUM_KEPT = 2


class Once:
    """Values by name and by all that they depend on beside the candidates; the last few of a name are kept.

    >>> once = Once()
    >>> [once("sum", key, lambda key=key: print("made") or key) for key in (1, 1, 2, 1)]
    made
    made
    [1, 1, 2, 1]
    """

    def __init__(self) -> None:
        self._made: dict[str, list[tuple[Any, Any]]] = {}

    def __call__(self, name: str, depends_on: Any, make: Callable[[], _Made]) -> _Made:
        """The value, made where it is not known.

        Args:
            name: of the value.
            depends_on: compared by `==`; the same gives the same value.
            make: makes it; what it returns must stay as it is, so arrays can only be read then.
        """
        known = self._made.get(name, [])
        for key, value in known:
            if key == depends_on:
                return value  # type: ignore[no-any-return]
        made = make()
        if isinstance(made, np.ndarray):
            made.flags.writeable = False
        self._made[name] = [*known, (depends_on, made)][-_NUM_KEPT:]
        return made
