"""One tree of errors, split by what a retry can do.

What belongs here: exception types, each with a message a person can act on, and which of them a foreign exception is.
What does not: handling, logging or exit codes (cli), retry policy (defs). A message names the file, says what is wrong
and what to do, in one line.
"""

import errno
import re

# `opencv-python` and `opencv-python-headless` fill the same folder; the first comes with other packages.
_DESKTOP_OPENCV = (
    "OpenCV here is the desktop build, which needs libGL and finds none; run: pip uninstall -y opencv-python "
    "opencv-python-headless && pip install --no-deps opencv-python-headless"
)


# Where nothing was run in a data folder: what every command, the pages and the servers say then.
RUN_FIRST = "run `thumb-assets run PATH` first, or name the data folder (--data-dir)"


class ThumbAssetsError(Exception):
    """Base of every error this project raises on purpose."""

    is_permanent = True


class PermanentError(ThumbAssetsError):
    """Trying again with the same input and settings gives the same result."""


class BadInputError(PermanentError):
    """A file or folder the user gave cannot be used: missing, not a video, no video stream, no decodable frame."""


class SettingsError(PermanentError):
    """A setting is unknown, out of range or contradicts another."""


class ContractError(PermanentError):
    """A table breaks its contract: a missing or extra column, a null where none may be, a duplicate key."""


class MissingInputError(PermanentError):
    """A stage needs a table that was not made yet; the message names the stage to run first."""


class ModelUnavailableError(PermanentError):
    """A model's weights or package cannot be had here; the message says how to supply them."""


class RefusedModelError(PermanentError):
    """A file of weights holds more than data and is not loaded: never skipped, since somebody may have put it there."""


class VerificationError(PermanentError):
    """A still is not the frame it claims to be, or the number of stills is not the number of selections."""


class SignatureError(PermanentError):
    """A request is not signed by one who knows the secret, or was signed too long ago."""


class TransientError(ThumbAssetsError):
    """The surroundings failed (disk, memory, network): the same work can succeed later."""

    is_permanent = False


class StorageError(TransientError):
    """The disk is full, read-only or gone."""


class NetworkError(TransientError):
    """Another system cannot be reached, does not answer, or says that it cannot now.

    Attributes:
        retry_after_seconds: how long it asks to be left alone; None where it does not say.
    """

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class UnavailableError(TransientError):
    """A program of the same library is not running, or is at work on what is wanted; the message says which."""


class StoppedError(TransientError):
    """The person who asked for the work had it stopped."""


class OutOfMemoryError(TransientError):
    """Memory or device memory ran out."""


def as_thumb_assets_error(error: Exception, where: str) -> ThumbAssetsError:
    """Any exception as one of ours with a one-line message; ours are kept as they are."""
    if isinstance(error, ThumbAssetsError):
        return error
    reason = next(iter(str(error).splitlines()), "") or type(error).__name__
    known: ThumbAssetsError
    if isinstance(error, MemoryError):
        known = OutOfMemoryError(f"{where}: out of memory; use smaller batches or a machine with more")
    elif isinstance(error, ImportError) and "libGL.so" in str(error):
        known = ModelUnavailableError(f"{where}: {_DESKTOP_OPENCV}")
    elif isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EACCES}:
        known = StorageError(f"{where}: cannot write: {error.strerror} ({error.filename})")
    else:
        known = ThumbAssetsError(f"{where}: {type(error).__name__}: {reason}")
    known.__cause__ = error
    return known


def without_advice(message: str) -> str:
    """A message on a stored file without what to do, for where that is done already.

    >>> without_advice("a.parquet: is damaged; run the stage 'shots' again")
    'a.parquet: is damaged'
    """
    return re.sub(r"; (run the stage .* again|delete it|check the disk and run again)$", "", message)
