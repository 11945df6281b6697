"""Answers, one line of JSON for each question, which frames a library gives; `python -m ... opencv|torchcodec`.

A process of its own, since torchcodec needs other libraries, and OpenCV, where it fails, hands out memory as it lies
there: in a process that has seen the right picture before, that may be the right picture.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Question = dict[str, Any]
Frames = Iterator[tuple[int, npt.NDArray[np.uint8]]]


def main(name: str) -> None:
    """Reads questions from standard input until it ends; `null` asks whether the library works at all."""
    frames, require = {"opencv": (_opencv, _require_opencv), "torchcodec": (_torchcodec, _require_torchcodec)}[name]
    for line in sys.stdin:
        question = json.loads(line)
        answer: dict[str, Any] = {}
        try:
            if question is None:
                require()
            else:
                found = {str(index): np.ascontiguousarray(rgb) for index, rgb in frames(question)}
                with Path(question["output"]).open("wb") as file:
                    np.savez(file, **found)
        except Exception as error:  # noqa: BLE001 - whatever it raises is its answer
            answer = {"error": str(error).partition("\n")[0].partition(". ")[0]}
        print(json.dumps(answer), flush=True)


def _opencv(question: Question) -> Frames:
    import cv2

    capture = cv2.VideoCapture(question["path"])
    for frame_index in question["wanted"]:
        capture.set(cv2.CAP_PROP_POS_FRAMES, frame_index)
        is_read, bgr = capture.read()
        if is_read and bgr is not None and bgr.ndim == 3:
            yield frame_index, bgr[..., ::-1]
    capture.release()


def _require_opencv() -> None:
    import cv2  # noqa: F401


def _torchcodec(question: Question) -> Frames:
    from torchcodec.decoders import VideoDecoder

    decoder = VideoDecoder(question["path"], seek_mode="exact", stream_index=question["stream_index"])
    for frame_index in question["wanted"]:
        try:
            picture = decoder.get_frame_at(frame_index).data
        except (RuntimeError, IndexError, ValueError):
            continue
        yield frame_index, picture.numpy().transpose(1, 2, 0)


def _require_torchcodec() -> None:
    """Its libraries are loaded with the first video, so it is shown one that is none."""
    from torchcodec.decoders import VideoDecoder

    try:
        VideoDecoder(b"no video")
    except RuntimeError as error:
        if "Could not load" in str(error):
            raise


if __name__ == "__main__":
    main(sys.argv[1])
