"""Trains the learned head again, from labels of the data folder and of files and the stored measurements."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thumb_assets.events import UNWATCHED, Events
from thumb_assets.learn.examples import Examples, examples_of
from thumb_assets.learn.labels import Label, LeftOut, labels_of_decisions, merged, read_labels
from thumb_assets.learn.train import Training, train
from thumb_assets.select.score import score_candidates
from thumb_assets.settings.load import Settings
from thumb_assets.store.candidate_cache import CandidateCache
from thumb_assets.store.identity import ids_beginning_with
from thumb_assets.store.learned_head import write_learned_head
from thumb_assets.store.parquet import TableStore


@dataclass(frozen=True, eq=False)
class Lesson:
    """The examples that there are to learn from.

    Attributes:
        examples: None where no label can be used.
        hand_made: (N,) float64, combined scores of the candidates without a learned scorer.
        left_out: the labels that cannot be used, and why.
        errors: one line per video whose tables cannot be read.
    """

    examples: Examples | None
    hand_made: NDArray[np.float64]
    left_out: LeftOut
    errors: tuple[str, ...]


def gather_lesson(
    store: TableStore,
    settings: Settings,
    *,
    label_files: Iterable[Path] = (),
    events: Events = UNWATCHED,
) -> Lesson:
    """All labels there are, of decisions and of files, with what was measured of their frames.

    Args:
        store: the tables; nothing in them is changed.
        settings: `selection` makes the hand-made scores.
        label_files: see `read_labels`; a video_id in them may be the beginning of one.
        events: see `CandidateCache`.

    Raises:
        BadInputError: a file of labels cannot be used.
        StorageError: the disk does not answer.
    """
    left_out = LeftOut()
    labels: list[Label] = []
    for video_id in store.video_ids("decisions"):
        labels += labels_of_decisions(store.read("decisions", video_id))
    resolve = partial(ids_beginning_with, video_ids=store.video_ids("outcomes"))
    for path in label_files:
        labels += read_labels(path, resolve=resolve, left_out=left_out)
    labels = merged(labels)
    video_ids = sorted({label.video_id for label in labels})
    stored = CandidateCache(store, video_ids, events=events).candidates(needs_selections=False)
    measured = stored.measured
    examples = examples_of(labels, measured, left_out=left_out)
    hand_made = np.zeros(0)
    if measured is not None:
        hand_made = score_candidates(measured, settings=settings.selection).combined
    return Lesson(examples, hand_made, left_out, tuple(stored.errors[video_id] for video_id in sorted(stored.errors)))


def learn(lesson: Lesson) -> Training:
    """Trains a head and says what it is worth; nothing is written.

    Raises:
        BadInputError: there is too little to learn from.
    """
    return train(lesson.examples, lesson.hand_made)


def keep_learned(store: TableStore, training: Training) -> Path:
    """Makes a trained head the learned scorer of the data folder.

    Raises:
        StorageError: the disk is full, read-only or gone; the one before is kept.
    """
    return write_learned_head(store, training.head, is_better=training.is_better, facts=training.facts())
