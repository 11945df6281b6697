"""Whole commands, from their start to the files on disk: nothing is imported, loaded or known before the clock runs.

The tutorial's script is this module's command: `python -m benchmarks.stopwatch OUT VIDEO...`.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import click

from benchmarks.contestants import Done
from benchmarks.costs import TreeMemory
from benchmarks.peers import TutorialScript, find_ffmpeg
from thumb_assets.errors import ThumbAssetsError
from thumb_assets.pipeline.environment import engine_environment
from thumb_assets.settings.load import load_settings

_SECONDS_BETWEEN_SAMPLES = 0.1
# A contestant's process is set up as the engine's is; a command that a person types is not.
# Without bytecode, which an installed package has, every start would compile all that it imports.
_NOT_OF_A_PERSON = {*engine_environment({}), "PYTHONDONTWRITEBYTECODE"}


@dataclass
class Command:
    """A command line over videos, started anew in every run; what it wrote is counted and removed.

    Attributes:
        paths: the videos, each given to it.
    """

    paths: Sequence[Path]
    _folder: Path = field(default=Path(), init=False)

    suffixes: ClassVar[tuple[str, ...]] = (".jpg",)

    def load(self, folder: Path) -> tuple[str, ...]:
        """See Contestant; a command loads what it needs by itself."""
        self._folder = Path(tempfile.mkdtemp(dir=folder))
        return ()

    def prepare(self) -> None:
        """See Contestant; nothing is warm but the files, which all read."""

    def lines(self, out: Path) -> Iterator[list[str | Path]]:
        """The command lines, one after the other, that write into `out`."""
        raise NotImplementedError

    def run(self) -> Done:
        """See Contestant."""
        out = Path(tempfile.mkdtemp(dir=self._folder))
        watches = [run_watched(line) for line in self.lines(out)]
        num_files = sum(path.suffix in self.suffixes for path in out.rglob("*"))
        shutil.rmtree(out)
        return _done(f"{num_files} pictures", watches)


@dataclass
class Ours(Command):
    """`thumb-assets run` into a new data folder."""

    profile: str = "default"
    overrides: Sequence[str] = ()

    def lines(self, out: Path) -> Iterator[list[str | Path]]:
        """One process for all videos."""
        yield ours(
            "run",
            *self.paths,
            "--data-dir",
            out,
            "--profile",
            self.profile,
            *(f"--set={each}" for each in self.overrides),
        )


@dataclass
class OursAgain(Command):
    """A command on a library in which everything is done: `run` with nothing to do, `show`, or `--help`."""

    arguments: Sequence[str] = ("run",)
    overrides: Sequence[str] = ()

    def prepare(self) -> None:
        """Makes the library, where one is needed."""
        if self.arguments[0] == "--help":
            return
        first = Ours(self.paths, overrides=self.overrides)
        for line in first.lines(self._folder / "library"):
            run_watched(line)

    def run(self) -> Done:
        """See Contestant."""
        library = self._folder / "library"
        line = ours(*self.arguments)
        if self.arguments[0] == "run":
            line += [*self.paths, *(f"--set={each}" for each in self.overrides)]
        if self.arguments[0] == "show":
            line.append(next((library / "tables" / "videos").glob("*.parquet")).stem)
        if self.arguments[0] != "--help":
            line += ["--data-dir", library]
        return _done(" ".join(self.arguments), [run_watched(line)])


class ThumbnailCommand(Command):
    """FFmpeg's `thumbnail` filter over every 100 frames, a process for each video."""

    def lines(self, out: Path) -> Iterator[list[str | Path]]:
        """See Command."""
        for number, path in enumerate(self.paths):
            filters = ["-vf", "thumbnail=n=100", "-fps_mode", "passthrough", "-q:v", "2"]
            yield [find_ffmpeg(), "-v", "error", "-y", "-i", path, *filters, out / f"{number:03d}-%05d.jpg"]


class SaveImagesCommand(Command):
    """PySceneDetect's `detect-adaptive save-images`, a process for each video."""

    def lines(self, out: Path) -> Iterator[list[str | Path]]:
        """See Command."""
        for number, path in enumerate(self.paths):
            folder = out / f"{number:03d}"
            yield [
                sys.executable,
                "-m",
                "scenedetect",
                "-q",
                "-i",
                path,
                "-o",
                folder,
                "detect-adaptive",
                "save-images",
            ]


class TutorialCommand(Command):
    """The tutorial's script: one process for all videos, which loads its models once."""

    def lines(self, out: Path) -> Iterator[list[str | Path]]:
        """See Command."""
        yield [sys.executable, "-m", "benchmarks.stopwatch", out, *self.paths]


def ours(*arguments: str | Path) -> list[str | Path]:
    """Our command line."""
    return [sys.executable, "-m", "thumb_assets", *arguments]


@dataclass
class Watch:
    """What was seen of a command.

    Attributes:
        peak_bytes: the most memory that it and its children had at one moment, see `TreeMemory`.
        cpu_seconds: the cost of looking, which is not the command's.
    """

    peak_bytes: int = 0
    cpu_seconds: float = 0.0


def _done(text: str, watches: Sequence[Watch]) -> Done:
    return Done(
        text,
        peak_bytes=max(watch.peak_bytes for watch in watches),
        watching_seconds=sum(watch.cpu_seconds for watch in watches),
    )


def run_watched(line: Sequence[str | Path]) -> Watch:
    """Runs a command to its end, and watches it.

    Raises:
        ThumbAssetsError: it failed; with the end of what it said.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_OF_A_PERSON}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said, env=environment
        )
        with process, _watched(process.pid) as watch:
            status = process.wait()
        if status:
            said.seek(0)
            end = said.read()[-500:].decode(errors="replace").strip()
            raise ThumbAssetsError(f"{' '.join(map(str, line[:4]))} ... ended with {status}: {end}")
    return watch


@contextmanager
def _watched(pid: int) -> Iterator[Watch]:
    """What is seen of a process and its children until the end; complete after it."""
    watch, memory = Watch(), TreeMemory(pid)
    is_over = threading.Event()

    def sample() -> None:
        while True:
            watch.peak_bytes = max(watch.peak_bytes, memory.bytes())
            watch.cpu_seconds = time.thread_time()
            if is_over.wait(_SECONDS_BETWEEN_SAMPLES):
                return

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield watch
    finally:
        is_over.set()
        sampler.join()


@click.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(*, out: Path, paths: tuple[Path, ...]) -> None:
    """Choose pictures of videos as the tutorials do, and write them as JPEG files."""
    settings = load_settings(overrides=["clip.device=cpu", "iqa.device=cpu"])
    script = TutorialScript(paths[0], settings)
    with tempfile.TemporaryDirectory() as folder:
        script.load(Path(folder))
        for number, path in enumerate(paths):
            script.path = path
            script.run()
            script.write_chosen(out, prefix=f"{number:03d}")


if __name__ == "__main__":
    main()
