"""Model files that OpenCV reads by itself.

What belongs here: reading one, quietly, and saying what is wrong with it. What does not: what a network computes
(faces, subjects, texts), where its file comes from (weights), models of torch (inference).
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from thumb_assets.errors import ModelUnavailableError

Network = TypeVar("Network")


def read_network(path: Path, read: Callable[[], Network]) -> Network:
    """Reads a model file with OpenCV.

    Args:
        path: of the file, for the message.
        read: calls OpenCV, such as `lambda: cv2.dnn.readNetFromONNX(str(path))`.

    Raises:
        ModelUnavailableError: OpenCV cannot read the file.
    """
    import cv2

    # OpenCV 5 warns about its own defaults at every creation, and prints what it raises as well.
    log_level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    try:
        return read()
    except cv2.error as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelUnavailableError(f"{path} is not a model OpenCV can read: {reason}") from None
    finally:
        cv2.utils.logging.setLogLevel(log_level)
