"""The clips that are measured: made once by recipe, kept in the temporary folder under names that tell the recipe."""

import getpass
import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import av
import click

from benchmarks.recipes import VERSION, Recipe, write_clip, write_copy
from benchmarks.sources import Source, find_sources

# A quick run only shows that everything works: short and small.
_QUICK_SECONDS, _QUICK_SIZE, _QUICK_BIT_RATE = 3, (320, 180), 300_000
_NUM_DISTINCT = 30  # of the short clips; the others are copies with another comment in them


@dataclass(frozen=True)
class Clip:
    """A video file and what the report says of it; `description` and `name` hold no folder."""

    path: Path
    name: str
    description: str
    seconds: float


class ClipShelf:
    """Makes clips when they are first asked for.

    Args:
        sources_dir: a folder of videos to make them of; None takes the packaged ones.
        is_quick: whether the clips are to be small and short.
    """

    def __init__(self, sources_dir: Path | None, *, is_quick: bool) -> None:
        self.is_quick = is_quick
        self._sources_dir = sources_dir
        self._sources: list[Source] = []
        self._folder = Path(tempfile.gettempdir()) / f"thumb-assets-benchmarks-{getpass.getuser()}"

    def clip(self, recipe: Recipe) -> Clip:
        """The clip of a recipe."""
        recipe = self._sized(recipe)
        path = self._made(self._name(recipe), lambda part: write_clip(part, recipe, self.sources))
        return describe(path, name=recipe.name, about=recipe.about)

    def loop(self, recipe: Recipe, *, num_times: int) -> Clip:
        """The clip of a recipe again and again."""
        once = self.clip(recipe)
        name = f"{once.path.stem}-x{num_times}.mp4"
        path = self._made(name, lambda part: write_copy(part, once.path, num_times=num_times))
        return describe(path, name=f"{once.name} x {num_times}", about=recipe.about)

    def many(self, recipe_of: Callable[[int], Recipe], num_clips: int) -> list[Path]:
        """That many clips with differing contents: some are encoded, the others are copies with their own comment."""
        paths = []
        for number in range(num_clips):
            seed, copy_number = number % _NUM_DISTINCT, number // _NUM_DISTINCT
            path = self.clip(recipe_of(seed)).path
            if copy_number:
                encoded, comment = path, f"copy {copy_number}"
                name = f"{encoded.stem}-copy{copy_number}.mp4"
                path = self._made(name, lambda part, of=encoded, text=comment: write_copy(part, of, comment=text))
            paths.append(path)
        return paths

    @property
    def sources(self) -> Sequence[Source]:
        """The videos that the clips are made of."""
        self._sources = self._sources or find_sources(self._sources_dir)
        return self._sources

    def _sized(self, recipe: Recipe) -> Recipe:
        if not self.is_quick:
            return recipe
        seconds = min(recipe.seconds, _QUICK_SECONDS)
        return replace(recipe, size=_QUICK_SIZE, seconds=seconds, bit_rate=_QUICK_BIT_RATE if recipe.bit_rate else 0)

    def _name(self, recipe: Recipe) -> str:
        identity = " ".join(f"{source.path.name} {source.num_frames}" for source in self.sources)
        of_sources = hashlib.sha256(identity.encode()).hexdigest()[:6]
        return f"{recipe.name}-v{VERSION}-{recipe.digest}-{of_sources}.mp4"

    def _made(self, name: str, write: Callable[[Path], None]) -> Path:
        path = self._folder / name
        if not path.exists():
            self._folder.mkdir(mode=0o700, exist_ok=True)
            click.echo(f"making {name}, once ...", err=True)
            unfinished = path.with_name(f"{os.getpid()}.part.mp4")
            try:
                write(unfinished)
                unfinished.replace(path)
            finally:
                unfinished.unlink(missing_ok=True)
        return path


def describe(path: Path, *, name: str, about: str) -> Clip:
    """The clip in a file that was made here."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        seconds = (container.duration or 0) / av.time_base
        rate = container.bit_rate / 1e6
    length = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    description = f"{context.width}x{context.height}, {length}, {rate:.1f} Mbit/s; {about}"
    return Clip(path, name, description, seconds)
