"""What each reason of the table `rejections` means in plain words, and which setting decides it: one table."""

import math
from dataclasses import dataclass
from functools import reduce
from typing import Literal

from thumb_assets.settings import SelectionSettings


@dataclass(frozen=True)
class Cause:
    """One way in which a reason comes about.

    Attributes:
        setting: name within the settings `selection`; None where what decides is no setting.
        sentence: a format of `value`, `threshold`, `setting`, and of the three as a percentage: `value_share`...
        side: on which side of the threshold the value lies; None where there need not be both.
        is_own: whether the threshold is the video's own, made from the setting rather than the setting itself.
    """

    setting: str | None
    sentence: str
    side: Literal["below", "above"] | None = None
    is_own: bool = False

    @property
    def name(self) -> str:
        """What decides, in full."""
        return "table `decisions`" if self.setting is None else f"selection.{self.setting}"

    def value_of(self, settings: SelectionSettings) -> object:
        """The setting's value; None where there is no setting."""
        if self.setting is None:
            return None
        return reduce(getattr, self.setting.split("."), settings)

    def is_possible(self, value: float | None, threshold: float | None, settings: SelectionSettings) -> bool:
        """Whether a rejection with these numbers can be its doing."""
        if self.side is None:
            return True
        if value is None or threshold is None or (value < threshold) != (self.side == "below"):
            return False
        own = self.value_of(settings)
        return self.is_own or (isinstance(own, int | float) and math.isclose(own, threshold))

    def text(self, value: float | None, threshold: float | None, settings: SelectionSettings) -> str:
        """The sentence with its numbers."""
        numbers = {"value": value, "threshold": threshold, "setting": self.value_of(settings)}
        shares = {f"{name}_share": _share(number) for name, number in numbers.items()}
        return self.sentence.format(**numbers, **shares)


_ALIKE = "a selection is like it: cosine {value:.3f} is above {threshold:.3f}"

