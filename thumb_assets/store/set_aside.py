"""Files with a video's name that are none, by their first bytes, and names that the library leaves out."""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from thumb_assets.errors import BadInputError

# Enough for any container to show a byte that no text has.
_NUM_SNIFFED_BYTES = 4096
# Leading bytes of files that are no video, and their names. What FFmpeg may read (JPEG in a .mjpeg) is not here.
_OTHER_FILES = (
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"SQLite format 3\x00", "a SQLite database"),
    (b"\x7fELF", "a program"),
    (b"\x00\x05\x16\x07", "the Finder's notes on another file"),
)
_GIF_MAGICS = (b"GIF87a", b"GIF89a")
# A GIF whose first picture is longer is taken for a video, so that a broken file is not read for minutes.
_MAX_WALKED_BYTES = 64 * 2**20
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\x1b")


@dataclass(frozen=True)
class SetAside:
    """A file of the library that is left out.

    Attributes:
        path: absolute.
        reason: one clause, such as `is text, not video`.
    """

    path: Path
    reason: str


class NoVideoError(BadInputError):
    """A file has a video's name and is none."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{str(path)!r}: {reason}; name another file, or convert it")
        self.path = path
        self.reason = reason


def no_video_reason(head: bytes) -> str | None:
    """Says why a file is no video, by its first bytes; None where it may be one.

    >>> no_video_reason(b"import { a } from './b';\\n")
    'is text, not video'
    >>> no_video_reason(b"\\x00\\x00\\x00\\x20ftypisom") is None
    True
    """
    for magic, name in _OTHER_FILES:
        if head.startswith(magic):
            return f"is {name}, not a video"
    # A few letters without the end of a line may be anything; pages and records of errors need not have one.
    is_like_text = b"\n" in head or b"\r" in head or head.lstrip().startswith((b"<", b"{"))
    return "is text, not video" if is_like_text and _is_text(head) else None


def sniff(path: Path) -> str | None:
    """As `no_video_reason`, of a file; None where it cannot be read, which who reads it whole will say."""
    try:
        with path.open("rb") as file:
            head = file.read(_NUM_SNIFFED_BYTES)
            if head.startswith(_GIF_MAGICS) and _is_still_gif(file):
                return "is a still picture, not a video"
            return no_video_reason(head)
    except OSError:
        return None


def ignoring_pattern(path: Path, folder: Path, patterns: Sequence[str]) -> str | None:
    """The first pattern that leaves a file or folder out, None where there is none.

    A pattern with a slash is held against the path below the library folder, any other one against the name; `*` stands
    for any letters, in a path for slashes too. Upper and lower case are the same.

    >>> ignoring_pattern(Path("/v/a/@eaDir"), Path("/v"), ("@eadir",))
    '@eadir'
    >>> ignoring_pattern(Path("/v/raw/x.mp4"), Path("/v"), ("*.mov", "raw/*"))
    'raw/*'
    """
    name, below = path.name.casefold(), path.relative_to(folder).as_posix().casefold()
    for pattern in patterns:
        folded = pattern.casefold().rstrip("/")
        if fnmatch.fnmatchcase(below if "/" in folded else name, folded):
            return pattern
    return None


def _is_text(head: bytes) -> bool:
    """True if bytes are UTF-8, or UTF-16 with its mark, without a control character that no text has."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        whole = head[: len(head) // 2 * 2]
        text = whole.decode("utf-16", errors="replace")
        return "\ufffd" not in text[:-1] and all(letter >= " " or letter in "\t\n\r\f" for letter in text)
    if any(byte < 32 and byte not in _TEXT_CONTROLS for byte in head):
        return False
    for num_cut in range(4):  # the last letter may be cut
        try:
            head[: len(head) - num_cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return True
    return False


def _is_still_gif(file: BinaryIO) -> bool:
    """True if a whole GIF holds one picture; False where it is cut off, so that the decoder has the say.

    Format: GIF89a specification, sections 18 to 27.
    """
    file.seek(10)
    flags = file.read(1)
    file.seek(13 + _num_palette_bytes(flags))
    num_pictures = 0
    while file.tell() < _MAX_WALKED_BYTES:
        match file.read(1):
            case b"\x3b":  # trailer
                return num_pictures == 1
            case b"\x21":  # extension: its label
                file.seek(1, 1)
            case b"\x2c":  # picture: place and size, flags, palette, code size
                num_pictures += 1
                flags = file.read(9)[8:]
                file.seek(_num_palette_bytes(flags) + 1, 1)
            case _:
                return False
        while num_bytes := file.read(1):
            if num_bytes == b"\0":
                break
            file.seek(num_bytes[0], 1)
        if num_pictures > 1:
            return False
    return False


def _num_palette_bytes(flags: bytes) -> int:
    return 3 * 2 ** ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0
