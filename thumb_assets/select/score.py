"""Combines the scores of the candidates into one number each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.components import COMPONENTS, Component
from thumb_assets.select.faces import face_bonuses
from thumb_assets.select.guidance import NO_GUIDANCE, Guidance
from thumb_assets.select.measure import CandidateArrays
from thumb_assets.select.ranks import groups_of, groups_of_shots, order_of_known, percentile_ranks
from thumb_assets.select.states import are_screens
from thumb_assets.settings.selection import SelectionSettings


@dataclass(frozen=True)
class Scores:
    """The components of every candidate and what they add up to.

    Attributes:
        percentiles: by component (N,) float64 in [0, 1], NaN where the candidate has no value.
        face_bonus: (N,) float64 from 0 to the setting; 0 where faces were not looked for.
        combined: (N,) float64 in [0, 1 + bonus].
        is_screen: (N,) bool, the candidates of videos that are chosen from as recordings of screens.
    """

    percentiles: Mapping[str, NDArray[np.float64]]
    face_bonus: NDArray[np.float64]
    combined: NDArray[np.float64]
    is_screen: NDArray[np.bool_]


def score_candidates(
    measured: CandidateArrays,
    *,
    settings: SelectionSettings,
    guidance: Guidance = NO_GUIDANCE,
    components: Sequence[Component] = COMPONENTS,
    is_pooled: bool = False,
) -> Scores:
    """The percentiles of every candidate, their weighted mean, and the bonus for a clear face.

    Args:
        measured: one video or many.
        settings: weights, bonus and what a clear face is, the library's share.
        guidance: gives the components `text` and `learned`, and the library's values.
        components: the declarations.
        is_pooled: rank the candidates among those of all videos rather than of their own.
    """
    offsets = np.array([0, len(measured.frame_indices)]) if is_pooled else measured.offsets
    shots = groups_of_shots(measured.offsets, measured.shot_indices)
    percentiles = {
        component.name: _known(component, measured, offsets=offsets, shots=shots, settings=settings, guidance=guidance)
        for component in components
    }
    is_screen = are_screens(measured, settings=settings)
    base = np.where(
        is_screen,
        _means_of("screens", components, percentiles, settings=settings),
        _means_of("others", components, percentiles, settings=settings),
    )
    # A speaker's picture beside the slides is in all of them.
    bonus = np.where(is_screen, 0.0, face_bonuses(measured, settings=settings))
    return Scores(percentiles, bonus, base + bonus, is_screen)


def score_component(name: str, measured: CandidateArrays, *, settings: SelectionSettings) -> NDArray[np.float64]:
    """One component of every candidate as `score_candidates` has it, unguided: (N,) float64, NaN where unknown."""
    (component,) = (each for each in COMPONENTS if each.name == name)
    return _ranked(
        component,
        measured,
        offsets=measured.offsets,
        shots=groups_of_shots(measured.offsets, measured.shot_indices),
        settings=settings,
        guidance=NO_GUIDANCE,
    )


def _means_of(
    videos: str,
    components: Sequence[Component],
    percentiles: Mapping[str, NDArray[np.float64]],
    *,
    settings: SelectionSettings,
) -> NDArray[np.float64]:
    """The weighted means of the components that count in these videos."""
    own = [component for component in components if component.applies_to in (videos, "all")]
    values = [percentiles[component.name] for component in own]
    return weighted_means(values, weights=[component.weight(settings) for component in own])


def _known(
    component: Component,
    measured: CandidateArrays,
    *,
    offsets: NDArray[np.int64],
    shots: NDArray[np.unsignedinteger],
    settings: SelectionSettings,
    guidance: Guidance,
) -> NDArray[np.float64]:
    """The percentiles of a component; remembered, since no weight has a say in them."""

    def make() -> NDArray[np.float64]:
        return _ranked(component, measured, offsets=offsets, shots=shots, settings=settings, guidance=guidance)

    is_guided = component.is_guided or (component.of_library and guidance.library)
    depends_on = (component, guidance if is_guided else None, settings.shot_weight, settings.library_weight)
    return measured.once(f"component {component.name}", depends_on, make)


def _ranked(
    component: Component,
    measured: CandidateArrays,
    *,
    offsets: NDArray[np.int64],
    shots: NDArray[np.unsignedinteger],
    settings: SelectionSettings,
    guidance: Guidance,
) -> NDArray[np.float64]:
    """The percentiles of a component, the mean over its parts, so that parts of different units weigh the same."""
    parts = component.parts(measured, guidance)
    if not component.is_percentile or not parts:
        return next(iter(parts.values()), np.full(len(measured.frame_indices), np.nan))
    of_shot = shots if component.of_shot else None
    ranks = {
        name: _percentiles(values, offsets=offsets, shots=of_shot, settings=settings) for name, values in parts.items()
    }
    if component.of_library:
        ranks = {name: _with_library(rank, parts[name], guidance.library.get(name), weight=settings.library_weight)
                 for name, rank in ranks.items()}  # fmt: skip
    if len(ranks) == 1:
        return next(iter(ranks.values()))
    means = weighted_means(list(ranks.values()), weights=[1.0] * len(ranks))
    means[np.isnan(list(ranks.values())).all(axis=0)] = np.nan
    return means


def _percentiles(
    values: NDArray[np.float64],
    *,
    offsets: NDArray[np.int64],
    shots: NDArray[np.unsignedinteger] | None,
    settings: SelectionSettings,
) -> NDArray[np.float64]:
    """Percentiles within the video, blended with those within the shot where these count.

    A shot shows one content, so within it more sharpness is better focus, and not only more texture. Half a rank is
    taken off there: the only candidate of a shot stands in the middle, and the best of many near the top.
    """
    order = order_of_known(values, offsets=offsets)
    of_video = percentile_ranks(values, groups=groups_of(offsets), order=order)
    weight = settings.shot_weight
    if shots is None or weight == 0:
        return of_video
    is_known = ~np.isnan(values)
    sizes = np.bincount(shots[is_known], minlength=int(shots[-1]) + 1 if len(shots) else 0)
    with np.errstate(divide="ignore"):
        of_shot = percentile_ranks(values, groups=shots, order=order) - 0.5 / sizes[shots]
    return np.asarray((1 - weight) * of_video + weight * of_shot)


def _with_library(
    percentiles: NDArray[np.float64],
    values: NDArray[np.float64],
    reference: NDArray[np.float64] | None,
    *,
    weight: float,
) -> NDArray[np.float64]:
    """Blended with the share of the library's values that are not above."""
    if reference is None or not len(reference) or weight == 0:
        return percentiles
    of_library = np.searchsorted(reference, values, side="right") / len(reference)
    return np.asarray((1 - weight) * percentiles + weight * of_library)


