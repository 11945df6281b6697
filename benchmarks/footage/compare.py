"""Every contestant on every labelled clip: what it chose, and the counts."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.footage.choosers import CHOOSERS, OF_ONE, Chosen, Measured
from benchmarks.footage.labels import Clip
from benchmarks.footage.measures import Counts, K, count, share
from benchmarks.footage.peers import Peers, cpu_seconds
from benchmarks.selection.contestants import tutorial_scores
from benchmarks.selection.measures import Interval
from benchmarks.selection.ours import Ours, picks_of
from benchmarks.selection.picks import Pick
from thumb_assets.errors import BadInputError
from thumb_assets.settings.load import Settings
from thumb_assets.settings.presets import load_presets

OURS = "ours"
# Ours with the default settings, then with each preset that measures nothing else; all are asked for the same number of
# frames.
STRATEGIES: Mapping[str, tuple[str, ...]] = {
    OURS: (),
    **{
        f"{OURS}/{name}": (f"selection.preset={name}",)
        for name, preset in load_presets(Settings).items()
        if set(preset.values) == {"selection"}
    },
}
# Ours' tables that tell why a frame was chosen or not.
_TOLD = ("videos", "candidate_frames", "shots", "selections", "rejections")
CONTESTANTS = (*CHOOSERS, *STRATEGIES)


@dataclass(frozen=True)
class Outcome:
    """One contestant.

    Attributes:
        picks: by clip name, at most three.
        counts: by clip name.
        cpu_seconds: of all clips together; None where they were measured for another contestant, or before.
    """

    contestant: str
    picks: Mapping[str, Sequence[Pick]]
    counts: Mapping[str, Counts]
    cpu_seconds: float | None = None

    def share(
        self, part: Callable[[Counts], float], whole: Callable[[Counts], float], clips: Sequence[Clip]
    ) -> Interval:
        """Share over these clips together, with its interval over clips."""
        counts = [self.counts[clip.name] for clip in clips]
        return share([part(each) for each in counts], [whole(each) for each in counts])

    def total(self, part: Callable[[Counts], float], clips: Sequence[Clip]) -> int:
        """Sum over these clips."""
        return int(sum(part(self.counts[clip.name]) for clip in clips))


@dataclass(frozen=True)
class Result:
    """All contestants on all clips.

    Attributes:
        tables: by clip name, ours' tables of the default settings, by table name.
    """

    clips: Sequence[Clip]
    outcomes: Mapping[str, Outcome]
    tables: Mapping[str, Mapping[str, pa.Table]] = field(default_factory=dict)


class Comparison:
    """Lets contestants choose.

    Args:
        clips: labelled ones.
        ours: the engine.
        workdir: where answers of other programs are kept.
    """

    def __init__(self, clips: Sequence[Clip], *, ours: Ours, workdir: Path) -> None:
        self._clips, self._ours, self._workdir = clips, ours, workdir
        self._peers = Peers(workdir / "peers")
        self._measured: dict[str, Measured] = {}
        self._tables: dict[str, dict[str, pa.Table]] = {}

    def run(self, names: Sequence[str]) -> Result:
        """Counts for these contestants.

        Raises:
            ThumbAssetsError: a clip cannot be used, or has another number of frames than its labels.
        """
        cost = self._measure()
        outcomes = {}
        for name in names:
            if name in STRATEGIES:
                outcomes[name] = self._ours_outcome(name, cost if name == OURS else None)
            else:
                outcomes[name] = self._chooser_outcome(name)
        return Result(self._clips, outcomes, self._tables)

    def _measure(self) -> float | None:
        """Runs the engine on all clips; the CPU seconds that took, kept from the run that measured all of them."""
        kept = self._workdir / "ours-cpu-seconds.json"
        identity = [self._ours.identity, sorted(clip.name for clip in self._clips)]
        before, is_new = cpu_seconds(), self._ours.is_empty()
        self._ours.selections([clip.path for clip in self._clips], ())
        for clip in self._clips:
            self._measured[clip.name] = self._measured_of(clip)
            # Before other settings choose: the store has one choice per video.
            self._tables[clip.name] = {name: self._ours.table(name, clip.path) for name in _TOLD}
        if is_new:
            kept.write_text(json.dumps({"of": identity, "cpu_seconds": cpu_seconds() - before}), encoding="utf-8")
        found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
        return float(found["cpu_seconds"]) if found.get("of") == identity else None

    def _measured_of(self, clip: Clip) -> Measured:
        frames, sharpness, iqa = (self._ours.table(name, clip.path) for name in ("frames", "sharpness", "iqa_scores"))
        if frames.num_rows != clip.num_frames:
            raise BadInputError(f"{clip.path}: ours shows {frames.num_rows} frames, its labels count {clip.num_frames}")
        formula = tutorial_scores(
            clip=self._ours.table("clip_scores", clip.path),
            sharpness=sharpness,
            iqa=iqa,
            lower_better=json.loads((iqa.schema.metadata or {}).get(b"lower_better", b"{}")),
        )
        columns = (sharpness.column(name).to_pylist() for name in ("frame_index", "laplacian_variance"))
        known = {frame: value for frame, value in zip(*columns, strict=True) if value is not None}
        return Measured(frames.column("pts_seconds").to_numpy(), known, formula)

    def _ours_outcome(self, name: str, cost: float | None) -> Outcome:
        overrides = STRATEGIES[name]
        picks = self._ours_picks(self._clips, (*overrides, f"selection.top_k={K}"))
        by_screens: dict[str, list[Pick]] = {}
        for number in sorted({clip.num_screens for clip in self._clips if clip.has_screens}):
            clips = [clip for clip in self._clips if clip.num_screens == number]
            by_screens |= self._ours_picks(clips, (*overrides, f"selection.top_k={number}"))
        counts = {clip.name: count(clip, picks[clip.name], by_screens.get(clip.name, ())) for clip in self._clips}
        return Outcome(name, picks, counts, cost)

    def _ours_picks(self, clips: Sequence[Clip], overrides: Sequence[str]) -> dict[str, list[Pick]]:
        tables = self._ours.selections([clip.path for clip in clips], overrides)
        return {clip.name: picks_of(tables[clip.path]) for clip in clips}

    def _chooser_outcome(self, name: str) -> Outcome:
        picks, counts, costs = {}, {}, []
        for clip in self._clips:
            chosen = self._chosen(name, clip, K)
            screens = self._chosen(name, clip, clip.num_screens).picks if clip.has_screens else ()
            picks[clip.name] = chosen.picks
            counts[clip.name] = count(clip, chosen.picks, screens)
            costs.append(chosen.cpu_seconds)
        known = [cost for cost in costs if cost is not None]
        return Outcome(name, picks, counts, sum(known) if len(known) == len(costs) else None)

    def _chosen(self, name: str, clip: Clip, k: int) -> Chosen:
        return CHOOSERS[name](clip, self._measured[clip.name], self._peers, 1 if name in OF_ONE else k)


def worst_first(result: Result, name: str = OURS) -> list[Clip]:
    """The clips by how badly one contestant chose: bad picks, first picks before others, then what it missed."""

    def key(clip: Clip) -> tuple[float, ...]:
        counts = result.outcomes[name].counts[clip.name]
        missed = counts.num_findable - counts.num_found + counts.num_screens - counts.num_screens_found
        return (-counts.is_first_bad, -len(counts.bad_ranks), -missed, -counts.num_repeats)

    return sorted(result.clips, key=key)


def pick_lines(result: Result) -> Iterator[str]:
    """One line per clip and contestant: frame, label and score of each pick."""
    for clip in result.clips:
        for name, outcome in result.outcomes.items():
            texts = [pick.line(clip.label(pick.frame_index)) for pick in outcome.picks[clip.name]]
            yield f"{clip.name} {name}: {'; '.join(texts)}"
