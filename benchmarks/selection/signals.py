"""Signals measured once on every frame of a made video, apart from ours: for the other choosers and the measures."""

import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.peers import find_ffmpeg
from benchmarks.selection.damage import decoded
from benchmarks.selection.plan import RATE
from thumb_assets.clip.encoder import OpenClipEncoder
from thumb_assets.settings.load import load_settings

# Another one makes what was kept be measured again.
_VERSION = 2
# Every so manieth frame is embedded; a chosen frame counts as the nearest of these.
EVERY = 5
_BATCH_SIZE = 64
_SMALL_SIZE = (64, 36)
_NUM_PARTS = 3


@dataclass(frozen=True)
class Signals:
    """Signals of a video, whose frames are numbered as the decoder shows them.

    Attributes:
        laplacian: (N,) float64, variance of the Laplacian of the luma.
        lumas: (N, 36, 64) uint8.
        embeddings: (E, D) float32 of L2 norm 1, thumb-mini's, of the frames 0, EVERY, 2 EVERY, ...
        scenes: (S, 2) int64, start and exclusive end of each of PySceneDetect's scenes (AdaptiveDetector).
        thumbnails: (3,) int64, the frame that FFmpeg's filter `thumbnail` takes of each third.
    """

    laplacian: npt.NDArray[np.float64]
    lumas: npt.NDArray[np.uint8]
    embeddings: npt.NDArray[np.float32]
    scenes: npt.NDArray[np.int64]
    thumbnails: npt.NDArray[np.int64]

    @property
    def num_frames(self) -> int:
        """Number of frames of the video."""
        return len(self.laplacian)

    def place(self, frame_index: int) -> int:
        """Place of the embedding of a frame: that of the nearest embedded frame."""
        return min(round(frame_index / EVERY), len(self.embeddings) - 1)


def signals_of(path: Path) -> Signals:
    """Measured, or read from what was kept beside the video."""
    kept = path.with_name(f"{path.stem}-v{_VERSION}.npz")
    if not kept.exists():
        part = path.with_name(f"part-{kept.name}")
        np.savez(part, **vars(_measure(path)))
        part.replace(kept)
    with np.load(kept) as arrays:
        return Signals(**dict(arrays))


def _measure(path: Path) -> Signals:
    import cv2

    laplacian, lumas, embeddings, batch = [], [], [], []
    for index, picture in enumerate(decoded(path)):
        luma = np.frombuffer(picture.planes[0], np.uint8).reshape(picture.height, -1)[:, : picture.width]
        laplacian.append(float(cv2.Laplacian(luma, cv2.CV_64F).var()))
        lumas.append(cv2.resize(luma, _SMALL_SIZE, interpolation=cv2.INTER_AREA))
        if index % EVERY == 0:
            batch.append(picture.to_ndarray(format="rgb24"))
        if len(batch) == _BATCH_SIZE:
            embeddings.append(_encoder().encode_images(batch))
            batch = []
    embeddings.append(_encoder().encode_images(batch))
    num_frames = len(laplacian)
    return Signals(
        np.array(laplacian),
        np.stack(lumas),
        np.concatenate([each for each in embeddings if len(each)]),
        _scenes(path, num_frames),
        _thumbnails(path, num_frames),
    )


def _scenes(path: Path, num_frames: int) -> npt.NDArray[np.int64]:
    from scenedetect import AdaptiveDetector, detect

    found = detect(str(path), AdaptiveDetector(), start_in_scene=True)
    scenes = np.array([(begin.frame_num, end.frame_num) for begin, end in found], np.int64)
    return np.clip(scenes, 0, num_frames)


def _thumbnails(path: Path, num_frames: int) -> npt.NDArray[np.int64]:
    """By the times that `showinfo` prints of what `thumbnail` lets through."""
    filters = f"thumbnail=n={-(-num_frames // _NUM_PARTS)},showinfo"
    line = [find_ffmpeg(), "-hide_banner", "-i", path, "-vf", filters, "-fps_mode", "passthrough", "-f", "null", "-"]
    outcome = subprocess.run(line, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    seconds = [float(text) for text in re.findall(r"Parsed_showinfo.* pts_time:([\d.]+)", outcome.stderr)]
    return np.round(np.array(seconds) * RATE).astype(np.int64)


@cache
def _encoder() -> OpenClipEncoder:
    return OpenClipEncoder(load_settings(overrides=["clip.device=cpu"]).clip)
