"""The components of a combined score, each one declaration."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from thumb_assets.errors import ContractError
from thumb_assets.select.guidance import NO_GUIDANCE, Guidance
from thumb_assets.select.measure import SOURCES, VALUES, CandidateArrays
from thumb_assets.select.states import worth_of_states
from thumb_assets.settings.selection import ComponentWeights, SelectionSettings

FloatArray = NDArray[np.float64]
# A subject of this share of the picture is large enough; one that the upper edge cuts over this share of its width, as
# it does a person without a head, is worth nothing.
_LARGE_SUBJECT, _SPOILT_BY_CUT = 0.1, 0.85
# Of two subtitles the one that has a word more is meant, whatever the pictures are like.
_SAID_POWER = 4


@dataclass(frozen=True)
class Component:
    """One part of a combined score; its weight is the setting `selection.weights` of the same name.

    Attributes:
        name: its column in `selections` is `{name}_percentile`.
        measure: values of CandidateArrays by name, or made of them and of the guidance, by part where there are
            several; NaN where a value is not known.
        is_less_better: the measure counts the other way round.
        of_shot: percentiles within the shot count as well.
        of_library: percentiles are blended with the library's, see `Guidance.library`.
        is_percentile: False for a measure that is a share already.
        reads: columns behind a measure that is made, as `table.column`.
        is_guided: the measure is made of the guidance, which no other measure is given.
        applies_to: videos that are chosen from as recordings of screens, where sharpness and the like tell nothing, the
            others, or all.
        label: its name for people, where its own tells them nothing.
    """

    name: str
    measure: str | Callable[[CandidateArrays, Guidance], FloatArray | Mapping[str, FloatArray]]
    is_less_better: bool = False
    of_shot: bool = False
    of_library: bool = False
    is_percentile: bool = True
    reads: tuple[str, ...] = ()
    is_guided: bool = False
    applies_to: Literal["others", "screens", "all"] = "others"
    label: str = ""

    @property
    def title(self) -> str:
        """Its name for people, on every page and in every table."""
        return self.label or self.name

    @property
    def column(self) -> str:
        """Its column in the table `selections`."""
        return f"{self.name}_percentile"

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns that it is made of, as `table.column`."""
        return SOURCES.get(self.measure, ()) if isinstance(self.measure, str) else self.reads

    def weight(self, settings: SelectionSettings) -> float:
        """Its weight; 0 is off."""
        return float(getattr(settings.weights, self.name))

    def parts(self, measured: CandidateArrays, guidance: Guidance) -> dict[str, FloatArray]:
        """By part (N,) float64, more is better, NaN where unknown; the name of the one part is the component's."""
        own = guidance if self.is_guided else NO_GUIDANCE
        made = measured[self.measure] if isinstance(self.measure, str) else self.measure(measured, own)
        parts = dict(made) if isinstance(made, Mapping) else {self.name: made}
        return {name: -values for name, values in parts.items()} if self.is_less_better else parts


def _metrics(measured: CandidateArrays, _guidance: Guidance) -> dict[str, FloatArray]:
    return {f"iqa.{metric}": values for metric, values in sorted(measured.iqa.items())}


def _subject(measured: CandidateArrays, _guidance: Guidance) -> FloatArray:
    """0 without a subject, 1 where it is large enough and its upper end is in the picture.

    No percentile: a video without a subject, or with one throughout, is chosen from as if this were off.
    """
    size = np.minimum(1.0, measured["subject_share"] / _LARGE_SUBJECT)
    return np.asarray(size * np.clip(1 - measured["subject_cut_share"] / _SPOILT_BY_CUT, 0.0, 1.0))


def _learned(measured: CandidateArrays, guidance: Guidance) -> FloatArray:
    if guidance.scorer is None:
        return np.full(len(measured.frame_indices), np.nan)
    return guidance.scorer.scores(measured)


def _judged(measured: CandidateArrays, _guidance: Guidance) -> FloatArray:
    """The judge's score over 10, no percentile: the best of a bad lot is not good.

    A candidate that was not among the best, which were judged, comes after them; a failed judgement is neutral.
    """
    scores = measured["judge_score"] / 10
    videos = np.repeat(np.arange(len(measured.video_ids)), np.diff(measured.offsets))
    num_judged = np.bincount(videos[~np.isnan(scores)], minlength=len(measured.video_ids))
    is_unasked = np.isnan(scores) & (measured["is_judged"] == 0) & (num_judged[videos] > 0)
    return np.where(is_unasked, 0.0, scores)


def _said(measured: CandidateArrays, guidance: Guidance) -> FloatArray:
    """Likeness of subtitle or writing to the words, beside the best of the video; what is half as like is nothing."""
    said, videos = guidance.said(measured), len(measured.video_ids)
    best = np.full(videos, np.nan)
    for video in range(videos):
        own = said[measured.span(video)]
        best[video] = own.max() if len(own) else np.nan
    return np.asarray((said / np.repeat(best, np.diff(measured.offsets))) ** _SAID_POWER)


def _worth_of_states(measured: CandidateArrays, _guidance: Guidance) -> FloatArray:
    return worth_of_states(measured)


# fmt: off
COMPONENTS: tuple[Component, ...] = (
    Component("sharpness", "laplacian_variance", of_shot=True, of_library=True),
    Component("clip", "clip_score", of_shot=True, of_library=True, label="CLIP score"),
    Component("iqa", _metrics, of_shot=True, of_library=True, reads=("iqa_scores.iqa_score",),
              label="quality (piqe)"),
    Component("aesthetic", "aesthetic_score", of_shot=True, of_library=True),
    Component("stillness", "motion", is_less_better=True, of_shot=True),
    Component("contrast", "luma_std", of_shot=True, of_library=True),
    Component("subject", _subject, is_percentile=False,
              reads=("subjects.subject_share", "subjects.subject_cut_share")),
    Component("text", lambda measured, guidance: guidance.wanted(measured), reads=("clip_scores.embedding",),
              is_guided=True, applies_to="all", label="likeness to the words (CLIP)"),
    Component("words", _said, is_percentile=False,
              reads=("subtitles.text", "subtitles.start_seconds", "subtitles.end_seconds", "texts.text"),
              is_guided=True, applies_to="all", label="subtitles and writing like the words"),
    Component("sound", "loudness_lufs"),
    Component("judge", _judged, is_percentile=False, reads=("judgements.judge_score",), applies_to="all",
              label="the judge's score"),
    Component("learned", _learned, is_guided=True, reads=("clip_scores.embedding", "appearance.descriptor"),
              label="the learned scorer"),
    Component("state", _worth_of_states, is_percentile=False, applies_to="screens",
              label="time on screen, in recordings of screens",
              reads=(*SOURCES["state_seconds"], "appearance.edges", "appearance.changed_share")),
)
# fmt: on


def check_components(components: Sequence[Component]) -> None:
    """Raises ContractError where a component has no weight, or names a value that is not declared."""
    if unlike := {each.name for each in components} ^ set(ComponentWeights.model_fields):
        raise ContractError(
            f"{', '.join(sorted(unlike))}: a component needs a line in COMPONENTS (select/components.py) and a weight "
            "of its name in ComponentWeights (settings/selection.py)"
        )
    if unknown := [each.name for each in components if isinstance(each.measure, str) and each.measure not in VALUES]:
        raise ContractError(
            f"{', '.join(unknown)}: the measure of a component needs a line in COLUMNS (select/measure.py)"
        )


check_components(COMPONENTS)
TITLES: Mapping[str, str] = {each.name: each.title for each in COMPONENTS}
