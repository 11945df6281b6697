"""Passes decoded pictures through FFmpeg's filters, and cuts them as their container asks."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
from av.error import BlockingIOError as NothingYetError
from av.error import EOFError as NothingMoreError

from thumb_assets.video.geometry import NO_CROP, Crop

_ANY_TIME_BASE = Fraction(1, 25)
# Every chroma format shares its samples among a divisor of so many columns and rows.
_MOST_SHARED = 8


def cropped_size(picture: av.VideoFrame, crop: Crop) -> tuple[int, int]:
    """(width, height) of a picture without what its container has left out."""
    if crop == NO_CROP:
        return picture.width, picture.height
    return crop.part_of(picture.width, picture.height, step=chroma_step(picture.format))[2:]


def chroma_step(pixel_format: av.VideoFormat) -> tuple[int, int]:
    """Columns and rows that share a chroma sample.

    >>> chroma_step(av.VideoFormat("yuv420p")), chroma_step(av.VideoFormat("rgb24"))
    ((2, 2), (1, 1))
    """
    across, down = pixel_format.chroma_width(_MOST_SHARED), pixel_format.chroma_height(_MOST_SHARED)
    return _MOST_SHARED // max(1, across), _MOST_SHARED // max(1, down)


def cropped(picture: av.VideoFrame, crop: Crop) -> av.VideoFrame:
    """The picture without what its container has left out; no pixel is copied."""
    if crop == NO_CROP:
        return picture
    part = crop.part_of(picture.width, picture.height, step=chroma_step(picture.format))
    if part == (0, 0, picture.width, picture.height):
        return picture
    x, y, width, height = part
    return filtered([picture], [("crop", f"{width}:{height}:{x}:{y}")])[0]


def filtered(pictures: Sequence[av.VideoFrame], filters: Sequence[tuple[str, str]]) -> list[av.VideoFrame]:
    """Passes a few pictures through a chain of filters; their stamps stay as they were."""
    first = pictures[0]
    graph = av.filter.Graph()
    chain: list[Any] = [
        graph.add_buffer(width=first.width, height=first.height, format=first.format, time_base=_ANY_TIME_BASE)
    ]
    chain += [graph.add(name, arguments) for name, arguments in filters]
    chain.append(graph.add("buffersink"))
    for before, after in pairwise(chain):
        before.link_to(after)
    graph.configure()
    stamps = [(picture, picture.pts, picture.time_base) for picture in pictures]
    try:
        for position, picture in enumerate(pictures):
            picture.pts, picture.time_base = position, _ANY_TIME_BASE
            graph.push(picture)
        graph.push(None)
    finally:
        for picture, pts, time_base in stamps:
            picture.pts = pts
            if time_base is not None:
                picture.time_base = time_base
    results: list[av.VideoFrame] = []
    while True:
        try:
            result = graph.pull()
        except (NothingYetError, NothingMoreError):
            return results
        if isinstance(result, av.VideoFrame):
            results.append(result)
