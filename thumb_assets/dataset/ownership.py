"""Finds the author and the licence of a video: from a CSV, the tags of its file and the settings."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from thumb_assets.dataset.licences import Licence, known_licences, licence_of
from thumb_assets.errors import BadInputError, SettingsError
from thumb_assets.settings.dataset import LICENCES_FILE, DatasetSettings
from thumb_assets.wording import count, quoted, some_of

_COLUMNS = ("video", "licence", "author")
# Tags of containers, in lower case, that say it; the first that is there counts.
_LICENCE_TAGS, _AUTHOR_TAGS = ("license", "licence"), ("author", "artist", "creator", "director", "composer")
# Anything may stand in it: it counts where it is a licence that is known.
_COPYRIGHT_TAG = "copyright"


@dataclass(frozen=True)
class Ownership:
    """Licence and author of a video; None where they are not known."""

    licence: Licence | None = None
    author: str | None = None

    def or_else(self, other: "Ownership") -> "Ownership":
        """These, and what they lack from another."""
        return Ownership(self.licence or other.licence, self.author or other.author)


class Owners:
    """Says licence and author of each video.

    What a row of the CSV says of the video itself goes first, then the rows of its folders, the deepest first, then the
    file's tags, then the settings. Licence and author are looked for separately.

    Args:
        settings: `licences`, `default_licence`, `default_author`.
        data_dir: what a relative path of the CSV is relative to.
        videos_dir: the library folder, which may hold the CSV.

    Raises:
        SettingsError: there is no such CSV. BadInputError: it cannot be used; says which line.
    """

    def __init__(self, settings: DatasetSettings, data_dir: Path, videos_dir: Path) -> None:
        path: Path | None = videos_dir / LICENCES_FILE
        if settings.licences:
            path = data_dir / Path(settings.licences).expanduser()
        elif not (videos_dir / LICENCES_FILE).is_file():
            path = None
        self._path = path
        self._rows = {} if path is None else _read(path)
        self._used: set[str] = set()
        self._default = _ownership(settings.default_licence, settings.default_author)

    def of(self, video_id: str, source: str, path: str, read_tags: Callable[[], Mapping[str, str]]) -> Ownership:
        """Finds licence and author of one video.

        Args:
            source: its path below the library folder, or its name.
            path: its absolute path.
            read_tags: gives the container's tags; called only where they matter.
        """
        found = Ownership()
        for name in self._names(video_id, source, path):
            found = found.or_else(self._rows.get(name, Ownership()))
        if found.licence is None or found.author is None:
            found = found.or_else(_of_tags(read_tags()))
        return found.or_else(self._default)

    def _names(self, video_id: str, source: str, path: str) -> list[str]:
        """The names that mean a video, the nearest first; those of rows are noted as used."""
        folders = [str(folder) for place in (source, path) for folder in PurePosixPath(place).parents]
        names = [video_id, source, path, PurePosixPath(source).name, *folders]
        self._used.update(name for name in names if name in self._rows)
        return names

    def note_other(self, video_id: str, source: str, path: str) -> None:
        """Notes a video of the library that is not asked for, so that its rows do not count as mistaken."""
        self._names(video_id, source, path)

    @property
    def has_unused(self) -> bool:
        """True where a row means no video that was seen so far."""
        return len(self._used) < len(self._rows)

    def notes(self) -> list[str]:
        """Rows of the CSV that mean no video, and licences that are not known, one line each, with what to do."""
        notes = []
        unused = [name for name in self._rows if name not in self._used]
        if unused:
            notes.append(
                f"{self._path}: {count(len(unused), 'row')} of no video here ({some_of(unused)}); write a video's id, "
                "its path below the library folder, its file's name, or a folder"
            )
        licences = {name: row.licence for name, row in self._rows.items()}
        licences["dataset.default_licence"] = self._default.licence
        unknown = {name: each.name for name, each in licences.items() if each is not None and not each.is_known}
        if unknown:
            known = [name for name, _ in known_licences()]
            said = some_of([f"{name}: {_told_unknown(licence, known)}" for name, licence in unknown.items()])
            notes.append(
                f"no licence that is known here ({said}); it is written as it stands and counts as not known; known "
                f"are {', '.join(known)}"
            )
        return notes


def _told_unknown(licence: str, known: Sequence[str]) -> str:
    near = get_close_matches(licence.upper().replace(" ", "-"), known, n=1, cutoff=0.7)
    return f"{quoted(licence)}{f', did you mean {near[0]}?' if near else ''}"


def _read(path: Path) -> dict[str, Ownership]:
    if not path.is_file():
        raise SettingsError(f"dataset.licences: there is no file {path}; check the path")
    rows: dict[str, Ownership] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle)
            names = [str(name).strip().lower() for name in reader.fieldnames or ()]
            if "video" not in names or not {"licence", "author"} & set(names) or set(names) - set(_COLUMNS):
                raise BadInputError(f"{path}: its first line must name the columns {','.join(_COLUMNS)}")
            reader.fieldnames = names
            for row in reader:
                video = (row["video"] or "").strip()
                if None in row or not video:
                    raise BadInputError(f"{path}: line {reader.line_num} has more cells than columns, or no video")
                key = video.rstrip("/") or "/"
                if key in rows:
                    raise BadInputError(f"{path}: line {reader.line_num} names {video!r} again; keep one of the lines")
                rows[key] = _ownership(row.get("licence"), row.get("author"))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{path}: is no CSV in UTF-8 ({error}); save it as one") from error
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read: {error.strerror}; check its rights") from error
    return rows


def _ownership(licence: str | None, author: str | None) -> Ownership:
    licence, author = (licence or "").strip(), (author or "").strip()
    return Ownership(licence_of(licence) if licence else None, author or None)


def _of_tags(tags: Mapping[str, str]) -> Ownership:
    by_name = {name.lower(): text.strip() for name, text in tags.items() if text.strip()}
    licence = next((by_name[name] for name in _LICENCE_TAGS if name in by_name), "")
    copyright_said = by_name.get(_COPYRIGHT_TAG, "")
    if not licence and licence_of(copyright_said).is_known:
        licence = copyright_said
    return _ownership(licence, next((by_name[name] for name in _AUTHOR_TAGS if name in by_name), ""))