def used_components(
    scores: Scores,
    *,
    has_faces: bool,
    settings: SelectionSettings,
    components: Sequence[Component] = COMPONENTS,
) -> tuple[str, ...]:
    """Names of the components that moved a combined score of one video; `faces` where faces were looked for."""
    used = [
        component.name
        for component in components
        if component.weight(settings) > 0
        and component.applies_to in ("screens" if scores.is_screen.any() else "others", "all")
        and not np.isnan(scores.percentiles[component.name]).all()
    ]
    return (*used, "faces") if has_faces else tuple(used)


def weighted_means(components: Sequence[NDArray[np.float64]], *, weights: Sequence[float]) -> NDArray[np.float64]:
    """Weighted mean of each candidate's components over those it has; 0.0 where it has none.

    Leaving a missing component out, and its weight with it, is what makes a missing scorer neutral: a zero in its
    place would punish the candidate, a one reward it.

    Args:
        components: C arrays (N,) float64, one or more, NaN where there is no value.
        weights: C numbers >= 0.

    Returns:
        (N,) float64 between the least and the greatest component of the candidate.

    >>> weighted_means([np.array([1.0, 0.5, np.nan]), np.array([0.0, np.nan, np.nan])], weights=[3.0, 1.0]).tolist()
    [0.75, 0.5, 0.0]
    """
    total = np.zeros(len(components[0]))
    total_weight = np.zeros(len(components[0]))
    for values, weight in zip(components, weights, strict=True):
        has_value = ~np.isnan(values)
        total += np.where(has_value, weight * values, 0.0)
        total_weight += np.where(has_value, weight, 0.0)
    return np.divide(total, total_weight, out=np.zeros_like(total), where=total_weight > 0)
