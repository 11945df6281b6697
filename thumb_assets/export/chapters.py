"""Chapters in the two forms that players and editors read: WebVTT, and FFmpeg's metadata file."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from thumb_assets.export.previews.forms import timestamp
from thumb_assets.folders import replaced_folder
from thumb_assets.wording import one_line

WEBVTT_NAME, FFMETADATA_NAME = "chapters.vtt", "chapters.ffmetadata"


def render_webvtt(chapters: pa.Table) -> str:
    """A WebVTT chapters track, as a <track kind="chapters"> takes it; the video's first frame is at 0.

    Source: W3C, "WebVTT: The Web Video Text Tracks Format", sections 4.1 and 5 (chapter title text: one line, in which
    `&` and `<` are escaped, and `-->` must not stand).

    Args:
        chapters: table `chapters` of one video.
    """
    blocks = ["WEBVTT\n"]
    for number, start, end, title in _spans(chapters):
        text = one_line(" ".join(title.split())).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        blocks.append(f"{number}\n{timestamp(start)} --> {timestamp(end)}\n{text}\n")
    return "\n".join(blocks)


def render_ffmetadata(chapters: pa.Table) -> str:
    r"""An FFmpeg metadata file: `ffmpeg -i VIDEO -i FILE -map_chapters 1 -codec copy OUTPUT` writes the chapters.

    Source: FFmpeg's documentation of formats, section "Metadata": `=`, `;`, `#`, `\` and a newline are escaped by a
    backslash.

    Args:
        chapters: table `chapters` of one video.
    """
    lines = [";FFMETADATA1"]
    for _, start, end, title in _spans(chapters):
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", f"START={start}", f"END={end}", f"title={_escaped(title)}"]
    return "\n".join([*lines, ""])


def export_chapters(
    chapters: pa.Table, *, folder: Path, on_swap: Callable[[], object] = lambda: None
) -> dict[str, bytes]:
    """Writes both forms into a folder of their own, in place of the one that is there.

    Args:
        chapters: table `chapters` of one video.
        folder: `chapters/{video_id}`.
        on_swap: see `replaced_folder`.

    Returns:
        What was written, by name of the file.

    Raises:
        StorageError: the disk is full, read-only or gone; what was there stays.
    """
    texts = {WEBVTT_NAME: render_webvtt(chapters), FFMETADATA_NAME: render_ffmetadata(chapters)}
    contents = {name: text.encode() for name, text in texts.items()}
    with replaced_folder(folder, on_swap=on_swap) as new:
        for name, content in contents.items():
            (new / name).write_bytes(content)
    return contents


def chapter_title(title: str | None, chapter_index: int) -> str:
    """Title for people, else the chapter's number.

    >>> chapter_title(None, 0)
    'Chapter 1'
    """
    return title or f"Chapter {chapter_index + 1}"


def _spans(chapters: pa.Table) -> Iterator[tuple[int, int, int, str]]:
    """Number from 1, start and end in milliseconds from the first frame on, title; none is empty, and none overlaps."""
    rows = chapters.sort_by("chapter_index").to_pylist()
    begin = rows[0]["start_pts_seconds"] if rows else 0.0
    last = 0
    for number, row in enumerate(rows, start=1):
        start = max(last, round(1000 * (row["start_pts_seconds"] - begin)))
        last = max(start + 1, round(1000 * (row["end_seconds"] - begin)))
        yield number, start, last, chapter_title(row["title"], row["chapter_index"])


def _escaped(text: str) -> str:
    r"""As FFmpeg wants it.

    >>> print(_escaped("a=b; c#"))
    a\=b\; c\#
    """
    lines = (re.sub(r"[=;#\\]", r"\\\g<0>", one_line(line)) for line in text.split("\n"))
    return "\\\n".join(lines)
