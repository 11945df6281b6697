"""Words that messages share.

What belongs here: how numbers and nouns read in a line. What does not: escaping (escaping), any message itself.
"""


def count(number: int, noun: str) -> str:
    """A number and its noun.

    >>> count(1, "video"), count(0, "video"), count(2, "entry")
    ('1 video', '0 videos', '2 entries')
    """
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"
