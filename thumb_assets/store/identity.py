"""The video id: the key of every table and the name of every file, so it is derived and checked here."""

import hashlib
import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from anyascii import anyascii

from thumb_assets.errors import ContractError

MAX_VIDEO_ID_LENGTH = 100
NUM_HASH_DIGITS = 8
_NUM_NAME_DIGITS = 4
# Two dots in a row are refused as well: Dagster reads `a...b` as a range of partitions.
_VIDEO_ID = re.compile(rf"(?!\.)(?!.*\.\.)[a-z0-9._-]{{1,{MAX_VIDEO_ID_LENGTH}}}")
_OTHER_CHARACTERS = re.compile(r"[^a-z0-9._-]+")
_DOTS = re.compile(r"\.{2,}")
_EDGES = ".-_"


def is_video_id(name: object) -> bool:
    """True for a name that has the form of an id; partitions added by hand may not."""
    return isinstance(name, str) and _VIDEO_ID.fullmatch(name) is not None


def ids_beginning_with(prefix: str, video_ids: Sequence[str]) -> list[str]:
    """The ids that a shortened one may mean; that id alone where it is one.

    >>> ids_beginning_with("a-1", ["a-1", "a-10"])
    ['a-1']
    """
    return [prefix] if prefix in video_ids else [video_id for video_id in video_ids if video_id.startswith(prefix)]


def verify_video_id(video_id: str) -> str:
    """The id itself, when it is one.

    Raises:
        ContractError: it holds anything but 1 to 100 of `[a-z0-9._-]`, begins with a dot, or has two dots in a row.

    >>> verify_video_id("my-clip-0123abcd")
    'my-clip-0123abcd'
    """
    if not is_video_id(video_id):
        raise ContractError(
            f"video id {video_id!r} is not usable as a file name: it must be 1 to {MAX_VIDEO_ID_LENGTH} of "
            "[a-z0-9._-], without a leading dot or two dots in a row; take the ids that the library derives"
        )
    return video_id


def video_id_for(path: Path, sha256: str) -> str:
    """The id of a video file: slug of the file stem, `-`, first 8 hex digits of the content hash.

    Args:
        path: the file; only its name is read. Bytes that are no UTF-8 count as other characters.
        sha256: hex SHA-256 of its content, lower case.

    Returns:
        At most 100 characters that `verify_video_id` accepts.

    Raises:
        ContractError: `sha256` is not a hex hash.

    >>> video_id_for(Path("videos/Ma vidéo, n° 1.mp4"), "0123abcd" * 8)
    'ma-video-n-1-0123abcd'
    >>> video_id_for(Path("Москва.mp4"), "0123abcd" * 8)
    'moskva-0123abcd'
    """
    return _joined(_slug(path, is_transliterated=True), sha256[:NUM_HASH_DIGITS])


def distinct_video_id(path: Path, sha256: str) -> str:
    """The id of a file whose `video_id_for` another name with the same content has: with a hash of the whole name.

    >>> distinct_video_id(Path("Film 1.mp4"), "0123abcd" * 8)
    'film-1-5ef3-0123abcd'
    """
    name = hashlib.sha256(os.fsencode(Path(path).name)).hexdigest()[:_NUM_NAME_DIGITS]
    return _joined(_slug(path, is_transliterated=True), f"{name}-{sha256[:NUM_HASH_DIGITS]}")


def possible_video_ids(path: Path, sha256: str) -> tuple[str, ...]:
    """The ids that a file may have here or on another machine, that of former versions last."""
    former = _joined(_slug(path, is_transliterated=False), sha256[:NUM_HASH_DIGITS])
    return video_id_for(path, sha256), distinct_video_id(path, sha256), former


def _slug(path: Path, *, is_transliterated: bool) -> str:
    # NFKD splits an accented letter into the letter and its marks; without the marks it stays one word.
    decomposed = unicodedata.normalize("NFKD", Path(path).stem)
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    if is_transliterated:
        letters = "".join(anyascii(each) if each.isalnum() else each for each in letters)
    return _DOTS.sub(".", _OTHER_CHARACTERS.sub("-", letters.lower())).strip(_EDGES)


def _joined(slug: str, end: str) -> str:
    slug = slug[: MAX_VIDEO_ID_LENGTH - len(end) - 1].rstrip(_EDGES)
    return verify_video_id(f"{slug or 'video'}-{end}")
