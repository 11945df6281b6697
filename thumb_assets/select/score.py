"""Combines the scores of the candidates into one number each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.components import COMPONENTS, Component
from thumb_assets.select.guidance import NO_GUIDANCE, Guidance
from thumb_assets.select.measure import NO_CANDIDATE, CandidateArrays
from thumb_assets.select.states import are_screens
from thumb_assets.settings.selection import SelectionSettings

# A face of a third of the frame's height fills a close-up; a larger one is worth no more.
_LARGE_FACE_HEIGHT = 1 / 3
# A face nearer to the border than this share of the frame's height looks cut.
_SAFE_DISTANCE = 0.05


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
) -> Scores:
    """The percentiles of every candidate, their weighted mean, and the bonus for a clear face.

    Args:
        measured: one video or many.
        settings: weights, bonus and what a clear face is, the library's share.
        guidance: gives the components `text` and `learned`, and the library's values.
        components: the declarations.
    """
    videos = groups_of(measured.offsets)
    shots = groups_of_shots(measured.offsets, measured.shot_indices)
    percentiles = {
        component.name: _ranked(component, measured, videos=videos, shots=shots, settings=settings, guidance=guidance)
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


def _ranked(
    component: Component,
    measured: CandidateArrays,
    *,
    videos: NDArray[np.unsignedinteger],
    shots: NDArray[np.unsignedinteger],
    settings: SelectionSettings,
    guidance: Guidance,
) -> NDArray[np.float64]:
    """The percentiles of a component, the mean over its parts, so that parts of different units weigh the same."""
    parts = component.parts(measured, guidance)
    if not component.is_percentile or not parts:
        return next(iter(parts.values()), np.full(len(videos), np.nan))
    of_shot = shots if component.of_shot else None
    ranks = {
        name: _percentiles(values, videos=videos, shots=of_shot, settings=settings) for name, values in parts.items()
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
    videos: NDArray[np.unsignedinteger],
    shots: NDArray[np.unsignedinteger] | None,
    settings: SelectionSettings,
) -> NDArray[np.float64]:
    """Percentiles within the video, blended with those within the shot where these count.

    A shot shows one content, so within it more sharpness is better focus, and not only more texture. Half a rank is
    taken off there: the only candidate of a shot stands in the middle, and the best of many near the top.
    """
    order = order_of_known(values)
    of_video = percentile_ranks(values, groups=videos, order=order)
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


def face_bonuses(measured: CandidateArrays, *, settings: SelectionSettings) -> NDArray[np.float64]:
    """The bonus of each candidate for its clear faces: half of `face_bonus` for having one, the rest by quality.

    Of several clear faces each adds to the quality q, 1 - (1 - q1)(1 - q2)..., so that it never exceeds 1.

    Args:
        measured: one video or many.
        settings: face_bonus, clear_face_confidence, clear_face_height.

    Returns:
        (N,) float64 from 0 to face_bonus.
    """
    faces = measured.faces
    bonuses = np.zeros(len(measured.frame_indices))
    if not len(faces.height):
        return bonuses
    videos = groups_of(faces.offsets)
    is_sure = faces.confidence >= settings.clear_face_confidence
    is_tall = faces.height >= settings.clear_face_height * measured.frame_sizes[videos, 1]
    is_clear = (faces.positions != NO_CANDIDATE) & is_sure & is_tall
    positions = (measured.offsets[videos] + faces.positions)[is_clear]
    missing = np.ones(len(bonuses))
    np.multiply.at(missing, positions, 1 - face_qualities(measured)[is_clear])
    has_face = np.zeros(len(bonuses), dtype=np.bool_)
    has_face[positions] = True
    bonuses[has_face] = settings.face_bonus * (0.5 + 0.5 * (1 - missing[has_face]))
    return bonuses


def face_qualities(measured: CandidateArrays) -> NDArray[np.float64]:
    """The mean of four measures of each face, each 0..1: size, distance from the border, sharpness, frontality.

    Sharpness is the percentile of its Laplacian variance among the video's faces; where it or the frontality is not
    known, the mean is of the others.

    Args:
        measured: one video or many, M faces in all, the frame size known where there is one.

    Returns:
        (M,) float64, 0..1.
    """
    faces = measured.faces
    videos = groups_of(faces.offsets)
    frame_widths, frame_heights = measured.frame_sizes[videos].T
    size = np.minimum(1.0, faces.height / (_LARGE_FACE_HEIGHT * frame_heights))
    rights = frame_widths - (faces.x + faces.width)
    bottoms = frame_heights - (faces.y + faces.height)
    distance = np.min([faces.x, faces.y, rights, bottoms], axis=0)
    border = np.clip(distance / (_SAFE_DISTANCE * frame_heights), 0.0, 1.0)
    sharpness = percentile_ranks(faces.laplacian_variance, groups=videos)
    quality: NDArray[np.float64] = np.nanmean(np.stack([size, border, sharpness, faces.frontality]), axis=0)
    return quality


def groups_of(offsets: NDArray[np.int64]) -> NDArray[np.unsignedinteger]:
    """The group of each element, in the smallest type that holds it: the sort below is then by radix.

    Args:
        offsets: (G + 1,) int64, ascending from 0: group g is elements [offsets[g], offsets[g + 1]).

    Returns:
        (offsets[G],) unsigned integers in [0, G).

    >>> groups_of(np.array([0, 2, 2, 3])).tolist()
    [0, 0, 2]
    """
    num_groups = len(offsets) - 1
    return np.repeat(np.arange(num_groups, dtype=np.min_scalar_type(max(num_groups - 1, 0))), np.diff(offsets))


def groups_of_shots(offsets: NDArray[np.int64], shot_indices: NDArray[np.int64]) -> NDArray[np.unsignedinteger]:
    """The shot of each candidate, counted through all videos; as `groups_of`.

    Args:
        offsets: (V + 1,) int64, the candidates of each video.
        shot_indices: (N,) int64, ascending within each video.

    >>> groups_of_shots(np.array([0, 3, 4]), np.array([0, 0, 2, 2])).tolist()
    [0, 0, 1, 2]
    """
    is_first = np.ones(len(shot_indices), dtype=np.bool_)
    is_first[1:] = shot_indices[1:] != shot_indices[:-1]
    is_first[offsets[:-1][offsets[:-1] < len(shot_indices)]] = True
    groups = np.cumsum(is_first) - 1
    return groups.astype(np.min_scalar_type(max(len(groups) - 1, 0)))


def order_in_groups(values: NDArray[np.float64], *, groups: NDArray[np.unsignedinteger]) -> NDArray[np.int64]:
    """Positions group by group, by falling value in each; ties keep their order, which is that of frame_index.

    >>> order_in_groups(np.array([0.5, 0.9, 0.5, 0.1]), groups=np.array([0, 0, 0, 0])).tolist()
    [1, 0, 2, 3]
    >>> order_in_groups(np.array([0.5, 0.9, 0.5, 0.7]), groups=np.array([0, 0, 1, 1])).tolist()
    [1, 0, 3, 2]
    """
    order: NDArray[np.int64] = np.argsort(-values, kind="stable")
    return order[np.argsort(groups[order], kind="stable")]


def order_of_known(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Positions of the values that are no NaN, by rising value.

    >>> order_of_known(np.array([0.5, np.nan, 0.1])).tolist()
    [2, 0]
    """
    known = np.flatnonzero(~np.isnan(values))
    return np.asarray(known[np.argsort(values[known])])


