"""Guides of a choice beyond the video itself: words, a learned scorer, the library's scores."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thumb_assets.clip.scorer import load_clip_scorer
from thumb_assets.errors import ContractError, MissingInputError, ModelUnavailableError, SettingsError, ThumbAssetsError
from thumb_assets.meaning import SentenceEncoder
from thumb_assets.select.guidance import Guidance
from thumb_assets.select.learned_head import LearnedHead
from thumb_assets.select.measure import embedding_model_of
from thumb_assets.select.words import LikenessOfMeaning
from thumb_assets.settings.load import Settings
from thumb_assets.settings.stages import PROMPT_FIELDS, ClipSettings
from thumb_assets.stages import STAGES, check_licences
from thumb_assets.stages.kit.declaration import FromFrames
from thumb_assets.stages.selections import MODELS_OF_WORDS, models_of_words, words_of
from thumb_assets.store.learned_head import read_learned_bytes, read_learned_head
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.survey import read_reference, reference_sha256
from thumb_assets.weights.registry import check_models, get_model_file
from thumb_assets.weights.resolve import resolve_file

# What of the footer of `clip_scores` says which texts its embeddings can be held against, and what its scores are of.
_OF_MODEL = ("model_name", "pretrained")
_OF_SCORES = (*_OF_MODEL, "prompts_sha256")
# These read words: prompts, and what is looked for or avoided.
_STAGES_OF_WORDS = frozenset(
    name
    for name, stage in STAGES.items()
    if stage.is_guided or (isinstance(stage.run, FromFrames) and stage.run.without_texts)
)


class Guides:
    """Guides of the choices of one run; each file is read once.

    Args:
        settings: `selection.looking_for`, `avoid`, `library_weight`, `learned`, and `clip`, whose model reads words.
        store: where the learned scorer and the library's distributions lie.
    """

    def __init__(self, settings: Settings, store: TableStore) -> None:
        self._settings, self._store = settings, store

    def of_video(self, video_id: str, clip_footer: Mapping[str, str] | None) -> Guidance:
        """Guides for the choice from one video, or from many whose scores are of the same model and prompts.

        Args:
            video_id: for the error.
            clip_footer: of the table `clip_scores`; None or empty where there is none, and words have no say.

        Returns:
            `library` holds the component `clip` only where the library's scores are of this model and these prompts.

        Raises:
            ContractError: a learned scorer is forced, and cannot be read.
            MissingInputError: a learned scorer is forced, and there is none.
            ModelUnavailableError: words are asked for, and their model cannot be had here, or `models.licence` refuses
                it.
            SettingsError: the embeddings are of another model than the words, or it does not know one of these; where
                text is read it stands in `unread` instead, and a video without them raises it.
        """
        footer, asked = clip_footer or {}, words_of(self._settings)
        texts, unread = {}, None
        try:
            texts = self._texts(video_id, footer) if footer else {}
        except ThumbAssetsError as error:
            if not _has_text(self._settings):
                raise
            unread = error
        if self._files.error is not None:
            raise self._files.error
        values, of_scores = self._files.reference
        is_theirs = all(of_scores.get(name) == footer.get(name) for name in _OF_SCORES)
        return Guidance(
            looking_for=texts.get("looking_for"),
            avoid=texts.get("avoid"),
            scorer=self._files.scorer,
            library={name: column for name, column in values.items() if name != "clip" or is_theirs},
            words=asked,
            unread=unread,
            **self._of_words,
        )

    def _texts(self, video_id: str, footer: Mapping[str, str]) -> dict[str, NDArray[np.float32]]:
        """The words as the model of a video's embeddings sees them, by setting."""
        words = {name: encoded_words(self._settings, text) for name, text in words_of(self._settings).items()}
        for _, of_words in words.values():
            require_same_model(video_id, footer, of_words)
        return {name: embedded for name, (embedded, _) in words.items()}

    @cached_property
    def _of_words(self) -> dict[str, Any]:
        """Compares words with text by meaning; by letters where the model of meanings is absent."""
        if not models_of_words(self._settings):
            return {}
        try:
            likeness = likeness_of_meaning(self._settings)
        except ModelUnavailableError as error:
            reason = str(error)
            return {"why_plain": lambda _query, _texts: reason}
        return {"likeness": likeness, "why_plain": likeness.why_plain}

    @property
    def sha256(self) -> dict[str, str | None]:
        """See `guides_sha256`: of the very content that guides this run's choices."""
        return self._files.sha256

    @property
    def notes(self) -> tuple[str, ...]:
        """One line per damaged file that has no say in this run's choices."""
        return self._files.notes

    @cached_property
    def _files(self) -> "_Files":
        """Read until nobody wrote them meanwhile: what is made of one content must not count as made of another."""
        while True:
            before = guides_sha256(self._settings, self._store)
            files = self._read(before)
            if guides_sha256(self._settings, self._store) == before:
                return files

    def _read(self, sha256: dict[str, str | None]) -> "_Files":
        """A damaged file has no say, and a note says so; only a learned scorer that is forced must be there."""
        has_library = self._settings.selection.library_weight > 0
        notes: list[str] = []
        scorer: LearnedHead | None = None
        reference: _Reference = ({}, {})
        try:
            try:
                scorer = load_learned_head(self._settings, self._store)
            except ContractError as error:
                if self._settings.selection.learned == "force":
                    raise
                notes.append(f"{error}; until then frames are chosen without it")
            try:
                reference = read_reference(self._store) if has_library else ({}, {})
            except ContractError as error:
                notes.append(f"{error}; until then frames are chosen without it")
        except ThumbAssetsError as error:  # the videos whose choice needs them say so
            return _Files(None, ({}, {}), sha256, error)
        return _Files(scorer, reference, sha256, None, tuple(notes))


