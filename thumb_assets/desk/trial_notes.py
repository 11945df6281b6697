"""Notes of uploads that nobody has decided of yet: they outlive a desk that is killed."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath

from thumb_assets.files import read_json, write_json


@dataclass(frozen=True)
class Trial:
    """One video that is tried.

    Attributes:
        name: of the file, as the person has it.
        path: of the file here.
        video_id: empty until the file is whole and known.
        is_upload: it came from the browser, so that it can be thrown away.
        is_new: nothing was made of this video before, so that all there is goes with it.
        is_cancelled: a person ended the work on it.
        is_thrown: it is being thrown away.
        note: one line to tell with it.
    """

    token: str
    name: str
    path: Path
    video_id: str = ""
    is_upload: bool = True
    is_new: bool = False
    is_cancelled: bool = False
    is_thrown: bool = False
    note: str = ""


_FLAGS = ("is_new", "is_cancelled", "is_thrown")


class TrialNotes:
    """A file per upload.

    Args:
        folder: where they lie.
        uploads: where the uploads themselves lie, each in a folder of its own.
    """

    def __init__(self, folder: Path, uploads: Path) -> None:
        self.folder, self._uploads = folder, uploads

    def all(self) -> list[Trial]:
        """The trials that were noted; their files may be gone."""
        return [self._read(path) for path in sorted(self.folder.glob("*.json"))]

    def write(self, trial: Trial) -> None:
        """Notes a trial, in place of a former note of it. Raises StorageError."""
        flags = {name: "yes" if getattr(trial, name) else "" for name in _FLAGS}
        facts = {"name": trial.name, "file": trial.path.name, "video_id": trial.video_id, **flags}
        write_json(self._path(trial.token), facts)

    def forget(self, trial: Trial) -> None:
        """Removes the note of a trial, if there is one."""
        with suppress(OSError):
            self._path(trial.token).unlink(missing_ok=True)

    def _path(self, token: str) -> Path:
        return self.folder / f"{token}.json"

    def _read(self, path: Path) -> Trial:
        values = read_json(path)
        is_new, is_cancelled, is_thrown = (bool(values.get(name)) for name in _FLAGS)
        return Trial(
            path.stem,
            values.get("name", ""),
            # In its own folder, whatever the note says.
            self._uploads / path.stem / (PurePath(values.get("file", "")).name or "none"),
            values.get("video_id", ""),
            is_new=is_new,
            is_cancelled=is_cancelled,
            is_thrown=is_thrown,
        )
