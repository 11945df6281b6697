"""Writes datasets into the data folder beside the pages, by the same calls as `thumb-assets export`."""

import logging
import re
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from thumb_assets.dataset.formats import FORMATS
from thumb_assets.errors import BadInputError, as_thumb_assets_error
from thumb_assets.events import Events
from thumb_assets.library.dataset import export_dataset
from thumb_assets.library.dataset_folder import OWN_FOLDER
from thumb_assets.settings.load import Settings
from thumb_assets.store.parquet import TableStore
from thumb_assets.wording import count, one_line

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
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
        read: gives the settings as they are now.
    """

    def __init__(self, store: TableStore, read: Callable[[], Settings]) -> None:
        self._store, self._read = store, read
        self._lock = threading.Lock()
        self._work = ExportWork()

    def begin(self, format_name: str, name: str) -> None:
        """Begins an export into `datasets/NAME` of the data folder.

        Raises:
            BadInputError: there is no such format, the name is none, or another export is not done yet.
        """
        if format_name not in FORMATS:
            raise BadInputError(f"{one_line(format_name)[:50]!r} is no format; they are {', '.join(FORMATS)}")
        if not _NAME.fullmatch(name):
            raise BadInputError("a dataset's name has at most 60 letters, digits, - and _; choose another")
        with self._lock:
            if self._work.state == "running":
                raise BadInputError(f"{self._work.folder} is being written; wait until it is done")
            self._work = ExportWork("running", f"{OWN_FOLDER}/{name}", "reading the library")
        threading.Thread(target=self._run, args=(format_name, name), name="export", daemon=True).start()

    def work(self) -> dict[str, Any]:
        """The latest export, as JSON has it."""
        with self._lock:
            return asdict(self._work)

    def show(self, **changes: Any) -> None:
        """Notes what has changed of it."""
        with self._lock:
            self._work = replace(self._work, **changes)

    def _run(self, format_name: str, name: str) -> None:
        folder = self._store.data_dir / OWN_FOLDER / name
        try:
            found = export_dataset(
                self._store, self._read(), format_name=format_name, folder=folder, events=_Progress(self)
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the page says it
            reason = str(as_thumb_assets_error(error, str(folder)))
            _LOGGER.warning("%s", reason)
            self.show(state="failed", text=one_line(reason), num_done=0, num_all=0)
            return
        num_stills, num_videos = sum(found.num_stills.values()), sum(found.num_videos.values())
        self.show(
            state="done",
            text=f"{count(num_stills, 'still')} of {count(num_videos, 'video')}, {found.num_bytes / 1e6:.1f} MB",
            folder=str(found.folder),
            notes=(*found.plan.notes, *found.plan.notes_on_splits),
            loads=found.plan.format.loads.replace("{folder}", str(found.folder)),
        )


class _Progress(Events):
    """Shows the steps of an export."""

    def __init__(self, exporter: Exporter) -> None:
        self._exporter = exporter

    def progress(self, name: str, done: int, total: int | None) -> None:
        self._exporter.show(text=name, num_done=done, num_all=total or 0)
