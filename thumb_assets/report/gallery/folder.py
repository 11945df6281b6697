"""Keeps a list of the files of a folder that are the gallery's: nothing else in it is ever overwritten or removed."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from thumb_assets.errors import BadInputError
from thumb_assets.files import replaced_file, storage_errors

MARKER = "thumb-assets-gallery.json"
_VERSION = 1
_OURS = re.compile(r"index\.html|gallery\.(css|js)|gallery-data\.js|(videos|pictures)/[a-z0-9][a-z0-9._-]*\.(html|jpg)")
_ADVICE = "free or mount the disk, or choose another folder"


@dataclass
class GalleryFolder:
    """A folder that holds a gallery, or will.

    Args:
        path: the folder.

    Attributes:
        files: names of the gallery's files that are there, or were under way.
        pages: by page what it was made of, and the pictures on it.
    """

    path: Path
    files: set[str] = field(default_factory=set)
    pages: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def claimed(cls, path: Path) -> "GalleryFolder":
        """Opens a folder that is empty, new or a gallery's.

        Raises:
            BadInputError: it holds something else.
            StorageError: it cannot be read.
        """
        with storage_errors(path, "cannot be read", advice=_ADVICE):
            if path.exists() and not path.is_dir():
                raise BadInputError(f"{path}: is a file; name a folder")
            others = [each for each in path.iterdir() if each.name[0] != "."] if path.is_dir() else []
        if not others:
            return cls(path)
        try:
            content = json.loads((path / MARKER).read_text(encoding="utf-8"))
            files = {str(name) for name in content["files"] if _OURS.fullmatch(str(name))}
            pages = {str(name): tuple(map(str, texts)) for name, texts in content.get("pages", {}).items() if texts}
            return cls(path, files, pages)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise BadInputError(
                f"{path}: holds other files, and no gallery that this command wrote; name a new or empty folder"
            ) from None

    def begin(self, planned: Iterable[str]) -> None:
        """Records what will be written, so that a run that is cut short can be gone on with.

        Raises:
            BadInputError: a file of that name is there, and is not the gallery's.
            StorageError: the disk is full, read-only or gone.
        """
        new = set(planned) - self.files
        for name in sorted(new):
            if (self.path / name).exists():
                raise BadInputError(f"{self.path / name}: is not this command's file; move it, or name another folder")
        self.files |= new
        self._record(self.files, self.pages)

    def end(self, planned: Iterable[str], pages: Mapping[str, tuple[str, ...]]) -> None:
        """Removes the gallery's files that it holds no more.

        Raises:
            StorageError: the disk is full, read-only or gone.
        """
        kept = set(planned)
        for name in sorted(self.files - kept):
            with storage_errors(self.path / name, "cannot be removed", advice=_ADVICE):
                (self.path / name).unlink(missing_ok=True)
        self.files, self.pages = kept, dict(pages)
        self._record(kept, pages)

    def has(self, name: str) -> bool:
        """True where the gallery's file of that name is there."""
        return name in self.files and (self.path / name).is_file()

    def write(self, name: str, content: bytes) -> None:
        """Writes a file where it differs.

        Raises:
            StorageError: the disk is full, read-only or gone; the old file is whole.
        """
        target = self.path / name
        with storage_errors(target, advice=_ADVICE):
            if target.is_file() and target.stat().st_size == len(content) and target.read_bytes() == content:
                return
            target.parent.mkdir(parents=True, exist_ok=True)
            with replaced_file(target) as handle:
                handle.write(content)

    def _record(self, files: Iterable[str], pages: Mapping[str, tuple[str, ...]]) -> None:
        content = {"version": _VERSION, "files": sorted(files), "pages": dict(pages)}
        self.write(MARKER, json.dumps(content).encode())
