"""The bytes of an upload as they come: what is taken by name and first bytes, and the file they go into."""

from collections.abc import AsyncIterator
from pathlib import PurePath
from typing import BinaryIO

from starlette.concurrency import run_in_threadpool

from thumb_assets.errors import BadInputError
from thumb_assets.store.library import VIDEO_SUFFIXES
from thumb_assets.store.set_aside import no_video_reason
from thumb_assets.wording import one_line

_MAX_NAME_LENGTH = 200
_NUM_HEAD_BYTES = 4096
_BLOCK_BYTES = 2**20
_FORBIDDEN = frozenset('/\\<>"|*?:\0')


async def write_blocks(handle: BinaryIO, blocks: AsyncIterator[bytes], *, name: str, num_bytes: int) -> None:
    """Writes what comes, some at a time; stops at what is no video.

    Raises:
        BadInputError: it is no video, or fewer bytes come than were announced.
    """
    num_written, waiting = 0, bytearray()
    is_checked = False
    async for block in blocks:
        waiting += block
        if not is_checked and len(waiting) >= _NUM_HEAD_BYTES:
            require_video(one_line(name), bytes(waiting[:_NUM_HEAD_BYTES]))
            is_checked = True
        if len(waiting) >= _BLOCK_BYTES:
            num_written += await run_in_threadpool(handle.write, bytes(waiting))
            waiting.clear()
    num_written += await run_in_threadpool(handle.write, bytes(waiting))
    if num_written != num_bytes:
        raise BadInputError(f"{one_line(name)}: was cut off after {num_written} of {num_bytes} bytes")


def require_name(name: str) -> str:
    """The name for messages.

    Raises:
        BadInputError: it is none that an upload may have.
    """
    shown = one_line(name)[:_MAX_NAME_LENGTH]
    advice = "rename the file"
    if not name.isprintable() or set(name) & _FORBIDDEN or name.startswith(".") or ".." in name:
        raise BadInputError(f"{shown!r}: a name with a path, markup or control characters is not taken; {advice}")
    if len(name) > _MAX_NAME_LENGTH:
        raise BadInputError(f"{shown!r}: the name has more than {_MAX_NAME_LENGTH} characters; {advice}")
    if PurePath(name).suffix.lower() not in VIDEO_SUFFIXES:
        raise BadInputError(f"{shown!r}: is no video by its name; choose one such as .mp4, .mov, .mkv or .webm")
    return shown


def require_video(shown: str, head: bytes) -> None:
    """Rejects first bytes that are no video's; none known passes.

    Raises:
        BadInputError: they are not.
    """
    reason = no_video_reason(head) if head else None
    if reason is not None:
        raise BadInputError(f"{shown}: {reason}; choose another file")
