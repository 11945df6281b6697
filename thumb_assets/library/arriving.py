"""Files that come from others into the library folder: a name that is safe, and a path that stays inside.

What belongs here: the rules that whoever takes a file in shares. What does not: how it comes (serve, desk), and whether
it is a video (store).
"""

import re
from pathlib import Path, PurePosixPath

from thumb_assets.store.library import VIDEO_SUFFIXES

_MAX_NAME_LENGTH = 120
_OTHER_CHARACTERS = re.compile(r"[^A-Za-z0-9._-]+")


def file_name_for(name: str) -> str:
    """A name that is safe on every file system, and that the library takes for a video's.

    >>> file_name_for("../../etc/Ma vidéo.MP4")
    'etc-Ma-vid-o.MP4'
    """
    safe = _OTHER_CHARACTERS.sub("-", name).strip(".-_")
    stem, suffix = PurePosixPath(safe).stem or "video", PurePosixPath(safe).suffix
    if suffix.lower() not in VIDEO_SUFFIXES:
        stem, suffix = safe or "video", ".mp4"  # what it is, the file itself says when it is opened
    return stem[:_MAX_NAME_LENGTH].strip(".-_") + suffix


def file_inside(folder: Path, path: str) -> Path | None:
    """A file of a folder by its path, and nothing outside it, links included; None where it is no such file.

    Args:
        path: within the folder, or the whole path.
    """
    root = folder.resolve()
    try:
        found = (root / path).resolve()
        is_inside = found.is_relative_to(root) and found.is_file()
    except (OSError, ValueError, RuntimeError):  # a name too long, a null in it, a loop of links
        return None
    return root / path if is_inside else None
