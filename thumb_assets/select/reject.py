"""Finds candidates that show nothing: too dark, too bright, too flat."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.measured import Measured
from thumb_assets.settings import SelectionSettings

NO_RULE = -1


@dataclass(frozen=True)
class Rejection:
    """Why one candidate was dropped: the columns of the table `rejections` beside its key."""

    stage: str
    reason: str
    value: float | None
    threshold: float | None


@dataclass(frozen=True)
class Rule:
    """A rule of the settings: its reason, what it is about, (N,) float64, the threshold, and who breaks it, (N,)."""

    reason: str
    values: NDArray[np.float64]
    threshold: float
    is_broken: NDArray[np.bool_]

    def rejection(self, position: int) -> Rejection:
        """Why that candidate is dropped."""
        return Rejection("reject", self.reason, float(self.values[position]), self.threshold)


def usability_rules(measured: Measured, *, settings: SelectionSettings) -> tuple[Rule, ...]:
    """The rules in the order in which they count; a missing measurement breaks none.

    Args:
        measured: one video or many; luma statistics on the scale 0..255.
        settings: min_luma_mean, max_luma_mean, min_luma_std.
    """
    means, deviations = measured.luma_mean, measured.luma_std
    # Comparisons with NaN are False, which is what a missing measurement is to mean.
    return (
        Rule("too_dark", means, settings.min_luma_mean, means < settings.min_luma_mean),
        Rule("too_bright", means, settings.max_luma_mean, means > settings.max_luma_mean),
        Rule("too_flat", deviations, settings.min_luma_std, deviations < settings.min_luma_std),
    )


def first_broken(rules: tuple[Rule, ...]) -> NDArray[np.int64]:
    """The place in `rules` of the first one each candidate breaks, (N,) int64; NO_RULE where it breaks none.

    Whether they are dropped is for the caller to say: a video all of whose candidates are dark keeps them.
    """
    is_broken = np.stack([rule.is_broken for rule in rules])
    return np.where(is_broken.any(axis=0), is_broken.argmax(axis=0), NO_RULE)
