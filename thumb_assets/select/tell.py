"""Tells people where the frames of a video went, and of any frame why it was chosen or not."""

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import ValidationError

from thumb_assets.errors import BadInputError, ContractError
from thumb_assets.select.moments import MOMENT_TABLES, known_of_moment
from thumb_assets.select.rules import REASONS, RULES, Rule, rule_of
from thumb_assets.settings.selection import SelectionSettings
from thumb_assets.settings.stages import CandidatesSettings
from thumb_assets.wording import count

# Tables that tell the story of a video's frames.
STORY_TABLES = ("frames", "shots", "candidate_frames", "selections", "rejections")
# Footer keys of `selections` and `rejections`, the first of `candidate_frames` too; the last where none is selected.
SETTINGS, DOUBTFUL, NOTHING_KEPT = "settings", "doubtful", "nothing_kept"
_OF_NOTHING = frozenset(rule.reason for rule in RULES if rule.shows_nothing != "never")


@dataclass(frozen=True)
class Step:
    """One line of the funnel.

    Attributes:
        what: what the frames are, or what dropped them.
        num_frames: how many.
        setting: names of the settings that decide; empty where none does.
    """

    what: str
    num_frames: int
    setting: str = ""


@dataclass(frozen=True)
class Story:
    """The tables of one video's choice and the settings they were made with; see `story_of`."""

    frames: pa.Table
    shots: pa.Table
    candidates: pa.Table
    selections: pa.Table
    rejections: pa.Table
    settings: SelectionSettings
    sampling: CandidatesSettings
    doubtful: frozenset[int]
    moments: Mapping[str, pa.Table] = field(default_factory=dict)

    @cached_property
    def seconds(self) -> list[float]:
        """pts_seconds by frame_index."""
        seconds: list[float] = self.frames.column("pts_seconds").to_pylist()
        return seconds

    @cached_property
    def candidate_indices(self) -> list[int]:
        """Ascending."""
        indices: list[int] = self.candidates.column("frame_index").to_pylist()
        return indices

    @cached_property
    def selected(self) -> dict[int, dict[str, Any]]:
        """By frame_index, best first."""
        return {row["frame_index"]: row for row in self.selections.sort_by("rank").to_pylist()}

    @cached_property
    def rejected(self) -> dict[int, dict[str, Any]]:
        """By frame_index."""
        return {row["frame_index"]: row for row in self.rejections.to_pylist()}


def story_of(tables: Mapping[str, pa.Table]) -> Story:
    """Reads the story of a choice from its tables and their footers.

    Args:
        tables: by name those of STORY_TABLES, as stored: the footers in the metadata of their schemas; those of
            MOMENT_TABLES that are there.

    Raises:
        ContractError: the footers do not say with which settings the choice was made.
    """
    settings = _settings_of("selections", tables["selections"], SelectionSettings)
    sampling = _settings_of("candidate_frames", tables["candidate_frames"], CandidatesSettings)
    doubtful = json.loads(_footer(tables["rejections"]).get(DOUBTFUL, "[]"))
    frames, shots, candidates, selections, rejections = (tables[name] for name in STORY_TABLES)
    moments = {name: tables[name] for name in MOMENT_TABLES if name in tables}
    return Story(frames, shots, candidates, selections, rejections, settings, sampling, frozenset(doubtful), moments)


def funnel(story: Story) -> list[Step]:
    """Counts the frames that are left after each step, down to the selections.

    Those that a rule of degree left in doubt, beyond its share, come after those that it dropped.
    """
    rows = list(story.rejected.values())
    sure = [row for row in rows if row["stage"] == "reject" and row["frame_index"] not in story.doubtful]
    doubted = [row for row in rows if row["stage"] == "reject" and row["frame_index"] in story.doubtful]
    others = [row for row in rows if row["stage"] != "reject"]
    num_decoded = story.frames.num_rows - story.frames.column("luma_hash").null_count
    return [
        Step("frames", story.frames.num_rows),
        Step("decoded", num_decoded, "sparse.is_on" if num_decoded < story.frames.num_rows else ""),
        Step("candidates", story.candidates.num_rows, "candidates"),
        *_steps("rejected", sure),
        *_steps("doubtful", doubted),
        *_steps("left out", others),
        Step("selections", story.selections.num_rows, _what_ended(story)),
    ]


