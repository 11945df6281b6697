"""The rules by which a candidate is not chosen, each one declaration: verdicts, reasons and sentences come from it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal

import numpy as np

from thumb_assets.errors import ContractError
from thumb_assets.select.evidence import (
    Evidence,
    FloatArray,
    acutance_of_smooth,
    banned,
    eyes_of_cover,
    faces_around,
    foretelling,
    kept_by_next,
    looks_banned,
    luma_of_blank,
    places_in_story,
    title_card_margin,
    unrated,
    without_state,
)
from thumb_assets.select.measure import SOURCES, VALUES
from thumb_assets.select.spoilers import LEAST_FORETELLING
from thumb_assets.select.states import GROWING_SHARE
from thumb_assets.select.takes import TAKES
from thumb_assets.select.traits import TRAIT_SOURCES
from thumb_assets.settings.selection import SelectionSettings

# Verdicts on a candidate, from better to worse. The usable ones of a video are taken, and the doubtful ones behind them
# where there are few; else those that broke a rule of degree, and where all show nothing, those. What people excluded
# is never taken.
USABLE, DOUBTFUL, DEGRADED, NOTHING, EXCLUDED = range(5)

RelativeTo = Literal["times_median", "plus_median", "plus_positive_median", "usual", "throughout", "best"]
# Columns that say how a candidate looks, and of which shot it is.
LOOKS = ("clip_scores.embedding", "appearance.descriptor", "appearance.difference_hash")
SHOTS = ("candidate_frames.shot_index",)
STATES = SOURCES["state_seconds"]
_EDGES = (*STATES, "appearance.edges", "appearance.changed_share")


@dataclass(frozen=True)
class Rejection:
    """Reason why one candidate was not chosen: the columns of the table `rejections` beside its key."""

    stage: str
    reason: str
    value: float | None
    threshold: float | None
    setting: str | None


@dataclass(frozen=True)
class Rule:
    """One way for a candidate not to be chosen.

    Attributes:
        reason: its name in the table `rejections`; the rules of one reason differ in what they measure.
        tier: verdict on what breaks it: DEGRADED (a matter of degree, and so capped), NOTHING or EXCLUDED; None where
            the chooser decides, see `diversify.Notes`.
        measure: values of CandidateArrays by name, or made from the evidence; None where they are not known.
        side: side of the threshold on which it is broken; None where the measure itself says by how much it is, and no
            numbers are kept.
        setting: name within the settings `selection`; None where people decide.
        sentence: a format of `value`, `threshold`, `setting`, and of the three as a percentage: `value_share`...
        relative_to: what of the video's values the threshold is made of: its median times or plus the setting, or the
            median plus the setting where the median is above 0; `usual` turns the rule off where the median breaks it,
            `throughout` unless the best breaks it, and `best` lowers it to a share of the best where that is low.
        threshold: of the settings, where it is not the setting itself; None turns the rule off.
        reads: columns that it is about, as `table.column`, where the measure has no name.
        applies_to: videos that are chosen from as recordings of screens, the others, or all: a white page or a dark
            terminal is how such a recording is, and a state of the screen stands still by its making. Cards are its
            first and last state, where they stand apart.
        is_required: where the rule is on, no choice is made without the tables that it reads.
        shows_nothing: what breaks it is not even the last resort, unless selection.keep_least_bad says so: `always`, or
            where the video has other candidates: a single blank picture is what somebody made.
    """

    reason: str
    tier: int | None
    measure: str | Callable[[Evidence], FloatArray | None] | None
    side: Literal["below", "above", "at_or_above"] | None
    setting: str | None
    sentence: str
    relative_to: RelativeTo | None = None
    threshold: Callable[[SelectionSettings], float | None] | None = None
    reads: tuple[str, ...] = ()
    applies_to: Literal["others", "others_and_cards", "screens", "all"] = "others"
    is_required: bool = False
    shows_nothing: Literal["never", "beside_others", "always"] = "never"

    @property
    def stage(self) -> str:
        """The step at which it drops a candidate."""
        if self.tier is not None:
            return "reject"
        return "rank" if self.reason in {"lower_score", "far_below_best"} else "diversify"

    @property
    def name(self) -> str:
        """The setting in full, or the table of people's decisions."""
        return "table `decisions`" if self.setting is None else f"selection.{self.setting}"

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns that it is about, as `table.column`."""
        return SOURCES.get(self.measure, ()) if isinstance(self.measure, str) else self.reads

    def values(self, evidence: Evidence) -> FloatArray | None:
        """The measured values, (N,) float64; None where they are not known."""
        if isinstance(self.measure, str):
            return evidence.measured[self.measure]
        return None if self.measure is None else self.measure(evidence)

    def value_of(self, settings: SelectionSettings) -> object:
        """The setting's value; None where there is no setting."""
        return None if self.setting is None else reduce(getattr, self.setting.split("."), settings)

    def threshold_of(self, settings: SelectionSettings) -> float | None:
        """The threshold by the settings; None where they turn the rule off."""
        value = self.value_of(settings) if self.threshold is None else self.threshold(settings)
        return float(value) if isinstance(value, int | float) else None

    def is_possible(self, value: float | None, threshold: float | None) -> bool:
        """True if these numbers lie as the rule says."""
        if self.side is None or value is None or threshold is None:
            return self.side is None
        return (value < threshold) == (self.side == "below")

    def rejection(self, value: float | None, threshold: float | None) -> Rejection:
        """The candidate with these numbers is not chosen because of this rule."""
        setting = None if self.setting is None else self.name
        return Rejection(self.stage, self.reason, _or_none(value), _or_none(threshold), setting)


