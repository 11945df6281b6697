"""Tells people what became of the frames of a video: the funnel, and of any frame why it was chosen or not."""

import json
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import ValidationError

from thumb_assets.errors import BadInputError, ContractError
from thumb_assets.select.causes import causes_of, sentence_of
from thumb_assets.settings import CandidatesSettings, SelectionSettings
from thumb_assets.tables.outputs import REJECTION_REASONS

# Tables that the story of a video's frames is told from.
TOLD_TABLES = ("frames", "shots", "candidate_frames", "selections", "rejections")
# Footer keys of `selections` and `rejections`, the first of `candidate_frames` too.
SETTINGS, DOUBTFUL = "settings", "doubtful"


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
class Told:
    """The tables of one video's choice and the settings they were made with; see `told_of`."""

    frames: pa.Table
    shots: pa.Table
    candidates: pa.Table
    selections: pa.Table
    rejections: pa.Table
    settings: SelectionSettings
    sampling: CandidatesSettings
    doubtful: frozenset[int]

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


def told_of(tables: Mapping[str, pa.Table]) -> Told:
    """What the tables and their footers say.

    Args:
        tables: by name those of TOLD_TABLES, as stored: the footers in the metadata of their schemas.

    Raises:
        ContractError: the footers do not say with which settings the choice was made.
    """
    settings = _settings_of("selections", tables["selections"], SelectionSettings)
    sampling = _settings_of("candidate_frames", tables["candidate_frames"], CandidatesSettings)
    doubtful = json.loads(_footer(tables["rejections"]).get(DOUBTFUL, "[]"))
    frames, shots, candidates, selections, rejections = (tables[name] for name in TOLD_TABLES)
    return Told(frames, shots, candidates, selections, rejections, settings, sampling, frozenset(doubtful))


def funnel(told: Told) -> list[Step]:
    """How many frames there are, and how many are left after each step, down to the selections.

    Those that a rule of degree left in doubt, beyond its share, come after those that it dropped.
    """
    rows = list(told.rejected.values())
    sure = [row for row in rows if row["stage"] == "reject" and row["frame_index"] not in told.doubtful]
    doubted = [row for row in rows if row["stage"] == "reject" and row["frame_index"] in told.doubtful]
    others = [row for row in rows if row["stage"] != "reject"]
    num_decoded = told.frames.num_rows - told.frames.column("luma_hash").null_count
    return [
        Step("frames", told.frames.num_rows),
        Step("decoded", num_decoded, "sparse.is_on" if num_decoded < told.frames.num_rows else ""),
        Step("candidates", told.candidates.num_rows, "candidates"),
        *_steps("rejected", sure, told.settings),
        *_steps("doubtful", doubted, told.settings),
        *_steps("left out", others, told.settings),
        Step("selections", told.selections.num_rows, "selection.top_k"),
    ]


def explain_frame(told: Told, frame_index: int) -> str:
    """Why a frame of the video was chosen or not, in one or two sentences, candidate or not.

    Raises:
        BadInputError: the video has no such frame.
    """
    num_frames = told.frames.num_rows
    if not 0 <= frame_index < num_frames:
        has = f"frames 0 to {num_frames - 1}" if num_frames else "no frame"
        raise BadInputError(f"there is no frame {frame_index}: the video has {has}")
    return f"frame {frame_index} ({told.seconds[frame_index]:.3f} s): {_fate(told, frame_index)}"


def explain_all(told: Told) -> list[str]:
    """A line for every selection, best first, then those of `explain_rejections`."""
    return [*(explain_frame(told, frame_index) for frame_index in told.selected), *explain_rejections(told)]


def explain_rejections(told: Told, *, most_per_reason: int = 3) -> list[str]:
    """Of each reason the candidates that came closest to being chosen, so many at most, and how many more there are."""
    lines = []
    for reason in REJECTION_REASONS:
        rows = sorted((row for row in told.rejected.values() if row["reason"] == reason), key=_closeness)
        lines += [explain_frame(told, row["frame_index"]) for row in rows[:most_per_reason]]
        if len(rows) > most_per_reason:
            lines.append(f"and {len(rows) - most_per_reason} more: {reason.replace('_', ' ')}")
    return lines


def _fate(told: Told, frame_index: int) -> str:
    if frame_index in told.selected:
        row = told.selected[frame_index]
        return f"selected with score {row['combined_score']:.4f}, {row['reason']}"
    if frame_index in told.rejected:
        return _rejection(told, told.rejected[frame_index])
    return _no_candidate(told, frame_index)


def _rejection(told: Told, row: Mapping[str, Any]) -> str:
    reason = row["reason"].replace("_", " ")
    sentence = sentence_of(row["reason"], row["value"], row["threshold"], told.settings)
    if row["stage"] != "reject":
        return f"left out, {reason}: {sentence}"
    if row["frame_index"] not in told.doubtful:
        return f"rejected, {reason}: {sentence}"
    reject = told.settings.reject
    most, least = (f"{100 * share:.3g} %" for share in (reject.max_share, reject.min_usable_share))
    return (
        f"doubtful, {reason}: {sentence}; the rule drops no more than {most} of the candidates "
        f"(selection.reject.max_share), so it is taken last, and only where less than {least} are usable "
        "(selection.reject.min_usable_share)"
    )


def _no_candidate(told: Told, frame_index: int) -> str:
    if not told.candidate_indices:
        return f"no candidate, like all others: {_sampling(told.sampling)}"
    asked = f"no candidate: {_sampling(told.sampling)}"
    if not told.frames.column("luma_hash")[frame_index].is_valid:
        asked = f"not decoded by the sparse pass (sparse.is_on), so {asked}; the nearest decoded frame stands in"
    place = bisect_left(told.candidate_indices, frame_index)
    near = told.candidate_indices[max(place - 1, 0) : place + 1]
    names = " and ".join(f"{index} ({told.seconds[index]:.3f} s)" for index in near)
    text = f"{asked}. {'The nearest candidates are' if len(near) > 1 else 'The nearest candidate is'} {names}"
    shot, start, end = _shot_of(told, frame_index)
    own = [index for index in near if start <= index < end]
    if not own:
        return f"{text}; its shot, {shot}, has none"
    nearest = min(own, key=lambda index: abs(told.seconds[index] - told.seconds[frame_index]))
    return f"{text}; of its shot, {shot}, frame {nearest} was {_fate(told, nearest)}"


def _shot_of(told: Told, frame_index: int) -> tuple[int, int, int]:
    starts = told.shots.column("start_frame_index").to_numpy()
    place = int(np.searchsorted(starts, frame_index, side="right")) - 1
    row = told.shots.slice(place, 1).to_pylist()[0]
    return row["shot_index"], row["start_frame_index"], row["exclusive_end_frame_index"]


def _sampling(sampling: CandidatesSettings) -> str:
    """What is asked for, with the settings that say so."""
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


def _steps(what: str, rows: list[dict[str, Any]], settings: SelectionSettings) -> list[Step]:
    """One per reason, in the order of the reasons."""
    steps = []
    for reason in REJECTION_REASONS:
        own = [row for row in rows if row["reason"] == reason]
        causes = [cause for row in own for cause in causes_of(reason, row["value"], row["threshold"], settings)]
        names = ", ".join(sorted({cause.name for cause in causes}))
        if own:
            steps.append(Step(f"{what}: {reason.replace('_', ' ')}", len(own), names))
    return steps


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
