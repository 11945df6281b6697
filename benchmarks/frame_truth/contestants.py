"""Frame n of a video as other tools give it: FFmpeg's -ss, OpenCV, torchcodec."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import files
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import av
import numpy as np
import numpy.typing as npt

from benchmarks.frame_truth.ours import Recording
from benchmarks.frame_truth.reference import parse_ppm, program

RgbArray = npt.NDArray[np.uint8]
Found = dict[int, RgbArray | None]
Tool = Callable[[Path, Recording, Sequence[int]], Found]

_TIMEOUT_SECONDS = 120
# FFmpeg's own assumption for streams that say nothing.
_ANY_RATE = 25


def by_ss_time(path: Path, recording: Recording, wanted: Sequence[int]) -> Found:
    """`-ss` with the frame's stamp, from the container's start on as `-ss` counts, to three decimals."""
    with av.open(f"file:{path}") as container:
        start = (container.start_time or 0) / av.time_base
    return {index: _at(path, recording, f"{recording.seconds_of(index) - start:.3f}") for index in wanted}


def by_ss_rate(path: Path, recording: Recording, wanted: Sequence[int]) -> Found:
    """`-ss` with n / average frame rate."""
    rate = recording.header.average_frame_rate or _ANY_RATE
    return {index: _at(path, recording, f"{float(index / rate):.6f}") for index in wanted}


class Library:
    """A library in a process of its own: `opencv` or `torchcodec`. Use as a context manager.

    OpenCV seeks by `CAP_PROP_POS_FRAMES`; torchcodec is asked for `get_frame_at(n)` with `seek_mode="exact"`, of the
    stream that we take, and runs on the FFmpeg libraries inside PyAV's wheel.

    Attributes:
        reason: why it cannot run here; None where it can.
    """

    def __init__(self, name: Literal["opencv", "torchcodec"]) -> None:
        self.reason: str | None = None
        self._name = name
        self._process: subprocess.Popen[str] | None = None
        self._folder = tempfile.TemporaryDirectory()

    def __enter__(self) -> "Library":
        self.reason = self._ask(None).get("error")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        self._folder.cleanup()

    def __call__(self, path: Path, recording: Recording, wanted: Sequence[int]) -> Found:
        """Gives the pictures of those frames."""
        output = Path(self._folder.name, "found.npz")
        output.unlink(missing_ok=True)
        question = {"path": str(path.absolute()), "stream_index": recording.header.stream_index, "wanted": list(wanted)}
        self._ask({**question, "output": str(output)})
        if not output.is_file():
            return dict.fromkeys(wanted)
        with np.load(output) as found:
            return {index: found.get(str(index)) for index in wanted}

    def _ask(self, question: dict[str, Any] | None) -> dict[str, Any]:
        """The worker's answer; a worker that dies costs one answer."""
        if self._process is None:
            self._process = self._start()
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the worker has no pipes")
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            line = ""
        if not line:
            self._stop()
            return {"error": "it ended without an answer"}
        return dict(json.loads(line))

    def _start(self) -> "subprocess.Popen[str]":
        libraries = Path(self._folder.name, "libraries")
        libraries.mkdir(exist_ok=True)
        # The wheel's names carry a checksum: libavutil-5809ad29.so.60.26.102 is asked for as libavutil.so.60.
        bundled = [Path(str(file.locate())) for file in files("av") or [] if ".libs" in str(file)]
        for library in bundled:
            name, _, rest = library.name.partition("-")
            link = libraries / f"{name}.so.{rest.partition('.so.')[2].partition('.')[0]}"
            if not link.exists():
                link.symlink_to(library)
        folders = [str(libraries), *sorted({str(library.parent) for library in bundled})]
        places = os.pathsep.join([*folders, *filter(None, [os.environ.get("LD_LIBRARY_PATH")])])
        return subprocess.Popen(
            [sys.executable, "-m", "benchmarks.frame_truth.worker", self._name],
            cwd=Path(__file__).resolve().parents[2],
            env={**os.environ, "LD_LIBRARY_PATH": places},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def tools(opencv: Library, torchcodec: Library) -> dict[str, Tool | None]:
    """The other tools by the heading of their column; None for one that does not run here."""
    return {
        "-ss time": by_ss_time,
        "-ss n/fps": by_ss_rate,
        "OpenCV": opencv if opencv.reason is None else None,
        "torchcodec": torchcodec if torchcodec.reason is None else None,
    }


def _at(path: Path, recording: Recording, seconds: str) -> RgbArray | None:
    command = [program(), "-nostdin", "-v", "error", "-ss", seconds, "-i", f"file:{path.absolute()}"]
    command += ["-map", f"0:{recording.header.stream_index}", "-frames:v", "1"]
    command += ["-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "-"]
    try:
        completed = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return None
    return np.asarray(parse_ppm(completed.stdout), np.uint8) if completed.stdout else None
