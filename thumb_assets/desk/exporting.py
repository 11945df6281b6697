"""Writes datasets into the data folder beside the pages, by the same calls as `thumb-assets export`."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from thumb_assets.errors import BadInputError, as_thumb_assets_error
from thumb_assets.events import Events
from thumb_assets.library.dataset_any import (
    ABOUTS,
    BY_TOKENS,
    OPTIONS,
    USUAL_TOKENS,
    export_any,
    overrides_of,
    own_folder,
    require_format,
    summary_of,
)
from thumb_assets.settings.load import Settings
from thumb_assets.store.parquet import TableStore
from thumb_assets.wording import one_line

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExportWork:
    """The progress of the latest export.

    Attributes:
        folder: where it is written, within the data folder.
        text: what is done now, what was written, or why it failed.
        num_done, num_all: of what is done now; 0 where it is not known.
        notes: one line each, for a person to know.
        loads: how it is loaded, once it is there.
    """

    state: Literal["none", "running", "done", "failed"] = "none"
    folder: str = ""
    text: str = ""
    num_done: int = 0
    num_all: int = 0
    notes: tuple[str, ...] = ()
    loads: str = ""


class Exporter:
    """One export after the other, in a thread; one that is killed is gone on with by the next of the same name.

    Args:
        store: the data folder.
        read: gives the settings as they are now, with others on top.
    """

    def __init__(self, store: TableStore, read: Callable[[Sequence[str]], Settings]) -> None:
        self._store, self._read = store, read
        self._lock = threading.Lock()
        self._work = ExportWork()

    def form(self) -> dict[str, Any]:
        """The formats and options to ask for, with the library's own settings as first values, as JSON has it."""
        own = self._read(()).dataset.model_dump(mode="json")
        names = ("name", "title", "about", "kind", "choices", "is_of_digest")
        return {
            "formats": ABOUTS,
            "by_tokens": BY_TOKENS,
            "tokens": USUAL_TOKENS,
            "options": [
                {**{name: getattr(option, name) for name in names}, "is_whole": option.type is int, "value": own[name_]}
                for name_, option in OPTIONS.items()
            ],
        }

    def begin(
        self, format_name: str, name: str, *, values: Mapping[str, Any] | None = None, num_tokens: int | None = None
    ) -> None:
        """Begins an export into `datasets/NAME` of the data folder.

        Args:
            values: of options, by name; the library's settings say the others.
            num_tokens: as `export_any`.

        Raises:
            BadInputError: the name is none, or another export is not done yet.
            SettingsError: there is no such format, or an option or its value is wrong.
        """
        require_format(format_name, num_tokens)
        settings = self._read(overrides_of(values or {}))
        folder = own_folder(self._store, name)
        with self._lock:
            if self._work.state == "running":
                raise BadInputError(f"{self._work.folder} is being written; wait until it is done")
            self._work = ExportWork("running", str(folder.relative_to(self._store.data_dir)), "reading the library")
        run = partial(self._run, settings, format_name, folder, num_tokens)
        threading.Thread(target=run, name="export", daemon=True).start()

    def work(self) -> dict[str, Any]:
        """The latest export, as JSON has it."""
        with self._lock:
            return asdict(self._work)

    def show(self, **changes: Any) -> None:
        """Notes what has changed of it."""
        with self._lock:
            self._work = replace(self._work, **changes)

    def _run(self, settings: Settings, format_name: str, folder: Path, num_tokens: int | None) -> None:
        try:
            found = export_any(
                self._store,
                settings,
                format_name=format_name,
                folder=folder,
                num_tokens=num_tokens,
                events=_Progress(self),
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the page says it
            reason = str(as_thumb_assets_error(error, str(folder)))
            _LOGGER.warning("%s", reason)
            self.show(state="failed", text=one_line(reason), num_done=0, num_all=0)
            return
        self.show(state="done", folder=str(found.folder), **vars(summary_of(found)))


class _Progress(Events):
    """Shows the steps of an export."""

    def __init__(self, exporter: Exporter) -> None:
        self._exporter = exporter

    def progress(self, name: str, done: int, total: int | None) -> None:
        self._exporter.show(text=name, num_done=done, num_all=total or 0)
