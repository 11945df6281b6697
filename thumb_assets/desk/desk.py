"""`Desk`: what all pages share, and how a video of the library is found without trusting what a request says."""

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thumb_assets.desk.exporting import Exporter
from thumb_assets.desk.pictures import Pictures
from thumb_assets.desk.remake import Remaker
from thumb_assets.desk.trials import Trials
from thumb_assets.desk.words import version_of, words_between
from thumb_assets.errors import BadInputError, MissingInputError, ThumbAssetsError
from thumb_assets.library.decide import Decided, collect_frames, decide_frames, decisions_of, rename_collection
from thumb_assets.settings.config import Configuration, read_configuration
from thumb_assets.settings.load import Settings
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.identity import is_video_id
from thumb_assets.store.library import Library
from thumb_assets.store.mirror import Mirror
from thumb_assets.store.parquet import TableStore

MOST_UPLOAD_BYTES = 10_000_000_000


class ConflictError(BadInputError):
    """Somebody else decided on the same video since it was shown."""


@dataclass(frozen=True)
class Standing:
    """The decisions of a video, by frame_index, and the version that says which they are."""

    decisions: Mapping[int, str]

    @property
    def version(self) -> str:
        """Changes with the decisions."""
        return version_of(self.decisions)

    def as_json(self) -> dict[str, Any]:
        """For a page."""
        return {"decisions": {str(index): word for index, word in self.decisions.items()}, "version": self.version}


class Desk:
    """A library on the desk.

    Args:
        store: the data folder.
        profile, overrides: options of the command, on top of the library's settings.
        most_upload_bytes: a larger upload is refused.

    Raises:
        SettingsError: the settings are wrong.
    """

    def __init__(
        self,
        store: TableStore,
        *,
        profile: str | None = None,
        overrides: Sequence[str] = (),
        most_upload_bytes: int = MOST_UPLOAD_BYTES,
    ) -> None:
        self.store = store
        self._options = (profile, tuple(overrides))
        settings = self.configuration().settings
        self.catalog = Catalog(store.catalog_path)
        self.library = Library(
            store.data_dir,
            video=settings.video,
            ignore=settings.library.ignore,
        )
        self.pictures = Pictures(store)
        self.remaker = Remaker(store, self.configuration)
        self.trials = Trials(
            store,
            self.library,
            remaker=self.remaker,
            pictures=self.pictures,
            read=self._settings,
            most_bytes=most_upload_bytes,
        )
        self.exporter = Exporter(store, lambda more: self.configuration(more).settings)
        self._deciding = threading.Lock()

    def configuration(self, more: Sequence[str] = ()) -> Configuration:
        """The settings as they are now, with others on top; the file may have changed since the desk was opened.

        Raises:
            SettingsError: a name or value is wrong.
        """
        profile, overrides = self._options
        return read_configuration(self.store.data_dir, profile=profile, overrides=[*overrides, *more])

    def start(self) -> None:
        """Starts the work beside the pages."""
        self.remaker.start()
        self.pictures.start()
        self.trials.start()

    def stop(self) -> None:
        """Ends it; what is decided is kept, and stills that are not remade yet are by the next start."""
        self.remaker.stop()
        self.pictures.close()

    def video_id(self, asked: str) -> str:
        """The id that a request names, if it is a video that was run here.

        Raises:
            MissingInputError: it is none.
        """
        if not is_video_id(asked) or not self.store.has("outcomes", asked):
            raise MissingInputError(f"{asked[:100]!r} is no video that was run here")
        return asked

    def path(self, video_id: str) -> Path:
        """The video's file.

        Raises:
            BadInputError: it is gone, or its content changed.
        """
        return self.library.find(video_id).path

    def standing(self, video_id: str) -> Standing:
        """The decisions of a video as they are now."""
        return Standing(decisions_of(self.store, video_id))

    def decide(self, video_id: str, words: Sequence[tuple[int, str]], *, seen: str) -> Standing:
        """Decides of frames, stores that, and has the stills remade.

        Args:
            words: frame_index with pin, ban, cover, unpin, unban or uncover.
            seen: version of the decisions that the page showed.

        Raises:
            ConflictError: the decisions are not those any more; nothing is decided.
            ThumbAssetsError: as `decide_frames`; nothing is decided.
        """
        with self._deciding:
            self._require_seen(video_id, seen)
            decided = self._decided(video_id, words)
        self._follow_up(video_id)
        return Standing(decided.now)

    def restore(self, video_id: str, wanted: Mapping[int, str], *, seen: str) -> Standing:
        """Makes the decisions of a video those that they were before; for undo.

        Raises: as `decide`.
        """
        with self._deciding:
            self._require_seen(video_id, seen)
            words = words_between(decisions_of(self.store, video_id), wanted)
            now = self._decided(video_id, words).now if words else wanted
        self._follow_up(video_id)
        return Standing(now)

    def collect(self, name: str, video_id: str, frames: Sequence[int], *, is_in: bool = True) -> int:
        """Puts frames of a video into a collection, or takes them out.

        Returns:
            The number of frames for which that is new.

        Raises:
            ThumbAssetsError: as `collect_frames`.
        """
        return collect_frames(
            name, video_id, frames, is_in=is_in, library=self.library, mirror=self._mirror(), store=self.store
        )

    def rename_collection(self, name: str, new_name: str | None) -> None:
        """Gives the frames of a collection to another one; None for none.

        Raises:
            ThumbAssetsError: as `rename_collection`.
        """
        rename_collection(name, new_name, mirror=self._mirror(), store=self.store)

    def _mirror(self) -> Mirror:
        return Mirror(self.configuration().settings.library, self.store)

    def _settings(self) -> Settings:
        return self.configuration().settings

    def _decided(self, video_id: str, words: Sequence[tuple[int, str]]) -> Decided:
        return decide_frames(video_id, words, library=self.library, mirror=self._mirror(), store=self.store)

    def _require_seen(self, video_id: str, seen: str) -> None:
        if self.standing(video_id).version != seen:
            raise ConflictError("somebody else decided on this video meanwhile; look at what is decided now, and again")

    def _follow_up(self, video_id: str) -> None:
        """Shows it in the catalog and has the stills remade; it is stored by now, so nothing here may fail."""
        with suppress(ThumbAssetsError):  # the remake brings the catalog up to date as well, and says what is wrong
            self.catalog.index_video(self.store, video_id, table_names=("decisions",))
        self.remaker.add(video_id)
