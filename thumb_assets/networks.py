"""Model files that OpenCV reads by itself.

What belongs here: reading one, quietly, and saying what is wrong with it. What does not: what a network computes
(faces, subjects, texts), where its file comes from (weights), models of torch (inference).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from thumb_assets.errors import ModelUnavailableError

Network = TypeVar("Network")
# By path, size and time of the file; None: nothing is kept.
_kept: dict[tuple[Path, int, int], Any] | None = None


def keep_networks() -> None:
    """From now on this process reads each plain network once.

    For a process that does one piece of work after the other: OpenCV keeps the input in the network, so it is not safe
    for two at once.
    """
    global _kept  # noqa: PLW0603 - the process's own
    _kept = {} if _kept is None else _kept


def read_network(path: Path, read: Callable[[], Network], *, is_plain: bool = True) -> Network:
    """Reads a model file with OpenCV.

    Args:
        path: of the file, for the message.
        read: calls OpenCV, such as `lambda: cv2.dnn.readNetFromONNX(str(path))`.
        is_plain: what is read depends on the file alone, so that it may be kept.

    Raises:
        ModelUnavailableError: OpenCV cannot read the file.
    """
    if _kept is None or not is_plain:
        return _read(path, read)
    status = path.stat()
    key = (path, status.st_size, status.st_mtime_ns)
    if key not in _kept:
        _kept[key] = _read(path, read)
    kept: Network = _kept[key]
    return kept


def _read(path: Path, read: Callable[[], Network]) -> Network:
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
