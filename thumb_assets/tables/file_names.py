"""Names of files that tables and folders agree on."""

from collections.abc import Iterable, Mapping
from typing import Any


def cover_of(stills: Iterable[Mapping[str, Any]]) -> tuple[str, Mapping[str, Any]] | None:
    """The name of a video's cover, and the row of the still that it is a copy of; None where there is no still.

    Args:
        stills: rows of the table `stills` of one video.

    >>> cover_of([{"rank": 2, "file_name": "a_f2.png"}, {"rank": 1, "file_name": "a_f1.png"}])[0]
    'cover.png'
    """
    best = min(stills, key=lambda row: int(row["rank"]), default=None)
    return None if best is None else (f"cover.{best['file_name'].rpartition('.')[2]}", best)
