"""Holds every candidate against the rules, and says which of them may be chosen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.evidence import Evidence
from thumb_assets.select.measure import CandidateArrays
from thumb_assets.select.ranks import groups_of, order_of_known, quantiles_of_groups
from thumb_assets.select.rules import DEGRADED, DOUBTFUL, EXCLUDED, NOTHING, RULES, USABLE, Rejection, Rule
from thumb_assets.select.states import are_screens, may_be_cards
from thumb_assets.settings.selection import SelectionSettings

# The best of a video, without outliers, and the share of it that is good enough where all of a video is soft.
_BEST, _SHARE_OF_BEST = 0.9, 0.6
# In the place of a rule where a candidate breaks none.
NO_RULE = -1


@dataclass(frozen=True)
class Held:
    """A rule, held against all candidates.

    Attributes:
        rule: its declaration.
        tier: its verdict on what breaks it.
        values: (N,) float64, what it is about.
        thresholds: (N,) float64, what they are held against: some are the video's own.
        excess: (N,) float64, by how much it is broken, greater is worse; 0 or less where it is not.
    """

    rule: Rule
    tier: int
    values: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    excess: NDArray[np.float64]

    @property
    def reason(self) -> str:
        """The rule's name in the table `rejections`."""
        return self.rule.reason

    @property
    def is_broken(self) -> NDArray[np.bool_]:
        """(N,) bool; a missing measurement breaks no rule."""
        return self.excess > 0

    def rejection(self, position: int) -> Rejection:
        """The reason why that candidate is dropped."""
        return self.rule.rejection(float(self.values[position]), float(self.thresholds[position]))


@dataclass(frozen=True)
class Verdicts:
    """The verdicts of the rules on every candidate, N in all.

    Attributes:
        rules: in the order in which they count.
        first_broken: (N,) int64, the place in `rules` of the worst one a candidate breaks, NO_RULE where none.
        tiers: (N,) int64, USABLE to EXCLUDED.
        is_taken: (N,) bool: whether the candidate may be chosen, given what else its video has.
    """

    rules: tuple[Held, ...]
    first_broken: NDArray[np.int64]
    tiers: NDArray[np.int64]
    is_taken: NDArray[np.bool_]


def judge(
    measured: CandidateArrays,
    *,
    settings: SelectionSettings,
    avoided: NDArray[np.float64] | None = None,
    said: NDArray[np.float64] | None = None,
    rules: Sequence[Rule] = RULES,
) -> Verdicts:
    """Holds every candidate against the rules; no video has a say in another's.

    Args:
        measured: one video or many.
        settings: the thresholds, `reject.max_share`.
        avoided: (N,) float64, likeness to what is to be avoided above that to a good frame; None where nothing is.
        said: (N,) float64, likeness of the subtitle to what is to be avoided; None where nothing is.
        rules: the declarations; those without a tier are the chooser's.
    """
    videos = groups_of(measured.offsets)
    evidence = Evidence(measured, settings, avoided, said)
    held_rules = tuple(held for rule in rules if (held := _held(rule, evidence)) is not None)
    tiers = np.full(len(videos), USABLE, np.int8)  # small ones: there are dozens of rules
    first_broken = np.full(len(videos), NO_RULE, np.int16)
    shows_something = np.ones(len(videos), dtype=np.bool_)
    is_screen = are_screens(measured, settings=settings)
    is_loose = ~measured.is_pinned
    may_break = {
        "screens": is_loose & is_screen,
        "others": is_loose & ~is_screen,
        "others_and_cards": is_loose & (~is_screen | may_be_cards(measured)),
        "all": is_loose,
    }
    for place, held in enumerate(held_rules):
        is_broken = held.is_broken & may_break[held.rule.applies_to]
        if not is_broken.any():
            continue
        tier = np.where(is_broken, np.int8(held.tier), np.int8(USABLE))
        if held.tier == DEGRADED:
            tier[is_broken & ~_within_cap(held, is_broken, videos, max_share=settings.reject.max_share)] = DOUBTFUL
        first_broken[tier > tiers] = place
        np.maximum(tiers, tier, out=tiers)
        if held.rule.shows_nothing != "never":
            shows_something &= ~(is_broken & _counts_as_nothing(held.rule, measured))
    num_videos = len(measured.video_ids)
    num_usable = np.bincount(videos[tiers == USABLE], minlength=num_videos)
    num_allowed = np.bincount(videos[tiers < EXCLUDED], minlength=num_videos)
    worst = np.where(num_usable < settings.reject.min_usable_share * num_allowed, DOUBTFUL, USABLE)
    for tier_level in (DOUBTFUL, DEGRADED, NOTHING):
        is_better = np.bincount(videos[tiers < tier_level], minlength=num_videos) > 0
        worst[~is_better] = tier_level
    is_taken = (tiers <= worst[videos]) & (shows_something | settings.keep_least_bad)
    return Verdicts(held_rules, first_broken.astype(np.int64), tiers.astype(np.int64), is_taken)


