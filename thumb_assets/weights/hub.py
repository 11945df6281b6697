"""The model hub: whether it can be asked at all, what its cache holds, and one download.

The hub's own client retries for most of a minute where there is no network; one quick request, remembered for the
process, spares that.
"""

import inspect
import io
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from thumb_assets.errors import BadInputError, ModelUnavailableError, NetworkError
from thumb_assets.events import UNWATCHED, Events
from thumb_assets.http import HttpClient
from thumb_assets.settings.environment import is_hub_offline
from thumb_assets.weights.url import MAX_REDIRECTS

HUB_PROBE_SECONDS = 4.0
# A verdict "not reachable" is forgotten after this long, so that a service that outlives an outage recovers.
_FORGET_SECONDS = 300.0
_GATEWAY_ERRORS = frozenset({502, 503, 504})
_verdicts: dict[str, tuple[bool, float]] = {}
_lock = threading.Lock()


def hub_endpoint() -> str:
    """Address of the hub, as its own client has it (HF_ENDPOINT, else huggingface.co)."""
    from huggingface_hub import constants

    return str(constants.ENDPOINT).rstrip("/")


def is_hub_reachable(endpoint: str | None = None) -> bool:
    """Asks if the hub answers, at most once per process and endpoint (a refusal is asked again after 5 minutes).

    False without asking when HF_HUB_OFFLINE is set. Proxies of the environment are used. Takes HUB_PROBE_SECONDS at
    most, name resolution included.
    """
    if is_hub_offline():
        return False
    address = endpoint or hub_endpoint()
    with _lock:
        known = _verdicts.get(address)
        if known is None or (not known[0] and time.monotonic() - known[1] > _FORGET_SECONDS):
            known = (_probe(address), time.monotonic())
            _verdicts[address] = known
    return known[0]


def _probe(address: str) -> bool:
    answers: list[bool] = []
    # A timeout on the socket does not cover the resolver, so the request runs beside us and is left behind when late.
    thread = threading.Thread(target=lambda: answers.append(_does_answer(address)), daemon=True)
    thread.start()
    thread.join(HUB_PROBE_SECONDS)
    return bool(answers) and answers[0]


def _does_answer(address: str) -> bool:
    client = HttpClient(allowed_hosts=None, timeout_seconds=HUB_PROBE_SECONDS, has_proxies=True)
    try:
        with closing(client), client.request("HEAD", address, max_redirects=MAX_REDIRECTS) as answer:
            return answer.status not in _GATEWAY_ERRORS
    except NetworkError as error:
        # Someone answered; the hub's client may trust certificates that this one does not.
        return "CERTIFICATE_VERIFY_FAILED" in str(error)
    except (BadInputError, OSError, ValueError):
        return False


@contextmanager
def offline_if_unreachable() -> Iterator[bool]:
    """While inside, libraries that use the hub's client fail at once instead of retrying, if the hub is not reachable.

    Yields:
        Whether the hub is reachable.
    """
    from huggingface_hub import constants

    is_reachable = is_hub_reachable()
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or not is_reachable
    try:
        yield is_reachable
    finally:
        constants.HF_HUB_OFFLINE = before


def find_in_cache(repo: str, file_name: str, *, revision: str | None = None) -> Path | None:
    """Path of a file in the hub's cache, if it was downloaded before."""
    from huggingface_hub import constants

    # The layout is the hub's public one; its client takes a tenth of a second to import, and most models lie elsewhere.
    if not Path(constants.HF_HUB_CACHE, f"models--{repo.replace('/', '--')}").is_dir():
        return None
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(repo, file_name, cache_dir=constants.HF_HUB_CACHE, revision=revision)
    return Path(path) if isinstance(path, str) else None


def download(
    repo: str, file_names: tuple[str, ...], *, revision: str | None = None, events: Events = UNWATCHED
) -> Path:
    """The first of the alternative names that the repository has, in the hub's cache; resumed by the hub's client.

    Args:
        revision: a commit or tag; None takes the newest.
        events: `progress` for the file, in bytes.

    Raises:
        ModelUnavailableError: the reason, one clause without advice.
    """
    if is_hub_offline():
        raise ModelUnavailableError("HF_HUB_OFFLINE forbids asking the model hub")
    if not is_hub_reachable():
        raise ModelUnavailableError(f"the model hub {hub_endpoint()} cannot be reached from here")
    for file_name in file_names:
        path = _download_one(repo, file_name, revision, events)
        if path is not None:
            return path
    raise ModelUnavailableError(f"the hub's {repo} has no file {' or '.join(file_names)}")


def _download_one(repo: str, file_name: str, revision: str | None, events: Events) -> Path | None:
    """Path of the file in the hub's cache; None where the repository has no such file."""
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    # Older clients cannot be told where to show their progress and show it themselves.
    can_report = "tqdm_class" in inspect.signature(hf_hub_download).parameters
    options: dict[str, Any] = {"tqdm_class": _progress_class(file_name, events)} if can_report else {}
    try:
        path = hf_hub_download(
            repo,
            file_name,
            revision=revision,
            endpoint=hub_endpoint(),
            cache_dir=constants.HF_HUB_CACHE,
            **options,
        )
    except Exception as error:
        # LocalEntryNotFoundError is an EntryNotFoundError too, but it says that the network failed.
        if isinstance(error, EntryNotFoundError) and not isinstance(error, LocalEntryNotFoundError):
            return None
        # The client raises its own errors, those of its HTTP library and OSError, by version.
        lines = str(error).strip().splitlines()
        reason = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
        raise ModelUnavailableError(f"the download of {repo}/{file_name} failed ({reason})") from error
    return Path(path)


def _progress_class(file_name: str, events: Events) -> type:
    """A progress bar of the hub's client that draws nothing and reports its state as `progress`."""
    from huggingface_hub.utils.tqdm import tqdm

    class Reporter(tqdm):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            # A disabled bar does not count, so this one draws into nothing.
            super().__init__(*arguments, **options | {"disable": False, "file": io.StringIO()})  # type: ignore[no-untyped-call]
            self._report()

        def update(self, n: float | None = 1) -> bool | None:
            shown = super().update(n)
            self._report()
            return bool(shown)

        def _report(self) -> None:
            events.progress(file_name, int(self.n), int(self.total) if self.total else None)

    return Reporter