def sentence_of(row: Mapping[str, Any], settings: SelectionSettings, *, rules: Sequence[Rule] = RULES) -> str:
    """The reason why a candidate was not chosen, with numbers, and in brackets the name of the setting that decides.

    Args:
        row: of the table `rejections`.
        settings: those that the choice was made with.
        rules: the declarations.

    >>> setting = "selection.reject.min_luma_std"
    >>> sentence_of({"reason": "too_flat", "value": 3.0, "threshold": 8.0, "setting": setting}, SelectionSettings())
    'standard deviation of its luma 3.0 is below 8.0 (selection.reject.min_luma_std)'
    """
    value, threshold, rule = row["value"], row["threshold"], _rule_of(row, rules=rules)
    if "{value" in rule.sentence and (value is None or threshold is None):
        return f"by what was measured ({rule.name})"
    numbers = {"value": value, "threshold": threshold, "setting": rule.value_of(settings)}
    shares = {f"{name}_share": _share(number) for name, number in numbers.items()}
    return f"{rule.sentence.format(**numbers, **shares)} ({rule.name})"


def _rule_of(row: Mapping[str, Any], *, rules: Sequence[Rule] = RULES) -> Rule:
    return rule_of(row["reason"], row["setting"], row["value"], row["threshold"], rules=rules)


def _share(number: object) -> str:
    return f"{100 * number:.3g} %" if isinstance(number, int | float) else ""


def tell_frame(story: Story, frame_index: int) -> str:
    """Says why a frame of the video was chosen or not, candidate or not, and what is known of its moment.

    Raises:
        BadInputError: the video has no such frame.
    """
    num_frames = story.frames.num_rows
    if not 0 <= frame_index < num_frames:
        has = f"frames 0 to {num_frames - 1}" if num_frames else "no frame"
        raise BadInputError(f"there is no frame {frame_index}: the video has {has}")
    known = known_of_moment(
        story.moments,
        frame_index=frame_index,
        seconds=story.seconds[frame_index],
        selection=story.selected.get(frame_index),
        is_sound_counted=story.settings.weights.sound > 0,
    )
    return f"{_told(story, frame_index)}{known}"


def _told(story: Story, frame_index: int) -> str:
    return f"frame {frame_index} ({story.seconds[frame_index]:.3f} s): {_fate(story, frame_index)}"


def tell_all(story: Story) -> list[str]:
    """A line for every selection, best first, or why there is none; then those of `tell_rejections`."""
    selected = [tell_frame(story, frame_index) for frame_index in story.selected]
    none = nothing_kept(Counter(row["reason"] for row in story.rejected.values()))
    return [*(selected or [none]), *tell_rejections(story)]


def tell_rejections(story: Story, *, most_per_reason: int = 3) -> list[str]:
    """Tells, by reason, the candidates that came closest to being chosen, and how many more there are."""
    lines = []
    for reason in REASONS:
        rows = sorted((row for row in story.rejected.values() if row["reason"] == reason), key=_closeness)
        lines += [_told(story, row["frame_index"]) for row in rows[:most_per_reason]]
        if len(rows) > most_per_reason:
            lines.append(f"and {len(rows) - most_per_reason} more: {_words(reason)}")
    return lines


def _fate(story: Story, frame_index: int) -> str:
    if frame_index in story.selected:
        row = story.selected[frame_index]
        return f"selected with score {row['combined_score']:.4f}, {row['reason']}"
    if frame_index in story.rejected:
        return _rejection(story, story.rejected[frame_index])
    return _no_candidate(story, frame_index)


def _rejection(story: Story, row: Mapping[str, Any]) -> str:
    reason = _words(row["reason"])
    sentence = sentence_of(row, story.settings)
    if row["stage"] != "reject":
        return f"left out, {reason}: {sentence}"
    if row["frame_index"] not in story.doubtful:
        return f"rejected, {reason}: {sentence}"
    reject = story.settings.reject
    most, least = (f"{100 * share:.3g} %" for share in (reject.max_share, reject.min_usable_share))
    return (
        f"doubtful, {reason}: {sentence}; the rule drops no more than {most} of the candidates "
        f"(selection.reject.max_share), so it is taken last, and only where less than {least} are usable "
        "(selection.reject.min_usable_share)"
    )


def _no_candidate(story: Story, frame_index: int) -> str:
    if not story.candidate_indices:
        return f"no candidate, like all others: {_sampling(story.sampling)}"
    asked = f"no candidate: {_sampling(story.sampling)}"
    if not story.frames.column("luma_hash")[frame_index].is_valid:
        asked = f"not decoded by the sparse pass (sparse.is_on), so {asked}; the nearest decoded frame stands in"
    place = bisect_left(story.candidate_indices, frame_index)
    near = story.candidate_indices[max(place - 1, 0) : place + 1]
    names = " and ".join(f"{index} ({story.seconds[index]:.3f} s)" for index in near)
    text = f"{asked}. {'The nearest candidates are' if len(near) > 1 else 'The nearest candidate is'} {names}"
    shot, start, end = _shot_of(story, frame_index)
    own = [index for index in near if start <= index < end]
    if not own:
        return f"{text}; its shot, {shot}, has none"
    nearest = min(own, key=lambda index: abs(story.seconds[index] - story.seconds[frame_index]))
    return f"{text}; of its shot, {shot}, frame {nearest} was {_fate(story, nearest)}"


