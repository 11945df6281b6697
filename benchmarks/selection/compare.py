"""Every contestant on every video of a split: what was chosen, and the measures of it."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from benchmarks.selection import measures
from benchmarks.selection.contestants import BASELINES, TUTORIAL, tutorial_formula
from benchmarks.selection.limits import LIMITS
from benchmarks.selection.make import MadeVideo
from benchmarks.selection.measures import FloatArray, Interval
from benchmarks.selection.ours import Ours, picks_of
from benchmarks.selection.picks import Draws, Pick
from benchmarks.selection.signals import EVERY, Signals, signals_of
from benchmarks.selection.strategies import EVERY_CANDIDATE, STRATEGIES
from thumb_assets.errors import ThumbAssetsError

CONTESTANTS = (*BASELINES, TUTORIAL, *STRATEGIES, *LIMITS)
# A whole second run of the engine, from the files on, is made of so many videos.
_NUM_RUN_AGAIN = 6


@dataclass(frozen=True)
class Outcome:
    """One contestant on one split.

    Attributes:
        draws: by video name, what was chosen.
        values: by measure, one value per video, NaN where there is none; only measures that the contestant has.
        bad_kinds: bad picks of the first three by kind of defect; means over the draws.
    """

    contestant: str
    draws: Mapping[str, Draws]
    values: Mapping[str, Sequence[float]]
    bad_kinds: Mapping[str, float]

    def interval(self, measure: str) -> Interval | None:
        """Mean and interval over videos; None where the contestant has no such measure."""
        return measures.interval(self.values[measure]) if measure in self.values else None


@dataclass(frozen=True)
class SplitResult:
    """Everything found on one split.

    Attributes:
        determinism: by strategy, a sentence.
    """

    split: str
    videos: Sequence[MadeVideo]
    outcomes: Mapping[str, Outcome]
    determinism: Mapping[str, str]

    def best_baseline(self) -> Outcome | None:
        """The baseline with the fewest bad picks among three; None where only ours ran."""
        not_others = {*STRATEGIES, *LIMITS}
        others = [each for name, each in self.outcomes.items() if name not in not_others]
        return min(others, key=lambda each: float(np.nanmean(each.values["bad_3"])), default=None)


def compare(
    split: str, videos: Sequence[MadeVideo], names: Sequence[str], *, ours: Ours, is_quick: bool
) -> SplitResult:
    """Lets each contestant choose, and measures.

    Args:
        split: what the videos are of.
        videos: made ones.
        names: out of CONTESTANTS.
        ours: the engine.
        is_quick: leave out stability and determinism, which need files encoded again and second runs.
    """
    signals = {video.name: signals_of(video.path) for video in videos}
    outcomes, determinism = {}, {}
    (run_again := ours.elsewhere("run-again")).clear()
    for name in names:
        draws = dict(_chosen(name, videos, signals, ours=ours))
        values = _values(videos, draws, signals)
        if name in {*STRATEGIES, *LIMITS}:
            values["score"] = [_mean_score(draws[video.name]) for video in videos]
        if name in STRATEGIES and not is_quick:
            values["stability"] = _stability(name, videos, draws, ours=ours)
            determinism[name] = _determinism(name, videos, ours=ours, run_again=run_again)
        outcomes[name] = Outcome(name, draws, values, _bad_kinds(videos, draws))
    return SplitResult(split, videos, outcomes, determinism)


def _chosen(
    name: str, videos: Sequence[MadeVideo], signals: Mapping[str, Signals], *, ours: Ours
) -> Iterator[tuple[str, Draws]]:
    if name in BASELINES:
        yield from ((video.name, BASELINES[name](video.name, signals[video.name])) for video in videos)
        return
    overrides = EVERY_CANDIDATE if name in LIMITS else STRATEGIES.get(name, ())
    tables = ours.selections([video.path for video in videos], overrides)
    for video in videos:
        _require_same_frames(video, ours.table("videos", video.path, overrides))
        if name == TUTORIAL:
            iqa = ours.table("iqa_scores", video.path)
            yield (
                video.name,
                tutorial_formula(
                    clip=ours.table("clip_scores", video.path),
                    sharpness=ours.table("sharpness", video.path),
                    iqa=iqa,
                    lower_better=json.loads((iqa.schema.metadata or {}).get(b"lower_better", b"{}")),
                ),
            )
        elif name in LIMITS:
            candidates = picks_of(tables[video.path])
            yield video.name, [LIMITS[name](candidates, video.truth, signals[video.name])]
        else:
            yield video.name, [picks_of(tables[video.path])]


def _require_same_frames(video: MadeVideo, table: pa.Table) -> None:
    """The labels are of the frames that ours counts: with damage that is not a matter of course."""
    (num_frames,) = table.column("num_frames_from_content").to_pylist()
    if num_frames != video.truth.num_frames:
        raise ThumbAssetsError(f"{video.path}: ours shows {num_frames} frames, there are {video.truth.num_frames}")


def _values(
    videos: Sequence[MadeVideo], draws: Mapping[str, Draws], signals: Mapping[str, Signals]
) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}
    for video in videos:
        for name, value in _values_of(video, draws[video.name], signals[video.name]).items():
            values.setdefault(name, []).append(value)
    return values


def _values_of(video: MadeVideo, draws: Draws, signals: Signals) -> dict[str, float]:
    truth, seen = video.truth, signals.embeddings
    good = seen[[truth.is_good(index) for index in range(0, truth.num_frames, EVERY)]]

    def chosen(picks: Sequence[Pick]) -> FloatArray:
        return seen[[signals.place(pick.frame_index) for pick in picks[:3]]]

    by_name: dict[str, Callable[[Sequence[Pick]], float]] = {
        "bad_1": lambda picks: measures.bad_rate(picks, truth, k=1),
        "bad_3": lambda picks: measures.bad_rate(picks, truth, k=3),
        "recall_3": lambda picks: measures.recall(picks, truth, k=3),
        "near_pairs": lambda picks: measures.num_near_duplicates(picks, truth, signals.lumas, k=3),
        "coverage": lambda picks: measures.coverage(chosen(picks), seen),
        "coverage_good": lambda picks: measures.coverage(chosen(picks), good),
    }
    return {name: measures.mean_over(draws, measure) for name, measure in by_name.items()}


def _mean_score(draws: Draws) -> float:
    scores = [pick.score for picks in draws for pick in picks if pick.score is not None]
    return float(np.mean(scores)) if scores else float("nan")


def _stability(name: str, videos: Sequence[MadeVideo], draws: Mapping[str, Draws], *, ours: Ours) -> list[float]:
    again = {video.name: video.again for video in videos if video.again is not None}
    tables = ours.selections(list(again.values()), STRATEGIES[name])
    return [
        measures.stability(draws[video.name][0], picks_of(tables[again[video.name]]), video.truth)
        if video.name in again
        else float("nan")
        for video in videos
    ]


def _determinism(name: str, videos: Sequence[MadeVideo], *, ours: Ours, run_again: Ours) -> str:
    """Chooses again on all videos, and measures and chooses anew on some."""
    overrides, paths = STRATEGIES[name], [video.path for video in videos]
    before = ours.selections(paths, overrides)
    chosen_again = ours.selections(paths, overrides, is_recomputed=True)
    some = paths[:_NUM_RUN_AGAIN]
    measured_again = run_again.selections(some, overrides)
    num_same, num_same_runs = (
        sum(before[path].equals(after[path]) for path in after) for after in (chosen_again, measured_again)
    )
    return (
        f"chosen again, {num_same} of {len(paths)} tables are the same; measured and chosen again, "
        f"{num_same_runs} of {len(some)}"
    )


def _bad_kinds(videos: Sequence[MadeVideo], draws: Mapping[str, Draws]) -> dict[str, float]:
    counts: Counter[str] = Counter()
    for video in videos:
        several = draws[video.name]
        for picks in several:
            for pick in picks[:3]:
                if video.truth.is_bad(pick.frame_index):
                    counts[video.truth.kinds[pick.frame_index]] += 1 / len(several)
    return dict(counts)


def pick_lines(result: SplitResult) -> Iterator[str]:
    """One line per video and contestant: frame, label and score of each pick of the first draw."""
    for video in result.videos:
        for name, outcome in result.outcomes.items():
            texts = [pick.line(video.truth.label(pick.frame_index)) for pick in outcome.draws[video.name][0]]
            yield f"{video.name} {name}: {', '.join(texts)}"