CAUSES: dict[str, tuple[Cause, ...]] = {
    "damaged": (Cause("reject.no_damage", "the decoder calls it, or a frame that it is built on, corrupt"),),
    "too_dark": (
        Cause("reject.min_luma_mean", "mean luma {value:.1f} is below {threshold:.1f}", "below"),
        Cause("reject.max_dark_share", "{value_share} of it is nearly black, above {threshold_share}", "above"),
    ),
    "too_bright": (
        Cause("reject.max_luma_mean", "mean luma {value:.1f} is above {threshold:.1f}", "above"),
        Cause("reject.max_bright_share", "{value_share} of it is burnt out, above {threshold_share}", "above"),
    ),
    "too_flat": (
        Cause("reject.min_luma_std", "standard deviation of its luma {value:.1f} is below {threshold:.1f}", "below"),
    ),
    "low_entropy": (
        Cause("reject.min_luma_entropy", "entropy of its luma {value:.2f} bits is below {threshold:.2f}", "below"),
    ),
    "recurring": (
        Cause("reject.max_recurrences", "{value:.0f} other videos show it alike, above {threshold:.0f}", "above"),
    ),
    "near_cut": (
        Cause("reject.min_cut_seconds", "{value:.3f} s from a cut, which is below {threshold:.3f} s", "below"),
    ),
    "in_transition": (
        Cause(
            "reject.min_transition_seconds",
            "{value:.3f} s from the middle of a dissolve or fade, which is below {threshold:.3f} s",
            "below",
        ),
        Cause(
            "reject.min_contrast_share",
            "{value_share} of the best contrast around it, which is below {threshold_share}",
            "below",
        ),
        Cause(
            "reject.min_sharpness_share",
            "{value_share} of the best Laplacian variance around it, which is below {threshold_share}",
            "below",
        ),
    ),
    "flash": (
        Cause(
            "reject.max_brightness_jump",
            "{value:.1f} levels brighter than the frames around it, above {threshold:.1f}",
            "above",
        ),
        Cause(
            "reject.max_bright_share_jump",
            "{value_share} of it is burnt out, above {threshold_share}: the video's median and {setting_share}",
            "above",
            is_own=True,
        ),
    ),
    "blurred": (
        Cause(
            "reject.min_acutance",
            "its sharpest edges take {value_share} of their step within a pixel, below {threshold_share}",
            "below",
        ),
        Cause(
            "reject.min_sharpness_of_median",
            "Laplacian variance {value:.1f} is below {threshold:.1f}, {setting_share} of the video's median",
            "below",
            is_own=True,
        ),
    ),
    "moving_too_fast": (
        Cause("reject.max_motion", "frames beside it differ by {value:.1f} levels, above {threshold:.1f}", "above"),
    ),
    "title_card": (
        Cause(
            "reject.max_title_card_margin",
            "likeness to a title card is {value:+.3f} beside that to a good frame, above {threshold:+.3f} (at least "
            "{setting:+.3f}, and so much above the video's median)",
            "above",
            is_own=True,
        ),
    ),
    "text_overlay": (
        Cause("reject.max_text_share", "writing covers {value_share} of it, above {threshold_share}", "above"),
    ),
    "letterbox": (
        Cause(
            "reject.max_bar_share",
            "bars cover {value_share} of it, above {threshold_share}: the video's median and {setting_share}",
            "above",
            is_own=True,
        ),
    ),
    "avoided": (
        Cause(
            "avoid_margin",
            "likeness to what selection.avoid says is {value:+.3f} beside that to a good frame, above {threshold:+.3f}",
            "above",
        ),
    ),
    "outside_window": (Cause("window_seconds", "outside of the seconds {setting}, of which frames are chosen"),),
    "like_banned": (Cause(None, "it looks like a frame that people banned"),),
    "banned": (Cause(None, "people banned it"),),
    "too_close_to_selection": (
        Cause("min_gap_seconds", "{value:.3f} s from a selection, which is below {threshold:.3f} s", "below"),
    ),
    "near_duplicate": (
        Cause("similarity.max_cosine", _ALIKE, "above", is_own=True),
        Cause("similarity.max_embedding_cosine", _ALIKE, "above"),
        Cause(
            "similarity.min_hash_distance",
            "a selection is like it: {value:.0f} of 64 bits of their difference hashes differ, below {threshold:.1f}",
            "below",
            is_own=True,
        ),
    ),
    "already_covered": (
        Cause(
            "min_coverage_gain",
            "it would cover the video better by {value_share}, below {threshold_share}",
            "below",
        ),
    ),
    "shot_already_selected": (
        Cause("distinct_shots", "score {value:.4f}; a selection of its shot has {threshold:.4f}"),
    ),
    "same_content": (
        Cause(
            "keyframes.threshold",
            "cosine {value:.3f} to where its segment begins is not below {threshold:.3f}, and the segment has a "
            "selection",
        ),
    ),
    "less_different": (
        Cause(
            "diversity_weight",
            "score {value:.4f} is above {threshold:.4f}, the least of the selections, but others show more that is "
            "different",
        ),
    ),
    "lower_score": (
        Cause("top_k", "score {value:.4f} is below {threshold:.4f}, the least of the selections", "below", is_own=True),
        Cause("top_k", "the selections were enough without it"),
    ),
}


def causes_of(
    reason: str, value: float | None, threshold: float | None, settings: SelectionSettings
) -> tuple[Cause, ...]:
    """The causes that these numbers can come from: one, but where two settings are the same number.

    Args:
        reason: out of REJECTION_REASONS.
        value, threshold: as the table `rejections` has them.
        settings: those that the choice was made with.
    """
    possible = tuple(cause for cause in CAUSES[reason] if cause.is_possible(value, threshold, settings))
    sided = tuple(cause for cause in possible if cause.side)
    # A threshold that is a setting's very number is that setting's; a video's own may be any number.
    return tuple(cause for cause in sided if not cause.is_own) or sided or possible or CAUSES[reason]


def sentence_of(reason: str, value: float | None, threshold: float | None, settings: SelectionSettings) -> str:
    """Why, with numbers, and in brackets the name of the setting that decides.

    >>> sentence_of("too_flat", 3.0, 8.0, SelectionSettings())
    'standard deviation of its luma 3.0 is below 8.0 (selection.reject.min_luma_std)'
    >>> sentence_of("banned", None, None, SelectionSettings())
    'people banned it (table `decisions`)'
    """
    causes = causes_of(reason, value, threshold, settings)
    names = " or ".join(dict.fromkeys(cause.name for cause in causes))
    has_numbers = value is not None and threshold is not None
    if len(causes) == 1 and (has_numbers or "{value" not in causes[0].sentence):
        return f"{causes[0].text(value, threshold, settings)} ({names})"
    if value is None or threshold is None:
        return f"by what was measured ({names})"
    return f"{value:.4g} is {'below' if value < threshold else 'above'} {threshold:.4g} ({names})"


def _share(number: object) -> str:
    return f"{100 * number:.3g} %" if isinstance(number, int | float) else ""