def _bound(place: int) -> Callable[[SelectionSettings], float | None]:
    return lambda settings: None if settings.window_seconds is None else settings.window_seconds[place]


def _unsafe_threshold(settings: SelectionSettings) -> float | None:
    most = settings.reject.max_unsafe_probability
    return most if most < 1 else None


def _unrated_threshold(settings: SelectionSettings) -> float | None:
    return None if _unsafe_threshold(settings) is None else 0.5


# fmt: off
_DARK = "mean luma {value:.1f} is below {threshold:.1f}"
_FLAT = "standard deviation of its luma {value:.1f} is below {threshold:.1f}"
_WINDOW = "outside of the seconds {setting}, of which frames are chosen"
_ALIKE = "a selection is like it: cosine {value:.3f} is above {threshold:.3f}"
_BITS = "a selection is like it: {value:.0f} of 64 bits of their difference hashes differ, below {threshold:.1f}"
_HALF = ", half of the mean distance of the video's candidates, which are all much alike"
_OF_SHOT = "score {value:.4f}; a selection of its shot has {threshold:.4f}"
_LEAST = "score {value:.4f} is below {threshold:.4f}, the least of the selections"
_ENOUGH = "the selections were enough without it"
_OF_STATE = "score by what is new in its state of the screen {value:.4f}; the selections have at least {threshold:.4f}"

