"""The Markdown page: what is proven and how, the table, the rules."""

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from benchmarks.frame_truth import judges, reference
from benchmarks.frame_truth.row import Row
from benchmarks.frame_truth.rules import RULES

_INTRODUCTION = f"""\
Every still this project writes is the frame that was scored: the right one, the right way up, in the right colours.
This page holds that against other programs, on one video for each thing known to go wrong.
`{{command}}` writes this page.

Of each video the first frame, the last one and others drawn by lot are exported by both exporters (PyAV in our process,
and FFmpeg the program), and judged:

- **Identity.** FFmpeg the program decodes the whole video, counts its frames by itself (`select=eq(n,K)`), and writes
  frame K as its decoder gives it. The hash of the first plane has to equal the one of each exporter and the one
  recorded when the video was first decoded. Made videos carry the number of each frame as a strip of grey blocks in
  the picture: it has to be read from what is exported (in the two damaged ones no number is known beforehand). Both
  exporters' RGB has to be the same to the bit. The frames are also written as JPEG and PNG, and those files compared
  with a decode that counts from frame 0 and trusts no seek.
- **Geometry.** FFmpeg the program turns and mirrors by itself, and enlarges the shorter side of the pixels. Size: equal
  within a pixel. Orientation: of the eight turned and mirrored versions of ours none is nearer than ours as it is.
- **Colour.** zimg (FFmpeg's `zscale`), a library that we do not use, converts the same frame; interlaced frames pass
  through `bwdif` in FFmpeg itself. In pictures reduced to {judges.COMPARED_SHORT_SIDE} pixels on the short side the
  mean difference is at most {judges.MAX_COLOUR_LEVELS:g} levels of 255. The number is the row's largest.
  {{colour_seen}}
- **HDR.** Two tone curves differ on purpose, so FFmpeg's `tonemap=hable` has to agree on the order of brightness (rank
  correlation {judges.MIN_RANK_CORRELATION} or more) and on the hue (a mean turn of {judges.MAX_HUE_DEGREES:g} degrees
  or less); how many levels the two are apart is told. And the formula of our tone curve, in float64, on zimg's 16-bit
  picture has to give ours within {judges.MAX_FORMULA_LEVELS:g} level, as for wide gamuts. (Of made videos the strip is
  left out of the first: its greys lie beside colours that BT.709 cannot show, which each program cuts its own way.)

The matrix and range that zimg is told are those of the rules below, as a file without tags has no other truth.

Beside ours: what other tools give for frame n. Wrong is a frame that is nothing, garbage, shows another number, or is
clearly nearer to another frame of the video (grey, 64x36, contrast normalised) than to the one asked for; ties, as in
still scenes, count as right, so these are lower bounds. Its orientation and colours are not held against a tool. `-ss`
is FFmpeg's, with the frame's stamp in milliseconds and with n / average rate, counted from the container's start as
`-ss` does; OpenCV seeks by `CAP_PROP_POS_FRAMES`; torchcodec is asked for `get_frame_at(n)` in its exact mode. FFmpeg
and torchcodec are told which stream.
"""
_WITHOUT_REAL = """\
The real clips were not there on this run: only made videos are in the table.
"""
_HEADINGS = ("hazard", "what it is", "frames", "PyAV", "FFmpeg program", "identity", "geometry", "colour", "verdict")


def render(rows: Sequence[Row], *, command: str, has_real: bool, torchcodec_reason: str | None) -> str:
    """The whole page.

    Args:
        has_real: whether real clips are among the rows.
        torchcodec_reason: why torchcodec did not run; None where it did.
    """
    names = list(rows[0].num_wrong) if rows else []
    headings = [*_HEADINGS, *names]
    lines = [headings, ["---"] * len(headings), *(_cells(row) for row in rows)]
    parts = [
        "# Every picture is the frame it claims to be",
        _INTRODUCTION.format(command=command, colour_seen=_colour_seen(rows)).strip(),
        _versions(),
        *([] if has_real else [_WITHOUT_REAL.strip()]),
        *([f"torchcodec did not run: {torchcodec_reason}."] if torchcodec_reason else []),
        _summary(rows, names),
        "Under the other tools' names: wrong frames of those tried. Under the exporters': proven ones.",
        "\n".join("| " + " | ".join(line) + " |" for line in lines),
        RULES.strip(),
    ]
    return "\n\n".join(parts) + "\n"


def _summary(rows: Sequence[Row], names: Sequence[str]) -> str:
    num_frames, num_failed = sum(row.num_tried for row in rows), sum(not row.is_right for row in rows)
    proven = "all proven" if not num_failed else f"**{num_failed} hazards failed**"
    texts = []
    for name in names:
        counts = [(row.num_wrong[name], row.num_tried) for row in rows if row.num_wrong[name] is not None]
        if counts:
            num_rows = sum(bool(wrong) for wrong, _ in counts)
            num_wrong = sum(wrong or 0 for wrong, _ in counts)
            tried = sum(tried for _, tried in counts)
            texts.append(f"{name} on {num_rows} of {len(counts)} hazards ({num_wrong} of {tried} frames)")
        else:
            texts.append(f"{name} not run")
    return f"**{len(rows)} hazards, {num_frames} frames, {proven}.** Wrong: {', '.join(texts)}."


def _cells(row: Row) -> list[str]:
    tried = row.num_tried
    alone = tried - row.num_by_program
    by_program = f"{row.num_right['ffmpeg']}/{tried}" + (f" ({alone} left to PyAV)" if alone else "")
    is_identical = all(right == tried for right in row.num_right.values())
    proof = "hash and strip" if row.hazard.drawn_index else "hash"
    others = [
        "not run" if wrong is None else f"**{wrong}**/{tried}" if wrong else f"0/{tried}"
        for wrong in row.num_wrong.values()
    ]
    return [
        f"`{row.hazard.name}`",
        row.hazard.sentence,
        str(tried),
        f"{row.num_right['pyav']}/{tried}",
        by_program,
        proof if is_identical else "**wrong**",
        row.geometry.text,
        row.colour.text,
        "right" if row.is_right else f"**wrong**: {row.problems[0]}",
        *others,
    ]


def _colour_seen(rows: Sequence[Row]) -> str:
    levels = [float(row.colour.text) for row in rows if row.colour.text.replace(".", "", 1).isdigit()]
    if not levels:
        return ""
    half = sorted(levels)[len(levels) // 2]
    return (
        f"Seen: up to {half:.2f} in half of the rows, {max(levels):.2f} at most; libraries differ in how they enlarge "
        "the chroma and round."
    )


def _versions() -> str:
    packages = ("av", "opencv-python-headless", "torchcodec", "numpy")
    found = [f"{name} {number}" for name in packages if (number := _version(name))]
    return (
        f"Made with Python {platform.python_version()}, FFmpeg {reference.version()} (the program), {', '.join(found)}."
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