def _counts_as_nothing(rule: Rule, measured: CandidateArrays) -> NDArray[np.bool_]:
    """(N,) marks those that show nothing where they break the rule, see `Rule.shows_nothing`."""
    if rule.shows_nothing == "beside_others":
        sizes = np.diff(measured.offsets)
        return np.asarray(np.repeat(sizes, sizes) > 1)
    return np.full(len(measured.frame_indices), rule.shows_nothing == "always")


def _held(rule: Rule, evidence: Evidence) -> Held | None:
    """None where the rule is the chooser's, the settings turn it off, or what it is about is not known."""
    measured = evidence.measured
    if rule.tier is None or (values := rule.values(evidence)) is None:
        return None
    if rule.side is None:
        unmeasured = np.full(len(values), np.nan)
        return Held(rule, rule.tier, unmeasured, unmeasured, values)
    threshold = rule.threshold_of(evidence.settings)
    if threshold is None:
        return None
    thresholds = _thresholds(rule, threshold, values, measured.offsets)
    excess = thresholds - values if rule.side == "below" else values - thresholds
    if rule.side == "at_or_above":
        excess = np.where(values >= thresholds, excess + 1e-9, 0.0)
    return Held(rule, rule.tier, values, thresholds, excess)


def _thresholds(
    rule: Rule, threshold: float, values: NDArray[np.float64], offsets: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The threshold of each candidate, see `Rule.relative_to`; infinite where nothing can break the rule."""
    if rule.relative_to is None:
        return np.broadcast_to(threshold, values.shape)
    rank = _BEST if rule.relative_to in {"best", "throughout"} else 0.5
    made_of = np.repeat(quantiles_of_groups(values, rank, offsets=offsets), np.diff(offsets))
    made: Mapping[str, Callable[[], NDArray[np.float64]]] = {
        "times_median": lambda: threshold * made_of,
        "plus_median": lambda: threshold + made_of,
        "plus_positive_median": lambda: np.maximum(threshold, made_of + threshold),
        "best": lambda: np.fmin(threshold, _SHARE_OF_BEST * made_of),
        "throughout": lambda: np.where(made_of < threshold, threshold, -np.inf),
        "usual": lambda: _unless_usual(threshold, made_of, is_below=rule.side == "below"),
    }
    return made[rule.relative_to]()


def _unless_usual(threshold: float, medians: NDArray[np.float64], *, is_below: bool) -> NDArray[np.float64]:
    """The threshold, infinite where the median is beyond it."""
    is_usual = medians < threshold if is_below else medians > threshold
    return np.asarray(np.where(is_usual, -np.inf if is_below else np.inf, threshold), np.float64)


def _within_cap(
    held: Held, is_broken: NDArray[np.bool_], videos: NDArray[np.unsignedinteger], *, max_share: float
) -> NDArray[np.bool_]:
    """Marks the worst that break the rule, at most `max_share` of their video's candidates.

    Ties that straddle the limit are all spared; any order among them would be arbitrary.
    """
    broken = np.flatnonzero(is_broken)
    num_broken, sizes = np.bincount(videos[broken], minlength=int(videos[-1]) + 1), np.bincount(videos)
    starts = np.cumsum(num_broken) - num_broken
    place = broken[order_of_known(-held.excess[broken], offsets=np.append(starts, len(broken)))]
    excess, of_video = held.excess[place], videos[place]
    is_last_of_equals = np.ones(len(place), dtype=np.bool_)
    is_last_of_equals[:-1] = (excess[1:] != excess[:-1]) | (of_video[1:] != of_video[:-1])
    ends = np.flatnonzero(is_last_of_equals) + 1
    num_as_bad = np.repeat(ends, np.diff(ends, prepend=0)) - starts[of_video]
    is_within = np.zeros(len(videos), dtype=np.bool_)
    is_within[place] = num_as_bad <= max_share * sizes[of_video] + 1e-9
    return is_within
