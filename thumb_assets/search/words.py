"""Words of a query, held against all that is said and written, and as the model of the embeddings sees them."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thumb_assets.clip.mini import MINI_MODEL
from thumb_assets.errors import MissingInputError, ModelUnavailableError
from thumb_assets.events import UNWATCHED, Events
from thumb_assets.pipeline.guidance import encoded_words, likeness_of_meaning
from thumb_assets.search.meanings import Meanings
from thumb_assets.search.query import Match
from thumb_assets.search.space import VectorSpace
from thumb_assets.select.measure import embedding_model_of
from thumb_assets.select.words import LikenessOfMeaning, likeness_of_cosines, shares_by_places, words_in
from thumb_assets.settings.load import Settings
from thumb_assets.store.quote_rows import SOURCES, TABLES_OF_QUOTES, Quotes

# Somebody waits for an answer: the meaning of new texts is read for so long at most.
_SECONDS_OF_READING = 2.0
# Of the nearest meanings so many are looked at.
_NUM_NEAREST = 2000
# The kinds of texts, and the setting that has each made.
_KINDS = {
    "subtitles": ("no subtitles are in the videos or beside them", "subtitles.is_on"),
    "texts": ("no writing was read in pictures", "texts.is_on"),
    "chapters": ("there are no chapter titles", "chapters.is_on"),
}


def _turned_on(change: str) -> str:
    """The two commands that make a setting hold for the library, as a person types them."""
    return f"`thumb-assets settings set {change}`, then `thumb-assets run`"


@dataclass(frozen=True, eq=False)
class TextMatches:
    """The texts that are like the words.

    Attributes:
        places: (M,) int64, ascending.
        likeness: (M,) float64, above 0, at most 1.
        notes: on what could not be searched, one line each.
    """

    places: NDArray[np.int64]
    likeness: NDArray[np.float64]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class PictureQuestion:
    """Words as the model of the embeddings sees them: (D,) float32, and the model's name."""

    vector: NDArray[np.float32]
    model: str | None


class Words:
    """The texts of a library, ready to be searched.

    Args:
        quotes: all texts.
        settings: `clip`, `models`.
        folder: for what is kept; None keeps it in memory.
    """

    def __init__(self, quotes: Quotes, settings: Settings, folder: Path | None, *, events: Events = UNWATCHED) -> None:
        self._quotes, self._settings, self._events = quotes, settings, events
        self._meanings = Meanings(folder, quotes)
        self._has_read = False

    def match(self, place: int, likeness: float) -> Match:
        """The text at a place as a reason."""
        quotes = self._quotes
        source = SOURCES[int(quotes.sources[place])]
        return Match(source, likeness, quotes.text(place), float(quotes.seconds[place]))

    def matches(self, words: str) -> TextMatches:
        """The texts that have the words, or mean the like."""
        quotes = self._quotes
        num_texts = len(quotes.texts)
        notes = [self._told_absent(table) for table in self._absent]
        if not num_texts:
            return TextMatches(np.zeros(0, np.int64), np.zeros(0), tuple(notes))
        places = {word: quotes.with_word(word) for word in sorted(words_in(words))}
        likeness = shares_by_places(places, num_texts=num_texts, num_filled=num_texts)
        try:
            model = likeness_of_meaning(self._settings)
        except ModelUnavailableError as error:
            notes.append(f"texts are compared by their words, not by their meaning: {error}")
        else:
            notes += self._add_meanings(words, model, likeness)
        found = np.flatnonzero(likeness)
        return TextMatches(found, likeness[found], tuple(notes))

    def as_picture(self, words: str, *, known: Collection[str | None]) -> PictureQuestion:
        """The words as the model of the settings sees them.

        Args:
            known: models of the embeddings that there are.

        Raises:
            MissingInputError: there are none of that model.
            ModelUnavailableError: the model cannot be had here, or reads no words.
            SettingsError: it does not know one of the words.
        """
        if self._settings.clip.model == MINI_MODEL:
            raise ModelUnavailableError(
                f"the built-in model {MINI_MODEL} reads no words; choose one that does by the setting profile "
                f"({_turned_on('profile=cpu')}; its weights are downloaded once)"
            )
        name = self._settings.clip.model
        missing = f"no video here has embeddings of {name}; run the stage clip_scores with it"
        if not any(model is not None and model.startswith(f"{name} (") for model in known):
            raise MissingInputError(missing)  # before the model is loaded, which takes seconds
        vectors, footer = encoded_words(self._settings, words)
        model = embedding_model_of(footer)
        if model not in known:
            raise MissingInputError(missing.replace(name, str(model)))
        return PictureQuestion(vectors[0], model)

    def read_all(self, *, events: Events = UNWATCHED) -> None:
        """Reads the meaning of every text.

        Raises:
            ModelUnavailableError: the model cannot be had here.
        """
        self._meanings.read(likeness_of_meaning(self._settings), events=events)
        self._has_read = True
        for name in ("_space", "_num_unread"):
            self.__dict__.pop(name, None)

    def _add_meanings(self, words: str, model: LikenessOfMeaning, likeness: NDArray[np.float64]) -> list[str]:
        """Raises the likeness of texts that mean the like; notes on those of which that is not known."""
        if not model.knows([words]):
            return ["texts are compared by their words, not by their meaning: the words are not English"]
        if not self._has_read:
            self._meanings.read(model, max_seconds=_SECONDS_OF_READING, events=self._events)
            self._has_read = True
        space, places = self._space
        question = np.asarray(model.encode([words])[0], np.float32)
        positions, cosines = space.nearest(question, number=_NUM_NEAREST)
        np.maximum.at(likeness, places[positions], likeness_of_cosines(cosines))
        if self._num_unread:
            unread = f"{self._num_unread} of {len(self._quotes.texts)} texts"
            return [f"{unread} are compared by their words until thumb-assets search --prepare reads their meaning"]
        return []

    @cached_property
    def _space(self) -> tuple[VectorSpace, NDArray[np.int64]]:
        return self._meanings.space(events=self._events)

    @cached_property
    def _num_unread(self) -> int:
        return self._meanings.num_unread

    def _told_absent(self, table: str) -> str:
        kind, setting = _KINDS[table]
        section, _, name = setting.partition(".")
        if getattr(getattr(self._settings, section, None), name, True):
            return kind
        return f"{kind}: turn on the setting {setting} ({_turned_on(f'{setting}=true')})"

    @cached_property
    def _absent(self) -> list[str]:
        """Tables of which nothing is there."""
        there = set(np.unique(self._quotes.sources).tolist())
        return [table for source, table in enumerate(TABLES_OF_QUOTES) if source not in there]
