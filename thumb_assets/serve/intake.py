"""From a request to the video's work, and from the end of that work to a message."""

import hashlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path, PurePosixPath
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from thumb_assets.addresses import require_address, shown
from thumb_assets.errors import (
    BadInputError,
    MissingInputError,
    NetworkError,
    PermanentError,
    StorageError,
    ThumbAssetsError,
    as_thumb_assets_error,
)
from thumb_assets.export.space import SpaceNeeded, require_space
from thumb_assets.http import HttpClient
from thumb_assets.library.arriving import file_inside, file_name_for
from thumb_assets.pipeline.stages import default_stages
from thumb_assets.publish.http_target import report_of_stills
from thumb_assets.select.tell import NOTHING_KEPT
from thumb_assets.serve.events import Asset, failed_message, parse_event, ready_message
from thumb_assets.settings.load import Settings
from thumb_assets.store.file_cache import LibraryVideo
from thumb_assets.store.library import Library
from thumb_assets.store.mirror import Mirror
from thumb_assets.store.outbox import Outbox, Request
from thumb_assets.store.outcomes import read_outcomes
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.set_aside import no_video_reason

_LOGGER = logging.getLogger(__name__)
_NUM_FETCHES = 4
# Until a launched request is looked at again: by turns, so that many which take long keep none waiting.
_LOOK_SECONDS = 2.0
_TROUBLE_SECONDS = 30.0
_DAY_SECONDS = 86_400.0
_KEPT_DAYS = 90


class Launcher(Protocol):
    """Has videos worked on by Dagster."""

    def launch(self, video_id: str) -> str:
        """Hands a video over; returns the id of the backfill."""

    def is_ended(self, backfill_id: str) -> bool:
        """True when nothing more will come of it, well or not."""

    def problem(self) -> str | None:
        """The reason why launched work would not be done now; None if it will be."""


