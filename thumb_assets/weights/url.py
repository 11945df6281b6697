"""A download from a plain address: resumed where it was cut off, under its final name only when it is whole.

The model hub's own client does the same for the hub; this is for the few files that lie elsewhere.
"""

import os
from collections.abc import Callable
from contextlib import closing
from functools import partial
from http import HTTPStatus
from pathlib import Path

from thumb_assets.errors import BadInputError, ModelUnavailableError, NetworkError, StorageError
from thumb_assets.events import UNWATCHED, Events
from thumb_assets.files import locked
from thumb_assets.http import HttpClient, Response, with_retries
from thumb_assets.settings.environment import is_hub_offline

_TIMEOUT_SECONDS = 20.0
_NUM_RETRIES = 2
MAX_REDIRECTS = 10  # as Python's own client follows


def download_url(
    url: str,
    target: Path,
    *,
    check: Callable[[Path], None] = lambda _path: None,
    events: Events = UNWATCHED,
) -> Path:
    """Downloads to `target`; what an earlier try left in `target.part` is continued if the server still has that file.

    Args:
        url: http or https.
        target: the final path; folders are made.
        check: raises on a file that is not the one meant, before it gets its name; such a file is removed.
        events: `progress` at the start and after every block, in bytes.

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
                _download_with_retries(url, part, events)
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


def _download_with_retries(url: str, part: Path, events: Events) -> None:
    """Continues where a connection broke off; a server that is not reached at all is not waited for."""
    # The registry's addresses, or the user's own, of a mirror in a private network perhaps.
    client = HttpClient(allowed_hosts=None, timeout_seconds=_TIMEOUT_SECONDS, has_proxies=True)
    try:
        with closing(client):
            with_retries(partial(_download_once, client, url, part, events), num_retries=_NUM_RETRIES)
    except (NetworkError, BadInputError) as error:
        raise ModelUnavailableError(f"{url} cannot be downloaded ({error.__cause__ or error})") from error


def _download_once(client: HttpClient, url: str, part: Path, events: Events) -> None:
    num_here = part.stat().st_size if part.exists() else 0
    tag = _tag_path(part).read_text() if num_here and _tag_path(part).exists() else ""
    if not tag:
        num_here = 0  # without a tag there is no telling whether it is still the same file
    headers = {"Range": f"bytes={num_here}-", "If-Range": tag} if num_here else {}
    is_reached = False
    try:
        with client.request("GET", url, headers, max_redirects=MAX_REDIRECTS) as answer:
            is_reached = True
            if answer.status != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not num_here:
                if answer.status >= 300:
                    raise ModelUnavailableError(f"{url} answers {answer.status}")
                _receive(answer, part, num_here if answer.status == HTTPStatus.PARTIAL_CONTENT else 0, events)
                return
    except NetworkError as error:
        if is_reached:
            raise
        raise ModelUnavailableError(f"{url} cannot be downloaded ({error.__cause__ or error})") from error
    part.unlink()
    _download_once(client, url, part, events)


def _receive(answer: Response, part: Path, num_here: int, events: Events) -> None:
    tag = answer.headers.get("etag", "")
    # A weak tag may stand for several contents, so servers refuse it in If-Range.
    _tag_path(part).write_text("" if tag.startswith("W/") else tag)
    total = None if answer.num_bytes is None else num_here + answer.num_bytes
    name = part.name.removesuffix(".part")
    with part.open("r+b" if num_here else "wb") as stream:
        stream.seek(num_here)
        events.progress(name, num_here, total)
        for block in answer.chunks:
            stream.write(block)
            num_here += len(block)
            events.progress(name, num_here, total)
        stream.truncate()
        stream.flush()
        os.fsync(stream.fileno())


def _tag_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.etag")
