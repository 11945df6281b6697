"""Finds words that a text tower was never trained on, so that no text is scored by what is left of it."""

import re
from collections.abc import Sequence
from typing import Any

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")


def first_unknown_word(texts: Sequence[str], *, model: Any, tokenizer: Any) -> str | None:
    """The first word without a trained token; None if all are known, or the model does not show it.

    A small model such as thumb-mini leaves the rows of words that no caption has at zero: "a bird" is "a" to it.

    Args:
        model: an open_clip model; one whose text tower hides its token table counts as knowing every word.
        tokenizer: the model's own.
    """
    table = getattr(model, "token_embedding", None)
    if table is None or not hasattr(tokenizer, "encode"):
        return None
    is_known = table.weight.detach().any(dim=1)
    if bool(is_known.all()):
        return None
    for text in texts:
        for word in _WORD.findall(text):
            if not all(is_known[token] for token in tokenizer.encode(word)):
                return str(word)
    return None