def percentile_ranks(
    values: NDArray[np.float64],
    *,
    groups: NDArray[np.unsignedinteger] | None = None,
    order: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """The rank of each value in its group, 1 for the least, averaged over ties, over the number of the group's values.

    Ranks depend on the order of the values alone, so raw units, offsets and monotone rescaling do not matter.

    Args:
        values: (N,) float64 in any unit, more is better; NaN where there is no value.
        groups: (N,) the group of each value, see `groups_of`; all are of one group where it is None.
        order: what `order_of_known` gives, where it is known already.

    Returns:
        (N,) float64 in (0, 1]; a lone value gets 1.0; NaN stays NaN and does not count.

    >>> percentile_ranks(np.array([10.0, 30.0, 20.0, 20.0])).tolist()
    [0.25, 1.0, 0.625, 0.625]
    >>> percentile_ranks(np.array([10.0, 30.0, 20.0]), groups=np.array([0, 0, 1])).tolist()
    [0.5, 1.0, 1.0]
    """
    ranks = np.full(len(values), np.nan)
    order = order_of_known(values) if order is None else order
    if not order.size:
        return ranks
    groups = np.zeros(len(values), np.uint8) if groups is None else groups
    order = order[np.argsort(groups[order], kind="stable")]
    sorted_values, sorted_groups = values[order], groups[order]
    is_new_group = np.ones(len(order), dtype=np.bool_)
    is_new_group[1:] = sorted_groups[1:] != sorted_groups[:-1]
    is_new = is_new_group.copy()
    is_new[1:] |= sorted_values[1:] != sorted_values[:-1]
    tie_starts = np.flatnonzero(is_new)
    tie_sizes = np.diff(tie_starts, append=len(order))
    group_starts = np.flatnonzero(is_new_group)
    group_of_tie = np.cumsum(is_new_group[tie_starts]) - 1
    last_rank = tie_starts + tie_sizes - group_starts[group_of_tie]
    group_sizes = np.diff(group_starts, append=len(order))
    # A group of ties holds the ranks last - size + 1 .. last, whose mean is last - (size - 1) / 2.
    ranks[order] = np.repeat((last_rank - (tie_sizes - 1) / 2) / group_sizes[group_of_tie], tie_sizes)
    return ranks


def quantiles_of_groups(
    values: NDArray[np.float64], quantile: float, *, groups: NDArray[np.unsignedinteger], num_groups: int
) -> NDArray[np.float64]:
    """A quantile of each group's values, between two of them their mean; NaN where it has none.

    Args:
        values: (N,) float64; NaN does not count.
        quantile: 0 for the least, 0.5 for the median, 1 for the greatest.
        groups: (N,) the group of each value, see `groups_of`.
        num_groups: G.

    Returns:
        (G,) float64.

    >>> quantiles_of_groups(np.array([1.0, 4.0, 2.0]), 0.5, groups=np.array([0, 1, 1]), num_groups=3).tolist()
    [1.0, 3.0, nan]
    """
    order = order_of_known(values)
    order = order[np.argsort(groups[order], kind="stable")]
    sizes = np.bincount(groups[order], minlength=num_groups)
    starts = np.cumsum(sizes) - sizes
    found = np.full(num_groups, np.nan)
    has_any = sizes > 0
    place = quantile * (sizes[has_any] - 1)
    low, high = (starts[has_any] + np.asarray(at(place), np.int64) for at in (np.floor, np.ceil))
    found[has_any] = (values[order[low]] + values[order[high]]) / 2
    return found
