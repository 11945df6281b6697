"""FFmpeg the program: where it is, what it can do, one call of it that cannot hang or leave children behind."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from thumb_assets.errors import ModelUnavailableError, SettingsError, TransientError
from thumb_assets.settings.environment import program_environment

# Questions to the program itself (its version, its options) are answered at once or never.
_ANSWER_SECONDS = 30.0


@dataclass(frozen=True)
class FfmpegProgram:
    """One program on this machine.

    Attributes:
        version: as it says itself, such as `7.1` or `n9.0.2-17-g2a571b6068`.
        options: names of the options it knows, without the dash.
    """

    path: Path
    version: str
    options: frozenset[str]

    def devices(self) -> list[str]:
        """FFmpeg's names of the hardware decoders it was built with; the machine may have none of them."""
        return (_answer(self.path, "-hide_banner", "-hwaccels") or "").split()[3:]


def find_program(explicit: Path | None = None) -> FfmpegProgram:
    """The program that is named, else the system's, else the one the package imageio-ffmpeg brings.

    Raises:
        SettingsError: the one that is named is not there or does not answer as FFmpeg does.
        ModelUnavailableError: there is none on this machine.
    """
    if explicit is not None:
        program = _ask(explicit.expanduser().absolute())
        if program is None:
            raise SettingsError(f"export.ffmpeg_path {explicit} is not a working FFmpeg; correct it or set it to null")
        return program
    for path in _usual_places():
        program = _ask(path)
        if program is not None:
            return program
    raise ModelUnavailableError(
        'export.backend=ffmpeg: no FFmpeg here; install ffmpeg, pip install "thumb-assets[ffmpeg]", or use pyav'
    )


def run_program(command: Sequence[str], *, folder: Path, log_path: Path, timeout_seconds: float) -> int:
    """Runs a command in a folder to its end, what it says kept in a file.

    Returns:
        Its exit status; negative where a signal ended it.

    Raises:
        TransientError: it took too long and was killed.
        OSError: it could not be started, or the log not written.
    """
    # A file, not a pipe: a pipe stays open as long as any child of a killed program lives.
    with log_path.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - a list, no shell; the program is the user's choice
            command,
            cwd=folder,
            env=program_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
        try:
            return process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            raise TransientError(
                f"{command[0]} took over {timeout_seconds:g} s (export.timeout_seconds) and was stopped; "
                "raise it, or set export.backend=pyav"
            ) from None
        finally:
            _kill(process)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Ends the program, where it still runs. It stays in our group, so that whoever ends us ends it too."""
    if process.poll() is None:
        process.kill()
        process.wait()


def _usual_places() -> Iterator[Path]:
    found = shutil.which("ffmpeg")
    if found:
        yield Path(found).absolute()
    try:
        import imageio_ffmpeg

        yield Path(imageio_ffmpeg.get_ffmpeg_exe()).absolute()
    except (ImportError, RuntimeError):
        return


@cache
def _ask(path: Path) -> FfmpegProgram | None:
    """Asks a program for its version; None if it is not FFmpeg or cannot run."""
    version = re.match(r"ffmpeg version (\S+)", _answer(path, "-version") or "")
    if version is None:
        return None
    listed = _answer(path, "-hide_banner", "-h", "long") or ""
    return FfmpegProgram(path, version[1], frozenset(re.findall(r"^ *-(\w+)", listed, re.MULTILINE)))


def _answer(path: Path, *arguments: str) -> str | None:
    try:
        completed = subprocess.run(  # noqa: S603 - a list, no shell; the program is the user's choice
            [path, *arguments],
            env=program_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return completed.stdout.decode(errors="replace") if completed.returncode == 0 else None
