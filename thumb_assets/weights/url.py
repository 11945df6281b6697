"""A download from a plain address: resumed where it was cut off, under its final name only when it is whole.

The model hub's own client does the same for the hub; this is for the few files that lie elsewhere.
"""

import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from thumb_assets.errors import ModelUnavailableError, StorageError
from thumb_assets.files import locked
from thumb_assets.settings import is_hub_offline

# Called with the file's name, the bytes that are here and, where it is known, the size of the whole file.
OnProgress = Callable[[str, int, int | None], None]

_BLOCK_BYTES = 1 << 18
_TIMEOUT_SECONDS = 20.0
_NUM_TRIES = 3
_RANGE_NOT_SATISFIABLE = 416


def download_url(
    url: str,
    target: Path,
    *,
    check: Callable[[Path], None] = lambda _path: None,
    on_progress: OnProgress | None = None,
) -> Path:
    """Downloads to `target`; what an earlier try left in `target.part` is continued if the server still has that file.

    Args:
        url: http or https.
        target: the final path; folders are made.
        check: raises on a file that is not the one meant, before it gets its name; such a file is removed.
        on_progress: called at the start and after every block.

    Returns:
        `target`.

    Raises:
        ModelUnavailableError: the reason, one clause without advice; StorageError: the disk is full or read-only.
    """
    if is_hub_offline():
        raise ModelUnavailableError("HF_HUB_OFFLINE forbids downloads")
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Two processes that miss the same file must not write it into each other.
        lock = target.parent / ".locks" / f"{target.name}.lock"
        with locked(lock):
            if not target.exists():
                _download_with_retries(url, part, on_progress)
                _check_or_remove(part, check)
                part.replace(target)
                _tag_path(part).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"cannot write {target}: {error.strerror or error}") from error
    return target


def _check_or_remove(part: Path, check: Callable[[Path], None]) -> None:
    # The ending tells the format, so the file is looked at under the name it will have.
    whole = part.with_name(f"unchecked-{part.name.removesuffix('.part')}")
    part.rename(whole)
    try:
        check(whole)
    except ModelUnavailableError:
        whole.unlink()
        _tag_path(part).unlink(missing_ok=True)
        raise
    whole.rename(part)


def _download_with_retries(url: str, part: Path, on_progress: OnProgress | None) -> None:
    for number in range(_NUM_TRIES):
        try:
            _download_once(url, part, on_progress)
        except urllib.error.HTTPError as error:
            raise ModelUnavailableError(f"{url} answers {error.code} {error.reason}") from error
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            if number == _NUM_TRIES - 1 or isinstance(error, urllib.error.URLError):
                reason = getattr(error, "reason", None) or error
                raise ModelUnavailableError(f"{url} cannot be downloaded ({reason})") from error
        else:
            return


def _download_once(url: str, part: Path, on_progress: OnProgress | None) -> None:
    num_here = part.stat().st_size if part.exists() else 0
    tag = _tag_path(part).read_text() if num_here and _tag_path(part).exists() else ""
    if not tag:
        num_here = 0  # without a tag there is no telling whether it is still the same file
    headers = {"Range": f"bytes={num_here}-", "If-Range": tag} if num_here else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the registry's addresses
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code == _RANGE_NOT_SATISFIABLE and num_here:
            part.unlink()
            _download_once(url, part, on_progress)
            return
        raise
    with response:
        _receive(response, part, num_here if response.status == http.client.PARTIAL_CONTENT else 0, on_progress)


def _receive(response: Any, part: Path, num_here: int, on_progress: OnProgress | None) -> None:
    tag = response.headers.get("ETag", "")
    # A weak tag may stand for several contents, so servers refuse it in If-Range.
    _tag_path(part).write_text("" if tag.startswith("W/") else tag)
    length = response.headers.get("Content-Length")
    total = num_here + int(length) if length else None
    with part.open("r+b" if num_here else "wb") as stream:
        stream.seek(num_here)
        while True:
            if on_progress:
                on_progress(part.name.removesuffix(".part"), num_here, total)
            block = response.read(_BLOCK_BYTES)
            if not block:
                break
            stream.write(block)
            num_here += len(block)
        stream.truncate()
        stream.flush()
        os.fsync(stream.fileno())
    if total is not None and num_here != total:
        raise ConnectionError(f"{num_here} of {total} bytes came")


def _tag_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.etag")
