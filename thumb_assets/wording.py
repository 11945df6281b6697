r"""Text for people: numbers with their nouns, and text from outside made harmless for the place where it is read.

What belongs here: how numbers and nouns read in a line, and one function of escaping per kind of place. What does not:
any message itself, who prints (cli, defs, report, serve), and data that programs read, which keeps every character.
A file name may hold anything but `/` and NUL: sequences that a terminal obeys, line breaks that forge a line of ours,
marks that turn the reading order around.
"""

import logging
import math
import re
import traceback
import unicodedata
from collections.abc import Sequence
from typing import Any

_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
# Joiners and the soft hyphen belong to words and emoji; they move nothing.
_HARMLESS_FORMATS = {"\u00ad", "\u200c", "\u200d"}
_UNSAFE_CATEGORIES = {"Cc", "Cf", "Zl", "Zp"}
_MARKDOWN = re.compile(r"[\\`*_{}\[\]()<>#!|~&$@]")
_BLOCK_START = re.compile(r"^(\s*)([-+=]|\d+[.)])")
# GitHub's Markdown makes links of bare addresses.
_BARE_LINK = re.compile(r"(?i)(https?|ftp|mailto|xmpp)(:)|(www)(\.)")
# Letters of a text that is quoted.
_MOST_QUOTED = 80
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def count(number: int, noun: str) -> str:
    """A number and its noun.

    >>> count(1, "video"), count(0, "video"), count(2, "entry")
    ('1 video', '0 videos', '2 entries')
    """
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"


def some_of(names: Sequence[str], *, most: int = 5) -> str:
    """The first names of many, and how many more there are.

    >>> some_of(["a", "b", "c"], most=2), some_of(["a"])
    ('a, b and 1 more', 'a')
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def clock(seconds: float, digits: int = 1) -> str:
    """Seconds as a player shows them; the desk's script rounds alike.

    >>> clock(9.36), clock(75.25), clock(59.97), clock(3725)
    ('0:09.4', '1:15.3', '1:00.0', '1:02:05.0')
    >>> clock(59.6, 0)
    '1:00'
    """
    parts = math.floor(max(0.0, seconds) * 10**digits + 0.5)  # halves go up, as in the browser
    whole, rest = divmod(parts, 10**digits)
    hours, minutes = divmod(whole // 60, 60)
    shown = f"{whole % 60:02d}{f'.{rest:0{digits}d}' if digits else ''}"
    return f"{hours}:{minutes:02d}:{shown}" if hours else f"{minutes}:{shown}"


def one_line(text: object) -> str:
    r"""The text as one line without a character that a terminal obeys: each stands as its escape.

    Covers C0 and C1 controls, line and paragraph separators, and format characters such as bidi overrides.

    >>> one_line("a\x1b]0;title\x07\nb\u202e")
    'a\\x1b]0;title\\x07\\nb\\u202e'
    """
    shown = str(text)
    if shown.isascii() and shown.isprintable():
        return shown
    return "".join(_escaped(character) if _is_unsafe(character) else character for character in shown)


def quoted(text: str) -> str:
    r"""The text in quotation marks, on one line and no longer than a line.

    >>> quoted("two\nlines"), len(quoted(90 * "a"))
    ('"two lines"', 85)
    """
    line = one_line(" ".join(text.split()))
    return f'"{line[:_MOST_QUOTED]}{"..." if len(line) > _MOST_QUOTED else ""}"'


def markdown(text: object) -> str:
    r"""The text as Markdown that shows it: no markup, picture, link or HTML in it counts.

    >>> markdown("![x](http://a) `b` | <i>")
    '\\!\\[x\\]\\(http\\://a\\) \\`b\\` \\| \\<i\\>'
    """
    escaped = _MARKDOWN.sub(r"\\\g<0>", one_line(text))
    escaped = _BARE_LINK.sub(lambda found: "\\".join(part for part in found.groups() if part), escaped)
    return _BLOCK_START.sub(lambda found: f"{found[1]}{found[2][:-1]}\\{found[2][-1]}", escaped)


def spreadsheet_cell(text: str) -> str:
    """The text as a spreadsheet shows it: what would be run as a formula begins with an apostrophe.

    Source: OWASP, "CSV Injection".

    >>> spreadsheet_cell("=1+1"), spreadsheet_cell("one")
    ("'=1+1", 'one')
    """
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def traceback_lines(error: BaseException) -> list[str]:
    """The traceback of an error in lines; a message may quote anything, so the lines after its first are marked."""
    lines = []
    for part in traceback.format_exception(error):
        is_stack = part.startswith("  ")  # made by the interpreter
        first, *others = part.strip("\n").split("\n")
        lines += [one_line(first), *(one_line(line if is_stack else f"  | {line}") for line in others)]
    return lines


class _LineFormatter(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base class's name
        return one_line(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the base class's name
        return "\n".join(traceback_lines(ei[1])) if ei[1] is not None else ""


def escape_log_lines() -> None:
    """Has log messages printed as one escaped line each where this process set up no logging of its own."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_LineFormatter())


def _is_unsafe(character: str) -> bool:
    return unicodedata.category(character) in _UNSAFE_CATEGORIES and character not in _HARMLESS_FORMATS


def _escaped(character: str) -> str:
    code = ord(character)
    if character in _NAMED:
        return _NAMED[character]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
