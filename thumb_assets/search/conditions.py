"""Ranges of scores, `sharpness>=0.5`: what they may be of, how they are read, and which candidates are in them."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thumb_assets.errors import BadInputError, SettingsError
from thumb_assets.select.components import COMPONENTS, TITLES
from thumb_assets.select.measure import COLUMNS, SPANS, CandidateArrays
from thumb_assets.select.score import score_candidates, score_component
from thumb_assets.select.surroundings import SURROUNDINGS
from thumb_assets.settings.load import Settings
from thumb_assets.settings.selection import ComponentWeights
from thumb_assets.tables.contracts import TABLES

FloatArray = NDArray[np.float64]
_COMPARED: Mapping[str, Callable[[FloatArray, float], NDArray[np.bool_]]] = {
    ">=": lambda values, bound: values >= bound,
    "<=": lambda values, bound: values <= bound,
    ">": lambda values, bound: values > bound,
    "<": lambda values, bound: values < bound,
    "=": lambda values, bound: values == bound,
}
_CONDITION = re.compile(rf"\s*([a-z_]+)\s*({'|'.join(_COMPARED)})=?\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*")
_PARTS = re.compile(r",|\band\b|&&")
_NUM_SUGGESTED = 5
# Names for people of measures whose own, with spaces, tells too little.
_TITLES = {
    "acutance": "sharpness of its sharpest edges",
    "clip_score": "CLIP score, measured",
    "cut_distance_seconds": "seconds to the nearest cut",
    "is_end_state": "first or last state of the screen",
    "laplacian_variance": "sharpness, measured",
    "loudness_lufs": "loudness (LUFS)",
    "luma_entropy": "variety of brightness (entropy)",
    "luma_mean": "brightness",
    "luma_std": "contrast, measured",
    "own_seconds": "seconds on screen",
    "pts_seconds": "time in seconds",
    "score": "combined score",
    "transition_distance_seconds": "seconds to the nearest transition",
}
# Components of words that are asked for and of a scorer that may be absent mean nothing by themselves.
_OF_GUIDANCE = {"text", "words", "learned"}


@dataclass(frozen=True)
class Measure:
    """A value of candidates that ranges can be of.

    Attributes:
        name: by which it is asked for.
        doc: what it is, one sentence.
        of: its values, (N,) float64, NaN where it is not known.
        is_within_video: True for a share of the candidates of the same video, which tells nothing of another's.
    """

    name: str
    doc: str
    of: Callable[[CandidateArrays, Settings], FloatArray]
    is_within_video: bool = False

    @property
    def title(self) -> str:
        """Its name for people.

        >>> [MEASURES[name].title for name in ("iqa", "is_end_state", "num_faces", "pts_seconds")]
        ['quality (piqe)', 'first or last state of the screen', 'number of faces', 'time in seconds']
        """
        known = TITLES.get(self.name) or _TITLES.get(self.name)
        return known or self.name.removeprefix("is_").replace("num_", "number of ").replace("_", " ")


@dataclass(frozen=True)
class Condition:
    """A range: the measure, one of the signs of _COMPARED, and the bound."""

    measure: Measure
    sign: str
    bound: float

    def holds(self, values: FloatArray) -> NDArray[np.bool_]:
        """True where a value is in the range; one that is not known never is."""
        return _COMPARED[self.sign](values, self.bound)

    @property
    def is_less_better(self) -> bool:
        """True where the least values are asked for."""
        return self.sign.startswith("<")


def _num_faces(measured: CandidateArrays, _settings: Settings) -> FloatArray:
    faces = measured.faces
    videos = np.repeat(np.arange(len(measured.video_ids)), np.diff(faces.offsets))
    is_on_candidate = faces.positions >= 0
    positions = measured.offsets[videos[is_on_candidate]] + faces.positions[is_on_candidate]
    counts = np.bincount(positions, minlength=len(measured.frame_indices)).astype(np.float64)
    return np.where(np.repeat(measured.has_faces, np.diff(measured.offsets)), counts, np.nan)


def _stored(name: str) -> Callable[[CandidateArrays, Settings], FloatArray]:
    return lambda measured, _settings: measured[name]


def _component(name: str) -> Callable[[CandidateArrays, Settings], FloatArray]:
    return lambda measured, settings: score_component(name, measured, settings=settings.selection)


def _doc(table_name: str, column_name: str) -> str:
    return TABLES[table_name].column(column_name).doc


def _measures() -> dict[str, Measure]:
    named: list[tuple[str, str, Callable[[CandidateArrays, Settings], Any]]] = [
        (each.name, str(ComponentWeights.model_fields[each.name].description), _component(each.name))
        for each in COMPONENTS
        if each.name not in _OF_GUIDANCE
    ]
    named += [(name, _doc(table, column), _stored(name)) for name, (table, column) in (COLUMNS | SPANS).items()]
    named += [(name, f"From {', '.join(sources)}.", _stored(name)) for name, sources in SURROUNDINGS.items()]
    named += [
        ("pts_seconds", _doc("candidate_frames", "pts_seconds"), _stored("pts_seconds")),
        ("decision", "-1 banned, 0 not decided, 1 pinned, 2 the cover.", _stored("decision")),
        ("num_faces", "Faces that were found in it.", _num_faces),
        (
            "score",
            "The combined score by the settings as they are now, without words that are looked for.",
            lambda measured, settings: score_candidates(measured, settings=settings.selection).combined,
        ),
    ]
    within = {each.name for each in COMPONENTS if each.is_percentile}
    return {
        name: Measure(name, f"{doc}{' Within its video.' if name in within else ''}", of, name in within)
        for name, doc, of in named
    }


MEASURES = _measures()


def conditions_of(texts: Sequence[str]) -> tuple[Condition, ...]:
    """Reads ranges, such as `sharpness>=0.5, luma_mean<200`.

    Raises:
        SettingsError: a text is no range, or of nothing that is known.
    """
    found = []
    for text in (part for each in texts for part in _PARTS.split(each)):
        match = _CONDITION.fullmatch(text)
        if match is None:
            raise SettingsError(
                f"{text.strip()!r} is no range of a score; write such as sharpness>=0.5 or luma_mean<200"
            )
        name, sign, bound = match.groups()
        if name not in MEASURES:
            raise SettingsError(f"{name!r} is no score of a frame; {_suggestion(name)}")
        found.append(Condition(MEASURES[name], sign, float(bound)))
    return tuple(found)


def _suggestion(name: str) -> str:
    """The nearest score, as the settings suggest theirs; where none is near, some."""
    near = get_close_matches(name, MEASURES, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]}?"
    few = ", ".join(list(MEASURES)[:_NUM_SUGGESTED])
    return f"there are {few} and {len(MEASURES) - _NUM_SUGGESTED} more (thumb-assets search --list-scores)"


def require_known(condition: Condition, values: FloatArray) -> None:
    """Raises BadInputError where no candidate has the value at all."""
    if len(values) and np.isnan(values).all():
        raise BadInputError(
            f"no frame here has a value of {condition.measure.name}; run the stage that measures it first "
            "(thumb-assets search --list-scores says what it is)"
        )
