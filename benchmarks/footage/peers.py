"""FFmpeg's filter `thumbnail` and PySceneDetect on labelled clips, kept from run to run with what they cost."""

import hashlib
import json
import re
import resource
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.footage.labels import Clip
from benchmarks.peers import find_ffmpeg
from thumb_assets.errors import ThumbAssetsError

# Another one makes what was kept be measured again.
_VERSION = 1


class Peers:
    """Asks the other programs once per clip.

    Args:
        folder: where answers are kept; made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def thumbnails(self, clip: Clip, seconds: npt.NDArray[np.float64], *, k: int) -> tuple[list[int], float]:
        """The most typical frame of each k-th of a clip, in their order, and the CPU seconds it took.

        Args:
            clip: any.
            seconds: (N,) when each of its frames is shown.
            k: in so many parts.
        """
        stamps, cost = self._kept(clip, f"thumbnail-{k}", lambda: _thumbnail_seconds(clip, k=k))
        places = [int(np.abs(seconds - stamp).argmin()) for stamp in stamps]
        return list(dict.fromkeys(places)), cost

    def scenes(self, clip: Clip) -> tuple[list[tuple[int, int]], float]:
        """PySceneDetect's scenes (AdaptiveDetector), start and exclusive end, and the CPU seconds they took."""
        scenes, cost = self._kept(clip, "scenes", lambda: _scenes(clip))
        return [(start, end) for start, end in scenes], cost

    def _kept(self, clip: Clip, name: str, ask: Callable[[], list[Any]]) -> tuple[list[Any], float]:
        status = clip.path.stat()
        identity = json.dumps([_VERSION, clip.name, status.st_size, status.st_mtime_ns])
        path = self._folder / f"{name}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.json"
        if not path.exists():
            before = cpu_seconds()
            answer = ask()
            part = path.with_suffix(".part")
            part.write_text(json.dumps({"answer": answer, "cpu_seconds": cpu_seconds() - before}), encoding="utf-8")
            part.replace(path)
        kept = json.loads(path.read_text(encoding="utf-8"))
        return kept["answer"], float(kept["cpu_seconds"])


def cpu_seconds() -> float:
    """User and system time so far, of this process and of the children that ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _thumbnail_seconds(clip: Clip, *, k: int) -> list[float]:
    """By the times that `showinfo` prints of what `thumbnail` lets through."""
    filters = f"thumbnail=n={max(2, -(-clip.num_frames // k))},showinfo"
    line = [find_ffmpeg(), "-hide_banner", "-copyts", "-i", clip.path, "-an", "-vf", filters]
    line += ["-fps_mode", "passthrough", "-f", "null", "-"]
    outcome = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if outcome.returncode:
        raise ThumbAssetsError(f"{clip.path}: FFmpeg's filter `thumbnail` failed: {outcome.stderr[-400:]}")
    return [float(text) for text in re.findall(r"Parsed_showinfo.* pts_time:(-?[\d.]+)", outcome.stderr)]


def _scenes(clip: Clip) -> list[tuple[int, int]]:
    from scenedetect import AdaptiveDetector, detect

    found = detect(str(clip.path), AdaptiveDetector(), start_in_scene=True)
    scenes = [(min(begin.frame_num, clip.num_frames), min(end.frame_num, clip.num_frames)) for begin, end in found]
    return [scene for scene in scenes if scene[0] < scene[1]] or [(0, clip.num_frames)]