class Intake:
    """Works on the requests of an outbox; what is in hand when the process dies is begun anew.

    Args:
        data_dir: the data folder.
        launcher: has videos worked on.
    """

    def __init__(self, outbox: Outbox, data_dir: Path, settings: Settings, launcher: Launcher) -> None:
        self._outbox = outbox
        self._library = Library(data_dir, video=settings.video)
        self._store = TableStore(data_dir)
        self._settings = settings
        self._launcher = launcher
        self._pool = ThreadPoolExecutor(_NUM_FETCHES, thread_name_prefix="fetch")
        self._in_hand: set[str] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._forgets_at = 0.0

    def run_once(self, *, clock: Callable[[], float]) -> None:
        """Begins with what is due and ends what is done; fetching goes on beside.

        Args:
            clock: gives the seconds since the epoch.
        """
        with self._lock:  # before the question: what leaves the hand after it was there when it was answered
            in_hand = frozenset(self._in_hand)
        for request in self._outbox.requests("received", due_at=clock()):
            if request.event_id not in in_hand:
                self._take(request, clock)
        launched = self._outbox.requests("launched", due_at=clock())
        if launched:
            waits = {request.event_id: self._look_at(request, clock()) for request in launched}
            self._outbox.look_later({event_id: clock() + seconds for event_id, seconds in waits.items()})
        if clock() >= self._forgets_at:
            self._forgets_at = clock() + _DAY_SECONDS
            # A request that may still be sent again by whoever overheard it must be known.
            kept_seconds = max(_KEPT_DAYS * _DAY_SECONDS, 2 * self._settings.serve.tolerance_seconds)
            self._outbox.forget(before=clock() - kept_seconds)

    def stop(self) -> None:
        """Lets go of what is being fetched; the next start fetches it anew."""
        with self._lock:
            self._stopped.set()
        self._pool.shutdown(cancel_futures=True)

    def _take(self, request: Request, clock: Callable[[], float]) -> None:
        with self._lock:  # the pool takes nothing once it is stopped
            if not self._stopped.is_set():
                self._in_hand.add(request.event_id)
                self._pool.submit(self._begin, request, clock)

    def _begin(self, request: Request, clock: Callable[[], float]) -> None:
        try:
            video = self._video(parse_event(request.body).data, request.event_id)
            self._mirror().announce([video])
            backfill_id = self._launcher.launch(video.video_id)
            self._outbox.launched(request.event_id, video_id=video.video_id, backfill_id=backfill_id, now=clock())
            _LOGGER.info("%s: %s is worked on", request.event_id, video.video_id)
        except Exception as error:  # noqa: BLE001 - a thread that dies would leave the request in hand for ever
            if not self._stopped.is_set():
                self._note_not_begun(request, as_thumb_assets_error(error, request.event_id), clock())
        finally:
            with self._lock:
                self._in_hand.discard(request.event_id)

    def _note_not_begun(self, request: Request, error: ThumbAssetsError, now: float) -> None:
        try:
            self._not_begun(request, error, now)
        except Exception as second:  # noqa: BLE001 - a full disk: neither the file nor the note of it can be written
            _LOGGER.error("%s: %s", request.event_id, as_thumb_assets_error(second, "the outbox"))  # noqa: TRY400
            self._stopped.wait(_TROUBLE_SECONDS)  # still in hand, or it would be fetched again at once

    def _not_begun(self, request: Request, error: ThumbAssetsError, now: float) -> None:
        waits = self._settings.serve.retry_seconds
        # What is not ours, as an error of Dagster's database, may pass as well.
        if not isinstance(error, PermanentError) and request.num_tries < len(waits):
            wait_seconds = waits[request.num_tries]
            _LOGGER.warning("%s: tried again in %g s: %s", request.event_id, wait_seconds, error)
            self._outbox.postponed(request.event_id, reason=str(error), next_at=now + wait_seconds)
        else:
            self._fail(request, str(error), now)

    def _video(self, asset: Asset, event_id: str) -> LibraryVideo:
        """The asset's file in the library."""
        path = self._inside(asset.path) if asset.path is not None else self._fetched(asset, event_id)
        videos, errors = self._library.register([path])
        if errors:
            raise errors[0]
        return videos[0]

    def _inside(self, path: str) -> Path:
        """A file of the library folder, and nothing outside it, links included."""
        found = file_inside(self._library.videos_dir, path)
        if found is None:
            raise BadInputError(f"data.path: {path!r} is no file of the library folder; give its path within it")
        return found

    def _fetched(self, asset: Asset, event_id: str) -> Path:
        """The file of an address, in a folder of the event's own."""
        url = str(asset.url)
        require_address(url)
        folder = self._library.videos_dir / "received" / hashlib.sha256(event_id.encode()).hexdigest()[:16]
        target = folder / file_name_for(asset.file_name or unquote(PurePosixPath(urlsplit(url).path).name))
        serve = self._settings.serve
        unfinished = target.with_name(f".{target.name}.part")  # hidden: the sensor leaves it alone
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with closing(
                HttpClient(allowed_hosts=serve.allowed_hosts, timeout_seconds=serve.timeout_seconds)
            ) as client:
                client.download(
                    url,
                    unfinished,
                    max_bytes=self._settings.video.max_file_bytes,
                    max_seconds=serve.max_download_seconds,
                    go_on=self._go_on,
                    accept=lambda head: _require_video(url, head),
                    require_room=lambda num_bytes: self._require_room(folder, num_bytes),
                )
            unfinished.replace(target)
        except OSError as error:
            raise StorageError(f"{target}: cannot be written: {error.strerror}; free or mount the disk") from error
        finally:
            unfinished.unlink(missing_ok=True)
            with suppress(OSError):  # it holds the file, or was never made
                folder.rmdir()
        return target

    def _require_room(self, folder: Path, num_bytes: int) -> None:
        """Raises StorageError where the disk has no room for what is still to come, besides what must stay free."""
        margin = self._settings.export.min_free_bytes
        require_space(folder, SpaceNeeded(num_bytes), min_free_bytes=margin, what="the file to be fetched")

    def _go_on(self) -> None:
        if self._stopped.is_set():
            raise NetworkError("the service stops")

    def _mirror(self) -> Mirror:
        return Mirror(self._settings.library, self._store)

    def _look_at(self, request: Request, now: float) -> float:
        """Ends a request whose work has ended; how many seconds later it is looked at again where it has not.

        Whatever goes wrong stays with this request, for later: the others are looked at all the same.
        """
        try:
            if self._launcher.is_ended(str(request.backfill_id)):
                self._end(request, now)
        except Exception as error:  # noqa: BLE001
            reason = as_thumb_assets_error(error, request.event_id)
            _LOGGER.warning("%s: looked at again in %g s: %s", request.event_id, _TROUBLE_SECONDS, reason)
            return _TROUBLE_SECONDS
        return _LOOK_SECONDS

    def _end(self, request: Request, now: float) -> None:
        try:
            told = self._told(str(request.video_id))
        except PermanentError as error:
            self._fail(request, str(error), now)
            return
        _LOGGER.info("%s: %s has %d stills", request.event_id, request.video_id, len(told))
        footer = self._store.footer("selections", str(request.video_id)) or {}
        message = self._to_be_told(ready_message(request, told, now=now, reason=footer.get(NOTHING_KEPT)))
        self._outbox.ended(request.event_id, "done", reason=None, message=message, now=now)

    def _told(self, video_id: str) -> list[dict[str, Any]]:
        """Reads what became of the video from its own tables: Dagster's word is about a whole chunk.

        Raises:
            PermanentError: there are no stills, and why; a stage that comes after them does not matter here.
            TransientError: it cannot be said now.
        """
        self._mirror().bring(video_id)
        stages = default_stages(self._settings)
        needed = stages[: stages.index("stills") + 1]
        for outcome in read_outcomes(self._store, video_id):
            if outcome.status == "failed" and outcome.stage in needed:
                raise PermanentError(str(outcome.message))
        stills, selections = (self._store.read_or_none(name, video_id) for name in ("stills", "selections"))
        if stills is None or selections is None:
            raise MissingInputError(f"{video_id}: has no stills; its run was cancelled, or is still to be tried")
        folder, stills_url = self._store.stills_dir(video_id), self._settings.publish.stills_url
        return report_of_stills(stills, selections, folder=folder, stills_url=stills_url)

    def _fail(self, request: Request, reason: str, now: float) -> None:
        _LOGGER.error("%s: %s", request.event_id, reason)
        message = self._to_be_told(failed_message(request, reason, now=now))
        self._outbox.ended(request.event_id, "failed", reason=reason, message=message, now=now)

    def _to_be_told(self, body: bytes) -> tuple[str, bytes] | None:
        url = self._settings.serve.notify_url
        return (url, body) if url else None


def _require_video(url: str, head: bytes) -> None:
    reason = no_video_reason(head)
    if reason is not None:
        raise BadInputError(f"{shown(url)}: {reason}; give the address of the file itself")