# By component the library's values, and what those of `clip` are of.
_Reference = tuple[Mapping[str, NDArray[np.float64]], Mapping[str, str]]


@dataclass(frozen=True)
class _Files:
    """Contents of the files that guide a choice, their hashes, the error in reading them, and notes on damaged ones."""

    scorer: LearnedHead | None
    reference: _Reference
    sha256: dict[str, str | None]
    error: ThumbAssetsError | None
    notes: tuple[str, ...] = ()


def guides_sha256(settings: Settings, store: TableStore) -> dict[str, str | None]:
    """Hash of each file that guides the choice, None for one that has no say or is not there.

    Raises:
        StorageError: the disk does not answer.
    """
    library = reference_sha256(store) if settings.selection.library_weight > 0 else None
    return {"learned": learned_head_sha256(settings, store), "library": library}


def _has_text(settings: Settings) -> bool:
    """True if a video may have text to compare words with."""
    return settings.subtitles.is_on or settings.texts.is_on


def require_known_words(settings: Settings, stages: Iterable[str] = _STAGES_OF_WORDS) -> None:
    """Rejects words that their model does not know before any work starts; a model that is not here says so later.

    Words that subtitles or writing may have are not rejected here: a video without either rejects them.

    Args:
        stages: that are to run.

    Raises:
        SettingsError: names the word and what to do.
    """
    usual = ClipSettings()
    has_prompts = any(getattr(settings.clip, name) != getattr(usual, name) for name in PROMPT_FIELDS)
    words = {} if _has_text(settings) else words_of(settings)
    if not _STAGES_OF_WORDS & set(stages) or (not words and not has_prompts):
        return
    try:
        check_licences("clip_scores", settings)
        load_clip_scorer(settings.clip).encoder.encode_texts(list(words.values()))
    except ModelUnavailableError:
        return


def require_same_model(video_id: str, footer: Mapping[str, str], of_texts: Mapping[str, str]) -> None:
    """Rejects texts that cannot be compared with a video's embeddings.

    Args:
        footer: of the video's table `clip_scores`.
        of_texts: model_name and pretrained of the model that read the texts.

    Raises:
        SettingsError: they are of another model.
    """
    stored, asked = embedding_model_of(footer), embedding_model_of(of_texts)
    if stored != asked:
        raise SettingsError(
            f"{video_id}: its embeddings are of the model {stored}, the prompts of {asked}; set clip.model and "
            "clip.pretrained (or the profile) to the stored one, or run the stage `clip_scores` again"
        )


def encoded_words(settings: Settings, text: str) -> tuple[NDArray[np.float32], dict[str, str]]:
    """Words as the model of the embeddings sees them: (1, D) float32 of L2 norm 1, its model_name and pretrained.

    Raises:
        ModelUnavailableError: the model cannot be had here, or `models.licence` refuses it.
        SettingsError: it does not know one of the words.
    """
    check_licences("clip_scores", settings)
    return _encoded_by(settings.clip, text)


@lru_cache(maxsize=16)
def _encoded_by(settings: ClipSettings, text: str) -> tuple[NDArray[np.float32], dict[str, str]]:
    """A text as (1, D) float32, and whose model it is: a library's videos ask for the same one after the other."""
    scorer = load_clip_scorer(settings)
    return scorer.encoder.encode_texts([text]), {name: scorer.footer[name] for name in _OF_MODEL}


def likeness_of_meaning(settings: Settings) -> LikenessOfMeaning:
    """The model that compares what texts mean.

    Raises:
        ModelUnavailableError: it cannot be had here, or `models.licence` refuses it.
    """
    models = tuple(map(get_model_file, MODELS_OF_WORDS))
    check_models(models, settings.models)
    return _likeness_of_meaning(*(resolve_file(model, allow_download=False) for model in models))


@lru_cache(maxsize=1)
def _likeness_of_meaning(weights: Path, vocabulary: Path) -> LikenessOfMeaning:
    """Loaded once per process: a library's videos ask one after the other."""
    return LikenessOfMeaning(SentenceEncoder(weights, vocabulary))


def load_learned_head(settings: Settings, store: TableStore) -> LearnedHead | None:
    """The learned scorer, where `selection.learned` lets it count; None where it has no say.

    Raises:
        MissingInputError: it is forced, and there is none.
        ContractError: its file is damaged or of another version.
        StorageError: the disk does not answer.
    """
    mode = settings.selection.learned
    stored = None if mode == "off" else read_learned_head(store)
    if stored is None:
        if mode == "force":
            raise MissingInputError(
                f"{store.learned_head_path}: is not there, and selection.learned is force; run `thumb-assets learn` "
                "first, or set it to auto"
            )
        return None
    return stored.head if mode == "force" or stored.is_better else None


def learned_head_sha256(settings: Settings, store: TableStore) -> str | None:
    """Hex SHA-256 of the file of the learned scorer, where it counts; None where it does not, or is not there.

    Raises:
        StorageError: the disk does not answer.
    """
    try:
        head = load_learned_head(settings, store)
    except MissingInputError:
        return None
    except ContractError:  # the choice itself says so
        head = None
    else:
        if head is None:
            return None
    try:
        content = read_learned_bytes(store)
    except ContractError as error:
        return str(error)
    return None if content is None else hashlib.sha256(content).hexdigest()