def _shot_of(story: Story, frame_index: int) -> tuple[int, int, int]:
    starts = story.shots.column("start_frame_index").to_numpy()
    place = int(np.searchsorted(starts, frame_index, side="right")) - 1
    row = story.shots.slice(place, 1).to_pylist()[0]
    return row["shot_index"], row["start_frame_index"], row["exclusive_end_frame_index"]


def _sampling(sampling: CandidatesSettings) -> str:
    """The ways of sampling that are on, with their settings."""
    asked = []
    if sampling.use_shots:
        where = f"{sampling.shot_offset_seconds:g} s after each shot's start"
        asked.append(f"{where} (candidates.use_shots, candidates.shot_offset_seconds)")
    if sampling.uniform_interval_seconds is not None:
        interval = f"{sampling.uniform_interval_seconds:g} s"
        asked.append(f"in the middle of every {interval} (candidates.uniform_interval_seconds)")
    if sampling.use_keyframes:
        asked.append("at every sync frame (candidates.use_keyframes)")
    if sampling.every_num_frames is not None:
        asked.append(f"at every multiple of {sampling.every_num_frames} (candidates.every_num_frames)")
    return f"candidates are taken {', '.join(asked) or 'in the first shot only (candidates)'}"


def _steps(what: str, rows: list[dict[str, Any]]) -> list[Step]:
    """One per reason, in the order of the reasons."""
    steps = []
    for reason in REASONS:
        own = [row for row in rows if row["reason"] == reason]
        names = ", ".join(sorted({_rule_of(row).name for row in own}))
        if own:
            steps.append(Step(f"{what}: {_words(reason)}", len(own), names))
    return steps


def _what_ended(story: Story) -> str:
    """The setting that says how many are selected; with `top_k=auto` it may be the content, or the shots."""
    if not story.selections.num_rows and any(row["reason"] in _OF_NOTHING for row in story.rejected.values()):
        return "selection.keep_least_bad"
    if story.settings.top_k != "auto":
        is_short = story.selections.num_rows < story.settings.top_k
        ended = ("alike_in_traits", "far_below_best")
        by_reason = {row["reason"]: row["setting"] for row in story.rejected.values() if row["reason"] in ended}
        names: list[str] = [by_reason[reason] for reason in ended if is_short and reason in by_reason]
        return names[0] if names else "selection.top_k"
    if story.selections.num_rows >= story.settings.max_k:
        return "selection.max_k"
    settings: set[str] = {row["setting"] for row in story.rejected.values() if row["stage"] == "diversify"}
    of_content = settings & {"selection.min_coverage_gain", "selection.keyframes.threshold"}
    if of_content:
        return min(of_content)
    return "shots" if settings & {"selection.top_k", "selection.strategy"} else "selection.top_k"


def _closeness(row: Mapping[str, Any]) -> tuple[float, int]:
    """Sorts by how little was missing."""
    if row["value"] is None or row["threshold"] is None:
        return float("inf"), row["frame_index"]
    return abs(row["value"] - row["threshold"]), row["frame_index"]


def _footer(table: pa.Table) -> dict[str, str]:
    return {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}


def _settings_of(table_name: str, table: pa.Table, model: type[Any]) -> Any:
    text = _footer(table).get(SETTINGS)
    try:
        return model.model_validate_json(text or "")
    except ValidationError:
        raise ContractError(
            f"table {table_name}: does not say with which settings it was made, or those of another version; run the "
            f"stage `{table_name}` again"
        ) from None


def nothing_kept(num_candidates: Mapping[str, int]) -> str:
    """Says why no frame of a video was selected.

    Args:
        num_candidates: by reason of the table `rejections`.

    >>> nothing_kept({"too_dark": 14})
    'nothing in this video is worth keeping: 14 of 14 candidates too dark'
    >>> nothing_kept({"test_pattern": 1, "too_dark": 3})
    'nothing in this video is worth keeping: 3 of 4 candidates too dark, 1 test pattern'
    """
    if not num_candidates:
        return "nothing in this video is worth keeping: it has no candidate"
    (first, most), *others = Counter(num_candidates).most_common()
    more = "".join(f", {number} {_words(reason)}" for reason, number in others)
    of_all = f"{most} of {count(sum(num_candidates.values()), 'candidate')}"
    return f"nothing in this video is worth keeping: {of_all} {_words(first)}{more}"


def _words(reason: str) -> str:
    return reason.replace("_", " ")
