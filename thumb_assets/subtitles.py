"""Subtitles as plain text: guesses an encoding, takes markup away, orders and bounds cues.

What belongs here: text and times, without tables and files. What does not: reading tracks and files (video), finding
the files beside a video (store), looking for words (select).
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from thumb_assets.video.cues import MarkedCue

# A cue whose end is not known is shown until the next one of its source, but no longer than this.
_SHOWN_SECONDS = 5.0
# The encoding is guessed from so many bytes: the guess takes longer than all else.
_GUESSED_BYTES = 1 << 14
# What files that are no UTF-8 were mostly written in, where nothing else can be told.
_USUAL_ENCODING = "cp1252"
_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe\0\0": "utf-32", b"\0\0\xfe\xff": "utf-32", b"\xff\xfe": "utf-16",
         b"\xfe\xff": "utf-16"}  # fmt: skip
# A letter of the first 256 takes a zero byte in UTF-16: text without a mark is known by them.
_LEAST_ZERO_SHARE = 0.25
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
# Words that players put into a file's name beside the language.
_NO_LANGUAGES = frozenset({"sdh", "cc", "hi", "mp4", "mkv", "avi", "mov", "ass", "srt", "vtt", "ssa"})
# Tags of HTML, which also stand in kinds of text whose markup is another.
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,99}>")
_DRAWING = re.compile(r"\\p([0-9]+)")


@dataclass(frozen=True)
class Cue:
    """One cue: [start, end) seconds on the video's timeline, its plain text, lines parted by a line feed."""

    start_seconds: float
    end_seconds: float
    text: str
    language: str | None
    source: str


def decoded(content: bytes) -> tuple[str, str]:
    """A file's text, and the encoding that was guessed.

    By its mark; else UTF-16 where a quarter of the bytes is zero; else UTF-8 where it is valid; else as
    charset-normalizer says; else cp1252. What does not fit becomes U+FFFD.

    >>> decoded("é".encode("utf-16"))
    ('é', 'utf-16')
    """
    for mark, encoding in _BOMS.items():
        if content.startswith(mark):
            return content.decode(encoding, "replace"), encoding
    sample = content[:_GUESSED_BYTES]
    zeros = [sample[place::2].count(0) / max(len(sample), 1) for place in (0, 1)]
    if max(zeros) > _LEAST_ZERO_SHARE:
        encoding = "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
        return content.decode(encoding, "replace"), encoding
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        encoding = _guessed(sample)
    return content.decode(encoding, "replace"), encoding


def _guessed(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    return best.encoding if best is not None else _USUAL_ENCODING


def language_of(name: str, stem: str) -> str | None:
    """The language that a sidecar's name gives, in lower case; None where it gives none.

    Args:
        name: of the sidecar.
        stem: of the video's name.

    >>> language_of("film.pt-BR.forced.srt", "film"), language_of("film.srt", "film")
    ('pt-br', None)
    """
    for part in name[len(stem) :].split(".")[1:-1]:
        if _LANGUAGE.fullmatch(part) and part.lower() not in _NO_LANGUAGES:
            return part.lower().replace("_", "-")
    return None


def plain_text(marked: str) -> str:
    r"""Text of a cue without markup: `{...}`, tags and drawings go, `\N` parts lines, empty lines go.

    Takes time in proportion to its length, whatever is nested in it.

    >>> plain_text(r"{\an8}{\i1}Hello{\i0},\Nworld {\p1}m 0 0 l 1 1{\p0}")
    'Hello,\nworld'
    """
    parts, place, is_drawn = [], 0, False
    while place < len(marked):
        begin = marked.find("{", place)
        end = marked.find("}", begin) if begin >= 0 else -1
        if end < 0:
            parts.append("" if is_drawn else marked[place:])
            break
        parts.append("" if is_drawn else marked[place:begin])
        for number in _DRAWING.findall(marked[begin:end]):
            is_drawn = number.strip("0") != ""
        place = end + 1
    text = _TAG.sub("", "".join(parts)).replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " ")
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def cues_of(
    marked: "Iterable[MarkedCue]", *, source: str, language: str | None, shift_seconds: float = 0.0, max_length: int
) -> list[Cue]:
    """The cues of one source that hold text, ordered by start, each once.

    Args:
        marked: as they were read, in any order.
        shift_seconds: from the source's own seconds to the video's timeline.
        max_length: characters that are kept of a text.
    """
    known = [
        (cue.start_seconds + shift_seconds, None if cue.end_seconds is None else cue.end_seconds + shift_seconds, text)
        for cue in marked
        if math.isfinite(cue.start_seconds) and (text := plain_text(cue.text)[:max_length])
    ]
    known.sort(key=lambda cue: cue[0])
    following, cues = math.inf, []
    for place in reversed(range(len(known))):
        start, end, text = known[place]
        if place + 1 < len(known) and known[place + 1][0] > start:
            following = known[place + 1][0]
        if end is None or not start < end:
            end = min(following, start + _SHOWN_SECONDS)
        cues.append(Cue(round(start, 6), round(end, 6), text, language, source))
    cues.reverse()
    return list(dict.fromkeys(cues))


def within(cues: Sequence[Cue], *, begin_seconds: float, end_seconds: float) -> list[Cue]:
    """The cues of which something is shown while there is a picture, ordered by start, end, source and text."""
    shown = [cue for cue in cues if cue.start_seconds < end_seconds and cue.end_seconds > begin_seconds]
    return sorted(shown, key=lambda cue: (cue.start_seconds, cue.end_seconds, cue.source, cue.text))