# In the order in which they count.
RULES: tuple[Rule, ...] = (
    Rule("damaged", NOTHING, "is_damaged", "above", "reject.no_damage",
         "the decoder calls it, or a frame that it is built on, corrupt",
         threshold=lambda settings: 0.5 if settings.reject.no_damage else None, applies_to="all"),
    # A night scene is dark, and has lights: it is the last resort, where a black picture shows nothing.
    Rule("too_dark", NOTHING, luma_of_blank, "below", "reject.min_luma_mean", _DARK,
         reads=(*SOURCES["luma_mean"], *SOURCES["luma_std"]), shows_nothing="always"),
    Rule("too_dark", NOTHING, "luma_mean", "below", "reject.min_luma_mean", _DARK),
    Rule("too_dark", NOTHING, "dark_share", "above", "reject.max_dark_share",
         "{value_share} of it is nearly black, above {threshold_share}"),
    # What is so in most of a video is how the video is: white pages, dark terminals.
    Rule("too_bright", DEGRADED, "luma_mean", "above", "reject.max_luma_mean",
         "mean luma {value:.1f} is above {threshold:.1f}", "usual"),
    Rule("too_bright", DEGRADED, "bright_share", "above", "reject.max_bright_share",
         "{value_share} of it is burnt out, above {threshold_share}", "usual"),
    Rule("too_flat", NOTHING, "luma_std", "below", "reject.min_luma_std", _FLAT, applies_to="all"),
    Rule("too_flat", NOTHING, "luma_std", "below", "reject.min_content_std", _FLAT,
         applies_to="all", shows_nothing="beside_others"),
    Rule("without_detail", NOTHING, acutance_of_smooth, "below", "reject.min_content_acutance",
         "its sharpest edges take {value_share} of their step within a pixel, below {threshold_share}, as those of all "
         "the video", "throughout", reads=("appearance.acutance", *SOURCES["laplacian_variance"], *SOURCES["luma_std"]),
         shows_nothing="beside_others"),
    Rule("test_pattern", NOTHING, "colour_bar_share", "above", "reject.max_colour_bar_share",
         "colour bars in the order of a test pattern cover {value_share} of its width, above {threshold_share}",
         applies_to="all", shows_nothing="beside_others"),
    Rule("low_entropy", DEGRADED, "luma_entropy", "below", "reject.min_luma_entropy",
         "entropy of its luma {value:.2f} bits is below {threshold:.2f}", "usual"),
    Rule("recurring", DEGRADED, "num_recurrences", "above", "reject.max_recurrences",
         "{value:.0f} other videos show it alike, above {threshold:.0f}", applies_to="all"),
    Rule("near_cut", DEGRADED, "cut_distance_seconds", "below", "reject.min_cut_seconds",
         "{value:.3f} s from a cut, which is below {threshold:.3f} s"),
    Rule("in_transition", DEGRADED, "transition_distance_seconds", "below", "reject.min_transition_seconds",
         "{value:.3f} s from the middle of a dissolve or fade, which is below {threshold:.3f} s"),
    Rule("in_transition", DEGRADED, "contrast_share", "below", "reject.min_contrast_share",
         "{value_share} of the best contrast around it, which is below {threshold_share}"),
    Rule("in_transition", DEGRADED, "sharpness_share", "below", "reject.min_sharpness_share",
         "{value_share} of the best Laplacian variance around it, which is below {threshold_share}"),
    Rule("flash", DEGRADED, "brightness_jump", "above", "reject.max_brightness_jump",
         "{value:.1f} levels brighter than the frames around it, above {threshold:.1f}"),
    # A white ground throughout is how the video is.
    Rule("flash", DEGRADED, "bright_share", "above", "reject.max_bright_share_jump",
         "{value_share} of it is burnt out, above {threshold_share}: the video's median and {setting_share}",
         "plus_median"),
    Rule("blurred", DEGRADED, "acutance", "below", "reject.min_acutance",
         "its sharpest edges take {value_share} of their step within a pixel, below {threshold_share} "
         "({setting_share}, or less where the video's best are soft)", "best"),
    Rule("blurred", DEGRADED, "laplacian_variance", "below", "reject.min_sharpness_of_median",
         "Laplacian variance {value:.1f} is below {threshold:.1f}, {setting_share} of the video's median",
         "times_median"),
    Rule("moving_too_fast", DEGRADED, "greatest_motion", "above", "reject.max_motion",
         "frames beside it differ by {value:.1f} levels, above {threshold:.1f}"),
    Rule("turned_away", DEGRADED, faces_around, "at_or_above", "reject.turned_away_share",
         "it shows no face, and {value_share} of the candidates around it do, at least {threshold_share}",
         reads=("faces.height", *TAKES)),
    Rule("eyes_shut", DEGRADED, eyes_of_cover, "below", "reject.min_eyes_open",
         "eyes of the largest face are open by {value_share} of what is usual, less than {threshold_share}",
         reads=("faces.height", "faces.confidence", "faces.eye_openness")),
    # A model may find all of a video rather like a title card.
    Rule("title_card", DEGRADED, title_card_margin, "above", "reject.max_title_card_margin",
         "likeness to a title card is {value:+.3f} beside that to a good frame, above {threshold:+.3f} (at least "
         "{setting:+.3f}, and so much above the video's median)", "plus_positive_median",
         reads=("clip_scores.title_card_similarity", "clip_scores.positive_similarity"),
         applies_to="others_and_cards"),
    Rule("text_overlay", DEGRADED, "text_share", "above", "reject.max_text_share",
         "writing covers {value_share} of it, above {threshold_share} (at least {setting_share}, and so much above the "
         "video's median)", "plus_positive_median"),
    # Bars on all of a film are the film's format.
    Rule("letterbox", DEGRADED, "bar_share", "above", "reject.max_bar_share",
         "bars cover {value_share} of it, above {threshold_share}: the video's median and {setting_share}",
         "plus_median"),
    Rule("avoided", EXCLUDED, lambda evidence: evidence.avoided, "above", "avoid_margin",
         "likeness to what selection.avoid says is {value:+.3f} beside that to a good frame, above {threshold:+.3f}",
         reads=("clip_scores.embedding", "clip_scores.positive_similarity"), applies_to="all"),
    Rule("avoided", EXCLUDED, lambda evidence: evidence.said, "above", "avoid_words",
         "its subtitle or writing is to {value_share} what selection.avoid says, above {threshold_share}",
         reads=("subtitles.text", "texts.text"), applies_to="all"),
    # Whoever asks for safe pictures gets none that nobody looked at, and none as a last resort.
    Rule("unsafe", EXCLUDED, "unsafe_probability", "above", "reject.max_unsafe_probability",
         "it is unsafe with a probability of {value_share}, above {threshold_share}", threshold=_unsafe_threshold,
         applies_to="all", is_required=True),
    Rule("unrated", EXCLUDED, unrated, "above", "reject.max_unsafe_probability",
         "it could not be rated for safety: its row in the table `safety` says why", threshold=_unrated_threshold,
         reads=SOURCES["unsafe_probability"], applies_to="all"),
    Rule("outside_window", EXCLUDED, "pts_seconds", "below", "window_seconds", _WINDOW, threshold=_bound(0),
         applies_to="all"),
    Rule("outside_window", EXCLUDED, "pts_seconds", "at_or_above", "window_seconds", _WINDOW, threshold=_bound(1),
         applies_to="all"),
    Rule("late_in_story", EXCLUDED, places_in_story, "above", "spoiler_share",
         "it comes after {value_share} of the story, and may after {threshold_share} at most (selection.spoiler_safe)",
         reads=("candidate_frames.pts_seconds", *SOURCES["num_recurrences"]), applies_to="all"),
    Rule("foretells_end", EXCLUDED, foretelling, "above", "spoiler_safe",
         "it is by {value:.3f} more like the end of the story than like the rest, above {threshold:.3f}",
         threshold=lambda settings: LEAST_FORETELLING if settings.spoiler_safe else None,
         reads=(*LOOKS[:2], *SHOTS), applies_to="all"),
    Rule("like_banned", NOTHING, looks_banned, None, None, "it looks like a frame that people banned",
         reads=("decisions.decision", *LOOKS)),
    Rule("banned", EXCLUDED, banned, None, None, "people banned it", reads=("decisions.decision",), applies_to="all"),
    # Where the states of a screen are the moments.
    Rule("no_state", NOTHING, without_state, None, "screens",
         "it shows no state of the screen: one that lasts, near its end, when all of it is there",
         reads=STATES, applies_to="screens"),
    Rule("growing_state", NOTHING, kept_by_next, "at_or_above", "screens",
         "the state of the screen that it shows goes on growing: the next one keeps {value_share} of its edges, at "
         "least {threshold_share}", threshold=lambda _: GROWING_SHARE, reads=_EDGES,
         applies_to="screens"),
    # Those of the chooser, which holds candidates against its selections.
    Rule("too_close_to_selection", None, "pts_seconds", "below", "min_gap_seconds",
         "{value:.3f} s from a selection, which is below {threshold:.3f} s"),
    Rule("near_duplicate", None, None, "above", "similarity.max_cosine", _ALIKE, reads=LOOKS),
    Rule("near_duplicate", None, None, "above", "similarity.max_embedding_cosine", _ALIKE, reads=LOOKS),
    Rule("near_duplicate", None, None, "above", "similarity.is_relative", _ALIKE + _HALF, reads=LOOKS),
    Rule("near_duplicate", None, None, "below", "similarity.min_hash_distance", _BITS, reads=LOOKS),
    Rule("near_duplicate", None, None, "below", "similarity.is_relative", _BITS + _HALF, reads=LOOKS),
    Rule("less_new_on_screen", None, None, "below", "top_k", _OF_STATE, reads=_EDGES),
    Rule("less_new_on_screen", None, None, "below", "max_k", _OF_STATE, reads=_EDGES),
    Rule("already_covered", None, None, "below", "min_coverage_gain",
         "it would cover the video better by {value_share}, below {threshold_share}", reads=LOOKS),
    Rule("shot_already_selected", None, None, None, "distinct_shots", _OF_SHOT, reads=SHOTS),
    Rule("shot_already_selected", None, None, None, "top_k",
         _OF_SHOT + ", and {setting} takes one of each shot where looks are not compared", reads=SHOTS),
    Rule("shot_already_selected", None, None, None, "strategy",
         _OF_SHOT + ", and {setting} takes one of each shot where looks are not known", reads=SHOTS),
    Rule("same_content", None, None, None, "keyframes.threshold",
         "cosine {value:.3f} to where its segment begins is not below {threshold:.3f}, and the segment has a selection",
         reads=LOOKS),
    Rule("alike_in_traits", None, None, None, "strategy",
         "it differs from a selection in {value:g} traits, each of these from those before it in {threshold:g} or more",
         reads=TRAIT_SOURCES),
    Rule("less_different", None, None, None, "diversity_weight",
         "score {value:.4f} is above {threshold:.4f}, the least of the selections, but others show more that is "
         "different", reads=LOOKS),
    Rule("far_below_best", None, None, "below", "min_share_of_best",
         "score {value:.4f} is below {threshold:.4f}, {setting_share} of the best of the video"),
    Rule("far_below_best", None, None, "below", "near_equal_share",
         "score {value:.4f} is below {threshold:.4f}, {setting_share} of the best: no equal of it in a test"),
    Rule("lower_score", None, None, "below", "top_k", _LEAST),
    Rule("lower_score", None, None, None, "top_k", _ENOUGH),
    Rule("lower_score", None, None, "below", "max_k", _LEAST),
    Rule("lower_score", None, None, None, "max_k", _ENOUGH),
)
# fmt: on
# Names of the reasons, in the order in which they are told.
REASONS: tuple[str, ...] = tuple(dict.fromkeys(rule.reason for rule in RULES))


