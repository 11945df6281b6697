"""Words on frames as a page needs them: a version of what is decided, and the words that lead back to it."""

import hashlib
import json
from collections.abc import Mapping


def version_of(decisions: Mapping[int, str]) -> str:
    """A short text that differs where the decisions do.

    >>> version_of({3: "pin", 7: "ban"}) == version_of({7: "ban", 3: "pin"}) != version_of({})
    True
    """
    ordered = json.dumps(sorted(decisions.items()))
    return hashlib.sha256(ordered.encode()).hexdigest()[:16]


def words_between(now: Mapping[int, str], wanted: Mapping[int, str]) -> list[tuple[int, str]]:
    """The words to say so that the decisions of a video become those that are wanted; a cover is said last.

    Args:
        now, wanted: by frame_index pin, ban or cover.

    >>> words_between({5: "pin", 9: "cover"}, {5: "cover"})
    [(9, 'unpin'), (5, 'cover')]
    >>> words_between({5: "ban"}, {})
    [(5, 'unban')]
    """
    words = []
    for frame_index in sorted({*now, *wanted}):
        before, after = now.get(frame_index), wanted.get(frame_index)
        if before == after:
            continue
        if after is not None:
            words.append((frame_index, after))
        else:
            words.append((frame_index, "unban" if before == "ban" else "unpin"))
    return sorted(words, key=lambda word: word[1] == "cover")
