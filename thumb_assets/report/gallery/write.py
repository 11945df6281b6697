"""Writes the gallery: the page of covers, a page per video, and their pictures; what is unchanged is left alone."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

from thumb_assets import __version__
from thumb_assets.errors import ContractError, StorageError, ThumbAssetsError
from thumb_assets.events import UNWATCHED, Events
from thumb_assets.export.figures import still_thumbnail
from thumb_assets.report.frames import FrameProcess
from thumb_assets.report.gallery.cards import FLAGS, Card, cards_of
from thumb_assets.report.gallery.folder import GalleryFolder
from thumb_assets.report.gallery.pictures import LARGE, RUNNER_UP, SMALL, frame_name, still_names
from thumb_assets.report.gallery.video import TABLES_OF_PAGE, page_of, runners_up_of
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore
from thumb_assets.wording import clock, one_line

# Raised when a page shows something else than before of the same tables.
_VERSION = "2"
# Cards that stand in the page itself, for browsers without scripts and for the first sight.
_FIRST_CARDS = 48
_NUM_RUNNERS_UP = 6
_ASSETS = ("gallery.css", "gallery.js")


@dataclass(frozen=True)
class Gallery:
    """A gallery that was written.

    Attributes:
        index: its first page.
        num_videos: on it.
        num_written: videos whose page was made anew.
        notes: why pictures are missing, one line each.
    """

    index: Path
    num_videos: int
    num_written: int
    notes: tuple[str, ...]


def write_gallery(store: TableStore, folder: Path, *, is_decoding: bool = True, events: Events = UNWATCHED) -> Gallery:
    """Writes the library as plain HTML files into a folder, or brings those that are there up to date.

    Args:
        folder: new, empty, or a gallery that was written before; nothing in it but the gallery's files is touched.
        is_decoding: whether videos are opened for pictures of runners-up; else those that are there already are shown.
        events: `progress` for how many videos were looked at.

    Raises:
        BadInputError: the folder holds something else.
        MissingInputError: there is no catalog yet.
        StorageError: the disk is full, read-only or gone.
    """
    target = GalleryFolder.claimed(folder)
    cards = cards_of(store)
    with FrameProcess(store) as frames:
        writer = _Writer(store, target, cards, frames if is_decoding else None)
        writer.write(events)
    return Gallery(folder / "index.html", len(cards), writer.num_written, tuple(writer.notes))


class _Writer:
    """One writing of a gallery."""

    def __init__(
        self, store: TableStore, target: GalleryFolder, cards: Sequence[Card], frames: FrameProcess | None
    ) -> None:
        self.notes: list[str] = []
        self.num_written = 0
        self._store, self._target, self._cards, self._frames = store, target, cards, frames
        self._library = Library(store.data_dir)
        self._environment = _environment()
        self._template = (resources.files("thumb_assets.report.gallery") / "video.html").read_text(encoding="utf-8")
        self._planned: set[str] = {"index.html", "gallery-data.js", *_ASSETS, *(card.page for card in cards)}
        self._pages: dict[str, tuple[str, ...]] = {}

    def write(self, events: Events) -> None:
        self._target.begin(self._planned)
        for number, card in enumerate(self._cards):
            around = [
                self._cards[place] if 0 <= place < len(self._cards) else None for place in (number - 1, number + 1)
            ]
            try:
                self._write_video(card, around)
            except (ContractError, OSError) as error:
                self.notes.append(f"{card.video_id}: its page shows less: {error}")
                self._write_page(card, around, None)
            events.progress("videos", number + 1, len(self._cards))
        for name, content in _index_files(self._cards, self._environment).items():
            self._target.write(name, content)
        self._target.end(self._planned, self._pages)

    def _write_video(self, card: Card, around: Sequence[Card | None]) -> None:
        version = self._version(card, around)
        before = self._target.pages.get(card.page, ("",))
        if before[0] in self._as_good(version) and all(map(self._target.has, (card.page, *before[1:]))):
            self._keep(card, before)
            return
        stills = self._stored("stills", card.video_id)
        names = {row["file_name"]: still_names(row["file_sha256"]) for row in stills}
        rejections = runners_up_of(self._stored("rejections", card.video_id), _NUM_RUNNERS_UP)
        wanted = {row["frame_index"]: frame_name(card.video_id, row["frame_index"]) for row in rejections}
        self._target.begin({name for pair in names.values() for name in pair} | set(wanted.values()))
        shown = self._still_pictures(card.video_id, stills, names)
        frame_pictures = self._frame_pictures(card.video_id, wanted)
        page = page_of(
            self._store,
            card.video_id,
            still_pictures={file_name: pair[1] for file_name, pair in shown.items()},
            frame_pictures=frame_pictures,
            num=_NUM_RUNNERS_UP,
        )
        self._write_page(card, around, page)
        pictures = [name for pair in shown.values() for name in pair] + list(frame_pictures.values())
        self._keep(card, (self._as_good(version)[0], *pictures))

    def _keep(self, card: Card, made: tuple[str, ...]) -> None:
        self._pages[card.page] = made
        self._planned |= set(made[1:])

    def _as_good(self, version: str) -> tuple[str, ...]:
        """The origin of a page that need not be made again; the first is what this writing makes."""
        decoded = f"{version} with runners-up"
        return (decoded,) if self._frames else (version, decoded)

    def _stored(self, table_name: str, video_id: str) -> list[dict[str, Any]]:
        table = self._store.read_or_none(table_name, video_id)
        return [] if table is None else table.to_pylist()

    def _version(self, card: Card, around: Sequence[Card | None]) -> str:
        """Another one where the page would show something else."""
        parts: list[object] = [_VERSION, __version__, self._template, card.name, card.state, card.why]
        parts += [None if each is None else (each.page, each.name) for each in around]
        for name in TABLES_OF_PAGE:
            try:
                status = self._store.table_path(name, card.video_id).stat()
                parts.append((name, status.st_size, status.st_mtime_ns))
            except FileNotFoundError:
                continue
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def _still_pictures(
        self, video_id: str, stills: Sequence[Mapping[str, Any]], names: Mapping[str, tuple[str, str]]
    ) -> dict[str, tuple[str, str]]:
        shown = {}
        for row in stills:
            path = self._store.stills_dir(video_id) / row["file_name"]
            try:
                for name, height in zip(names[row["file_name"]], (SMALL, LARGE), strict=True):
                    if not self._target.has(name):
                        self._target.write(name, still_thumbnail(path, height=height))
            except StorageError:
                raise
            except OSError as error:
                self.notes.append(f"{path}: has no picture in the gallery: {error.strerror or error}")
                continue
            shown[row["file_name"]] = names[row["file_name"]]
        return shown

    def _frame_pictures(self, video_id: str, wanted: Mapping[int, str]) -> dict[int, str]:
        """The pictures of runners-up that are there, or can be made."""
        missing = [frame for frame, name in wanted.items() if not self._target.has(name)]
        if missing and self._frames is not None:
            try:
                video = self._library.find(video_id)
                found = self._frames.pictures(video.path, video_id, missing, short_side=RUNNER_UP)
                for frame, content in found.items():
                    self._target.write(wanted[frame], content)
            except StorageError:
                raise
            except ThumbAssetsError as error:
                self.notes.append(f"{video_id}: its runners-up have no pictures: {error}")
        return {frame: name for frame, name in wanted.items() if self._target.has(name)}

    def _write_page(self, card: Card, around: Sequence[Card | None], page: Any) -> None:
        before, after = around
        template = self._environment.get_template("video.html")
        text = template.render(card=card, page=page, before=before, after=after, version=__version__)
        self._target.write(card.page, text.encode())
        self.num_written += 1


def write_index(folder: Path, cards: Sequence[Card]) -> None:
    """Writes the page of covers alone into an existing folder, with what it needs but the pictures."""
    for name, content in _index_files(cards, _environment()).items():
        (folder / name).write_bytes(content)


def _index_files(cards: Sequence[Card], environment: Any) -> dict[str, bytes]:
    """The page of covers, its data, script and style, by name."""
    num_of = {state: sum(card.state == state for card in cards) for state in ("done", "nothing", "failed")}
    first = [shown_card(card) for card in cards[:_FIRST_CARDS]]
    template = environment.get_template("index.html")
    page = template.render(cards=first, num_videos=len(cards), num_of=num_of, version=__version__)
    files = {name: (resources.files("thumb_assets.report.gallery") / name).read_bytes() for name in _ASSETS}
    return {**files, "gallery-data.js": data_of(cards).encode(), "index.html": page.encode()}


def data_of(cards: Sequence[Card]) -> str:
    """The cards as a script, since a page that was opened from a file may read no other file: rows of values.

    A row is video_id, name, seconds, state, why, small picture, width, height, score and the numbers of its flags.
    """
    rows = []
    for card in cards:
        shown = shown_card(card)
        score = None if card.score is None else round(card.score, 4)
        flags = [number for number, name in enumerate(FLAGS) if name in card.flags]
        seconds = None if card.seconds is None else round(card.seconds, 1)
        rows.append([card.video_id, card.name, seconds, card.state, card.why, shown["picture"], shown["width"],
                     shown["height"], score, flags])  # fmt: skip
    # ASCII, and no `<`, so that no name ends the script or is markup wherever this is put.
    text = json.dumps({"flags": FLAGS, "cards": rows}, separators=(",", ":")).replace("<", "\\u003c")
    return f"window.GALLERY={text};\n"


def shown_card(card: Card) -> dict[str, Any]:
    """A card for the template: with the name of its picture and the size of that."""
    shown: dict[str, Any] = {"card": card, "picture": "", "width": 0, "height": 0}
    if card.cover is not None:
        height = min(SMALL, card.cover["height"])
        shown |= {
            "picture": still_names(card.cover["file_sha256"])[0],
            "width": max(1, round(card.cover["width"] * height / card.cover["height"])),
            "height": height,
        }
    return shown


def _environment() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("thumb_assets.report.gallery", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: one_line(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"address": lambda name: quote(str(name)), "clock": clock}
    return environment