def rule_of(
    reason: str,
    setting: str | None,
    value: float | None = None,
    threshold: float | None = None,
    *,
    rules: Sequence[Rule] = RULES,
) -> Rule:
    """The rule behind a row of `rejections`.

    Args:
        reason, setting, value, threshold: as the table has them; `setting` in full.
        rules: the declarations.

    Raises:
        ContractError: no rule has this reason and setting.

    >>> rule_of("too_dark", "selection.reject.min_luma_mean").measure
    'luma_mean'
    """
    own = [rule for rule in rules if rule.reason == reason and (rule.setting and rule.name) == setting]
    if not own:
        raise ContractError(f"table rejections: no rule says {reason} by {setting}; run the stage `selections` again")
    return next((rule for rule in own if rule.is_possible(value, threshold)), own[-1])


def required_tables(settings: SelectionSettings) -> tuple[str, ...]:
    """Tables without which no choice is made with these settings, beside the candidates themselves."""
    required = [rule for rule in RULES if rule.is_required and rule.threshold_of(settings) is not None]
    return tuple(dict.fromkeys(source.partition(".")[0] for rule in required for source in rule.sources))


def _or_none(value: float | None) -> float | None:
    return float(value) if value is not None and np.isfinite(value) else None


def check_rules(rules: Sequence[Rule]) -> None:
    """Raises ContractError where a rule names a setting or a value that is not declared."""
    for rule in rules:
        try:
            rule.value_of(SelectionSettings())
        except AttributeError:
            raise ContractError(
                f"rule {rule.reason}: there is no setting {rule.name}; add it to settings/selection.py"
            ) from None
        if isinstance(rule.measure, str) and rule.measure not in VALUES:
            raise ContractError(f"rule {rule.reason}: {rule.measure!r} needs a line in COLUMNS (select/measure.py)")


check_rules(RULES)
