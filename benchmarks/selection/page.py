"""The Markdown page: what was measured, how, and by whom the fewest bad frames were chosen."""

import math
from collections.abc import Sequence

from benchmarks.page import table
from benchmarks.selection.compare import Outcome, SplitResult
from benchmarks.selection.footage import STRETCHES
from benchmarks.selection.limits import LIMITS
from benchmarks.selection.measures import MAX_SHIFT, NEAR
from benchmarks.selection.plan import DEFECTS, RATE
from benchmarks.selection.strategies import STRATEGIES
from benchmarks.selection.truth import LEAST_LEVEL, LEAST_SHARE, MARGIN

# Heading, name of the measure, digits.
_MEASURES = (
    ("bad in top 1", "bad_1", 2),
    ("bad in top 3", "bad_3", 2),
    ("recall at 3", "recall_3", 2),
    ("near pairs", "near_pairs", 2),
    ("coverage", "coverage", 3),
    ("coverage, good", "coverage_good", 3),
    ("score", "score", 3),
    ("stability", "stability", 2),
)

_INTRODUCTION = f"""\
Videos are made of real footage with three good moments each, and with defects whose place is known: of every frame it
is known whether it is good or bad. Tuning and test videos have no footage in common; settings are chosen on the tuning
videos alone.

- **bad in top 1, top 3**: share of the first pick, of the first three, that shows a planted defect. Less is better.
- **recall at 3**: share of the three good moments that one of three picks shows. More is better.
- **near pairs**: pairs of picks per video that show one moment (or its duplicate) in pictures that are near: mean
  absolute difference of their 64x36 luma, each of mean 0 and deviation 1, below {NEAR} at the best of all shifts of up
  to {MAX_SHIFT} pixels. Less is better.
- **coverage**: mean over every fifth frame of the distance (1 - cosine of thumb-mini's embeddings) to the nearest of
  three picks, each of which is taken for the fifth frame next to it; **good**: over the good frames alone. Less is
  better.
- **score**: mean `combined_score` of ours' picks.
- **stability**: share of ours' picks whose moment (or kind of defect) is picked again where the file is encoded again,
  with other keyframes and CRF 30.

Values are means over the videos, in brackets the 95 % interval of the bootstrap over videos (1,000 draws). A contestant
that draws lots draws ten times. `first` and `middle` choose one frame only. `scenedetect_*` are the middles of
PySceneDetect's scenes, `tutorial_formula` the three candidates of ours with the greatest 0.40 clip + 0.35 sharpness +
0.25 quality, each measure stretched to 0..1 over the video, without reject rules or distances. `limit/*` are no
contestants but what no choice can pass: of every three candidates that ours does not reject, chosen by who knows the
truth, `all_found` is the best score where the most moments are found and the fewest pairs are near, `coverage` the best
coverage whatever else.

Bad is every frame outside a good moment and its duplicate. Neither good nor bad are {MARGIN} frames at either side of a
border, fading frames of at least {LEAST_LEVEL:.0%} of the shot's brightness, mixed frames where one shot has less than
{LEAST_SHARE:.0%}, and frames of a damaged stretch that look as they did before the damage."""


def render(results: Sequence[SplitResult], *, machine: str, command: str) -> str:
    """The whole page."""
    parts = ["# How well frames are chosen", f"`{command}`  \n{machine}", _INTRODUCTION]
    for result in results:
        parts += _split(result)
    parts += ["## Settings of ours", _settings(results), "## Footage", _footage(results)]
    return "\n\n".join(parts) + "\n"


def _split(result: SplitResult) -> list[str]:
    outcomes = list(result.outcomes.values())
    contestants = [outcome for outcome in outcomes if outcome.contestant not in LIMITS]
    num_frames = sum(video.truth.num_frames for video in result.videos)
    about = f"{len(result.videos)} videos, {num_frames / RATE / len(result.videos):.0f} s each on the average."
    parts = [f"## {result.split.capitalize()} videos", about, _measures_table(outcomes)]
    parts += ["Bad picks among the first three, by kind of defect, and the share of all frames that is of this kind:"]
    parts += [_kinds_table(result, contestants)]
    if result.determinism:
        parts.append("Determinism:\n\n" + "\n".join(f"- {name}: {text}." for name, text in result.determinism.items()))
    return parts


def _measures_table(outcomes: Sequence[Outcome]) -> str:
    columns = [measure for measure in _MEASURES if any(measure[1] in outcome.values for outcome in outcomes)]
    rows = [
        (outcome.contestant, *(_cell(outcome, name, digits) for _, name, digits in columns)) for outcome in outcomes
    ]
    return table(("contestant", *(heading for heading, _, _ in columns)), rows)


def _cell(outcome: Outcome, name: str, digits: int) -> str:
    found = outcome.interval(name)
    if found is None or math.isnan(found.mean):
        return ""
    return f"{found.mean:.{digits}f} ({found.low:.{digits}f}-{found.high:.{digits}f})"


def _kinds_table(result: SplitResult, outcomes: Sequence[Outcome]) -> str:
    num_frames = sum(video.truth.num_frames for video in result.videos)
    rows = []
    for kind in DEFECTS:
        num_bad = sum(
            video.truth.kinds[index] == kind and video.truth.is_bad(index)
            for video in result.videos
            for index in range(video.truth.num_frames)
        )
        if num_bad:
            picks = (f"{outcome.bad_kinds.get(kind, 0):.3g}" for outcome in outcomes)
            rows.append((kind, f"{num_bad / num_frames:.0%}", *picks))
    total = (f"{sum(outcome.bad_kinds.values()):.3g}" for outcome in outcomes)
    rows.append(("all", "", *total))
    return table(("kind", "of frames", *(outcome.contestant for outcome in outcomes)), rows)


def _settings(results: Sequence[SplitResult]) -> str:
    names = [name for name in STRATEGIES if any(name in result.outcomes for result in results)]
    texts = [", ".join(f"`{each}`" for each in STRATEGIES[name]) or "the default settings" for name in names]
    return "\n".join(f"- {name}: {text}" for name, text in zip(names, texts, strict=True)) or "Ours did not take part."


def _footage(results: Sequence[SplitResult]) -> str:
    splits = {result.split for result in results}
    rows = [
        (each.split, each.file, f"{each.start_seconds:.1f}-{each.end_seconds:.1f}", each.scene, each.note)
        for each in STRETCHES
        if each.split in splits
    ]
    return table(("split", "file", "seconds", "scene", "what is seen"), rows)
