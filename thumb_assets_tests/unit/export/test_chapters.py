"""Chapters as WebVTT and as FFmpeg's metadata: parsed, and muxed into a file and read back."""

import re
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import av
import pyarrow as pa
import pytest

from thumb_assets.export.chapters import export_chapters, render_ffmetadata, render_webvtt
from thumb_assets.tables.conform import empty_table, table_from_rows
from thumb_assets_tests.support.drawing import draw_frame
from thumb_assets_tests.support.encoding import encode

NASTY = ["a=b; #1 \\ end", "line\nbreak", "<b>&amp; --> 'x'", "", "Ünïcode \U0001f3ac [CHAPTER]", ";FFMETADATA1"]
TIMESTAMP = re.compile(r"(\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3})")


def chapters_table(spans: Sequence[tuple[float, float]], titles: Sequence[str | None]) -> pa.Table:
    return table_from_rows(
        "chapters",
        [
            {
                "video_id": "clip-0a1b2c3d",
                "chapter_index": index,
                "start_frame_index": 10 * index,
                "exclusive_end_frame_index": 10 * index + 10,
                "start_pts_seconds": start,
                "end_seconds": end,
                "frame_index": None,
                "title": title,
                "title_similarity": None,
                "num_candidates": 1,
            }
            for index, ((start, end), title) in enumerate(zip(spans, titles, strict=True))
        ],
    )


def parse_webvtt(text: str) -> list[tuple[float, float, str]]:
    """The cues of a WebVTT file, by its grammar: blocks parted by blank lines, an id, the times, one line of text."""
    header, *blocks = text.rstrip("\n").split("\n\n")
    assert header == "WEBVTT"
    cues = []
    for number, block in enumerate(blocks, start=1):
        identifier, times, title = block.split("\n")
        assert identifier == str(number)
        assert "-->" not in title
        start, end = (TIMESTAMP.fullmatch(each) for each in times.split(" --> "))
        assert start is not None
        assert end is not None
        seconds = [int(m[1]) * 3600 + int(m[2]) * 60 + int(m[3]) + int(m[4]) / 1000 for m in (start, end)]
        plain = title.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        cues.append((seconds[0], seconds[1], plain))
    return cues


def test_webvtt_counts_from_the_first_frame_and_hours_go_on() -> None:
    table = chapters_table([(1.4, 11.4004), (11.4004, 3_726.4), (3_726.4, 400_001.4)], [None, "a kitchen", None])
    assert render_webvtt(table) == (
        "WEBVTT\n\n1\n00:00:00.000 --> 00:00:10.000\nChapter 1\n\n2\n00:00:10.000 --> 01:02:05.000\na kitchen\n\n"
        "3\n01:02:05.000 --> 111:06:40.000\nChapter 3\n"
    )


def test_webvtt_cues_rise_and_titles_survive() -> None:
    spans = [(float(index), float(index + 1)) for index in range(len(NASTY))]
    cues = parse_webvtt(render_webvtt(chapters_table(spans, NASTY)))
    assert [cue[:2] for cue in cues] == spans
    titles = [cue[2] for cue in cues]
    assert titles == [NASTY[0], "line break", NASTY[2], "Chapter 4", *NASTY[4:]]


def test_spans_of_no_length_still_rise() -> None:
    cues = parse_webvtt(render_webvtt(chapters_table([(0, 0), (0, 0.0001), (0.0001, 5)], ["a", "b", "c"])))
    assert all(start < end for start, end, _ in cues)
    assert all(one[1] <= other[0] for one, other in pairwise(cues))


def test_no_chapter_is_a_valid_file() -> None:
    assert render_webvtt(empty_table("chapters")) == "WEBVTT\n"
    assert render_ffmetadata(empty_table("chapters")) == ";FFMETADATA1\n"


def test_ffmpeg_writes_the_chapters_into_a_video_and_they_are_read_back(tmp_path: Path) -> None:
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
    video = encode(tmp_path / "video.mp4", [draw_frame(index) for index in range(150)])
    spans = [(float(index), float(index + 1)) for index in range(len(NASTY))]
    folder = tmp_path / "chapters"
    files = export_chapters(chapters_table(spans, NASTY), folder=folder)
    assert files == {path.name: path.read_bytes() for path in folder.iterdir()}
    muxed = tmp_path / "muxed.mkv"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", video, "-i", folder / "chapters.ffmetadata"]
    subprocess.run([*map(str, command), "-map_chapters", "1", "-codec", "copy", str(muxed)], check=True)
    with av.open(str(muxed)) as container:
        found = container.chapters()
    times = [float(each[side] * each["time_base"]) for each in found for side in ("start", "end")]
    assert times == pytest.approx([side for span in spans for side in span])
    assert [each["metadata"]["title"] for each in found] == [title or "Chapter 4" for title in NASTY]


def test_the_folder_is_replaced_whole(tmp_path: Path) -> None:
    folder = tmp_path / "clip-0a1b2c3d"
    export_chapters(chapters_table([(0, 5)], ["old"]), folder=folder)
    swaps = []
    export_chapters(
        chapters_table([(0, 5)], ["new"]),
        folder=folder,
        on_swap=lambda: swaps.append((folder / "chapters.vtt").read_text()),
    )
    assert "old" in swaps[0]
    assert "new" in (folder / "chapters.vtt").read_text()
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
