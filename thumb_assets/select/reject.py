"""What disqualifies a candidate: it shows nothing, is caught in between, was shown before, or is not asked for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.banned import like_banned
from thumb_assets.select.measure import BANNED, CandidateArrays
from thumb_assets.select.score import groups_of, medians_of_groups
from thumb_assets.settings import SelectionSettings

NO_RULE = -1

# What becomes of a candidate, from better to worse. Of a video the usable ones are taken, and the doubtful ones behind
# them where there are few; else those that broke a rule of degree, and where all show nothing, those. What people
# excluded is never taken.
USABLE, DOUBTFUL, DEGRADED, NOTHING, EXCLUDED = range(5)


@dataclass(frozen=True)
class Rejection:
    """Why one candidate was dropped: the columns of the table `rejections` beside its key."""

    stage: str
    reason: str
    value: float | None
    threshold: float | None


@dataclass(frozen=True)
class Rule:
    """A rule of the settings.

    Attributes:
        reason: its name in the table `rejections`.
        tier: what a candidate that breaks it is: DEGRADED (a matter of degree, and so capped), NOTHING or EXCLUDED.
        values: (N,) float64, what it is about.
        thresholds: (N,) float64, what they are held against: some are the video's own.
        excess: (N,) float64, by how much it is broken, greater is worse; 0 or less where it is not.
    """

    reason: str
    tier: int
    values: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    excess: NDArray[np.float64]

    @property
    def is_broken(self) -> NDArray[np.bool_]:
        """(N,) bool; a missing measurement breaks no rule."""
        return self.excess > 0

    def rejection(self, position: int) -> Rejection:
        """Why that candidate is dropped."""
        value, threshold = float(self.values[position]), float(self.thresholds[position])
        return Rejection("reject", self.reason, _or_none(value), _or_none(threshold))


@dataclass(frozen=True)
class Verdicts:
    """What the rules say of every candidate, N in all.

    Attributes:
        rules: in the order in which they count.
        first_broken: (N,) int64, the place in `rules` of the worst one a candidate breaks, NO_RULE where none.
        tiers: (N,) int64, USABLE to EXCLUDED.
        is_taken: (N,) bool: whether the candidate may be chosen, given what else its video has.
    """

    rules: tuple[Rule, ...]
    first_broken: NDArray[np.int64]
    tiers: NDArray[np.int64]
    is_taken: NDArray[np.bool_]


def judge(
    measured: CandidateArrays, *, settings: SelectionSettings, avoided: NDArray[np.float64] | None = None
) -> Verdicts:
    """Holds every candidate against the rules; no video has a say in another's.

    Args:
        measured: one video or many.
        settings: the thresholds, `reject.max_share`.
        avoided: (N,) float64, likeness to what is to be avoided above that to a good frame; None where nothing is.
    """
    videos = groups_of(measured.offsets)
    rules = _rules(measured, videos=videos, settings=settings, avoided=avoided)
    tiers = np.full(len(videos), USABLE)
    first_broken = np.full(len(videos), NO_RULE)
    for place, rule in enumerate(rules):
        is_broken = rule.is_broken & ~measured.is_pinned
        tier = np.where(is_broken, rule.tier, USABLE)
        if rule.tier == DEGRADED and is_broken.any():
            tier[is_broken & ~_within_cap(rule, is_broken, videos, max_share=settings.reject.max_share)] = DOUBTFUL
        is_worse = tier > tiers
        tiers[is_worse] = tier[is_worse]
        first_broken[is_worse] = place
    num_videos = len(measured.video_ids)
    num_usable = np.bincount(videos[tiers == USABLE], minlength=num_videos)
    num_allowed = np.bincount(videos[tiers < EXCLUDED], minlength=num_videos)
    worst = np.where(num_usable < settings.reject.min_usable_share * num_allowed, DOUBTFUL, USABLE)
    for tier_level in (DOUBTFUL, DEGRADED, NOTHING):
        is_better = np.bincount(videos[tiers < tier_level], minlength=num_videos) > 0
        worst[~is_better] = tier_level
    return Verdicts(rules, first_broken, tiers, tiers <= worst[videos])


def _within_cap(
    rule: Rule, is_broken: NDArray[np.bool_], videos: NDArray[np.unsignedinteger], *, max_share: float
) -> NDArray[np.bool_]:
    """Which of those that break the rule are the worst of their video, at most `max_share` of its candidates.

    Of those that are equally bad, which do not all fit, none is: no order of theirs would mean anything.
    """
    broken = np.flatnonzero(is_broken)
    place = broken[np.lexsort((-rule.excess[broken], videos[broken]))]
    excess, of_video = rule.excess[place], videos[place]
    is_last_of_equals = np.ones(len(place), dtype=np.bool_)
    is_last_of_equals[:-1] = (excess[1:] != excess[:-1]) | (of_video[1:] != of_video[:-1])
    ends = np.flatnonzero(is_last_of_equals) + 1
    num_broken, sizes = np.bincount(of_video, minlength=int(videos[-1]) + 1), np.bincount(videos)
    starts = np.cumsum(num_broken) - num_broken
    num_as_bad = np.repeat(ends, np.diff(ends, prepend=0)) - starts[of_video]
    is_within = np.zeros(len(videos), dtype=np.bool_)
    is_within[place] = num_as_bad <= max_share * sizes[of_video] + 1e-9
    return is_within


def _rules(
    measured: CandidateArrays,
    *,
    videos: NDArray[np.unsignedinteger],
    settings: SelectionSettings,
    avoided: NDArray[np.float64] | None,
) -> tuple[Rule, ...]:
    reject = settings.reject
    rules = [
        _below(measured, "too_dark", NOTHING, "luma_mean", reject.min_luma_mean),
        _above(measured, "too_dark", NOTHING, "dark_share", reject.max_dark_share),
        _above(measured, "too_bright", NOTHING, "luma_mean", reject.max_luma_mean),
        _above(measured, "too_bright", NOTHING, "bright_share", reject.max_bright_share),
        _below(measured, "too_flat", NOTHING, "luma_std", reject.min_luma_std),
        _below(measured, "low_entropy", NOTHING, "luma_entropy", reject.min_luma_entropy),
        _above(measured, "recurring", DEGRADED, "num_recurrences", float(reject.max_recurrences)),
        _below(measured, "near_cut", DEGRADED, "cut_distance_seconds", reject.min_cut_seconds),
        _below(measured, "in_transition", DEGRADED, "transition_distance_seconds", reject.min_transition_seconds),
        _below(measured, "in_transition", DEGRADED, "contrast_share", reject.min_contrast_share),
        _below(measured, "in_transition", DEGRADED, "sharpness_share", reject.min_sharpness_share),
        _above(measured, "flash", DEGRADED, "brightness_jump", reject.max_brightness_jump),
        _burnt_out(measured, videos=videos, most=reject.max_bright_share_jump),
        _below(measured, "blurred", DEGRADED, "acutance", reject.min_acutance),
        _blurred(measured, videos=videos, least=reject.min_sharpness_of_median),
        _above(measured, "moving_too_fast", DEGRADED, "greatest_motion", reject.max_motion),
        _title_card(measured, videos=videos, most=reject.max_title_card_margin),
        _above(measured, "text_overlay", DEGRADED, "text_share", reject.max_text_share),
        _letterbox(measured, videos=videos, most=reject.max_bar_share),
    ]
    if reject.no_damage:
        rules.insert(0, _above(measured, "damaged", NOTHING, "is_damaged", 0.5))
    if avoided is not None:
        rules.append(_held("avoided", EXCLUDED, avoided, settings.avoid_margin, avoided - settings.avoid_margin))
    if settings.window_seconds is not None:
        start, end = settings.window_seconds
        seconds = measured["pts_seconds"]
        outside = np.where(seconds < start, start - seconds, np.where(seconds >= end, seconds - end + 1e-9, 0.0))
        rules.append(_held("outside_window", EXCLUDED, seconds, np.where(seconds < start, start, end), outside))
    unmeasured = np.full(len(videos), np.nan)
    is_like_banned = like_banned(measured, settings=settings).astype(np.float64)
    rules.append(_held("like_banned", NOTHING, unmeasured, np.nan, is_like_banned))
    is_banned = (measured["decision"] == BANNED).astype(np.float64)
    rules.append(_held("banned", EXCLUDED, unmeasured, np.nan, is_banned))
    return tuple(rules)


def _below(measured: CandidateArrays, reason: str, tier: int, name: str, least: float) -> Rule:
    return _held(reason, tier, measured[name], least, least - measured[name])


def _above(measured: CandidateArrays, reason: str, tier: int, name: str, most: float) -> Rule:
    return _held(reason, tier, measured[name], most, measured[name] - most)


def _held(
    reason: str,
    tier: int,
    values: NDArray[np.float64],
    thresholds: NDArray[np.float64] | float,
    excess: NDArray[np.float64],
) -> Rule:
    return Rule(reason, tier, values, np.broadcast_to(np.asarray(thresholds, np.float64), values.shape), excess)


def _blurred(measured: CandidateArrays, *, videos: NDArray[np.unsignedinteger], least: float) -> Rule:
    values = measured["laplacian_variance"]
    thresholds = least * medians_of_groups(values, groups=videos, num_groups=len(measured.video_ids))[videos]
    return _held("blurred", DEGRADED, values, thresholds, thresholds - values)


def _burnt_out(measured: CandidateArrays, *, videos: NDArray[np.unsignedinteger], most: float) -> Rule:
    """More than the video's median: a white ground throughout is how the video is."""
    values = measured["bright_share"]
    thresholds = most + medians_of_groups(values, groups=videos, num_groups=len(measured.video_ids))[videos]
    return _held("flash", DEGRADED, values, thresholds, values - thresholds)


def _title_card(measured: CandidateArrays, *, videos: NDArray[np.unsignedinteger], most: float) -> Rule:
    """Above the video's median too: a model may find all of a video rather like a title card."""
    margins = measured["title_card_similarity"] - measured["positive_similarity"]
    medians = medians_of_groups(margins, groups=videos, num_groups=len(measured.video_ids))[videos]
    thresholds = np.maximum(most, medians + most)
    return _held("title_card", DEGRADED, margins, thresholds, margins - thresholds)


def _letterbox(measured: CandidateArrays, *, videos: NDArray[np.unsignedinteger], most: float) -> Rule:
    """More than the video's median: bars on all of a film are the film's format."""
    values = measured["bar_share"]
    thresholds = most + medians_of_groups(values, groups=videos, num_groups=len(measured.video_ids))[videos]
    return _held("letterbox", DEGRADED, values, thresholds, values - thresholds)


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
