"""The Markdown page: every contestant over all clips, then ours by kind of footage and by source, and the worst."""

import math
from collections import Counter
from collections.abc import Callable, Sequence

from benchmarks.footage.choosers import GAP_SECONDS, OF_ONE
from benchmarks.footage.compare import OURS, STRATEGIES, Outcome, Result, worst_first
from benchmarks.footage.labels import Clip
from benchmarks.footage.measures import Counts, K
from benchmarks.page import table
from benchmarks.selection.measures import Interval

NUM_WORST = 20
_HEADINGS = ("bad in top 1", f"bad in top {K}", f"moments found at {K}", "near pairs", "repeats")

_INTRODUCTION = f"""\
Clips of the kinds that people have, labelled by eye frame by frame: frames that nobody would take while better ones of
the clip exist, moments that one would want, moments that look alike, distinct screens. Nothing is planted.

- **bad in top 1, top {K}**: first picks, and picks among the first {K}, that nobody would take. Less is better.
- **moments found at {K}**: distinct moments that {K} picks show, of those that {K} picks can show. More is better.
- **near pairs**: pairs of the {K} picks that show one moment or two that look alike; **repeats**: picks that show
  nothing but what another one shows. Less is better.
- **screens found**: distinct screens shown, in recordings of slides and screens, by as many picks as there are screens.
- **CPU**: seconds per minute of footage, start and models included; empty where the picks follow from ours' tables.

In brackets is the 95 % interval of the bootstrap over clips (2,000 draws); a share is the sum over clips of what is
counted by the sum of what there is. `middle` has one pick, `scenedetect` the middles of PySceneDetect's scenes, evenly
over the clip; `sharpest` takes ours' candidates with the greatest variances of the Laplacian, `tutorial_formula` those
with the greatest 0.40 clip + 0.35 sharpness + 0.25 quality, {GAP_SECONDS:.0f} s apart."""


_CAUSES = """\
What the choice does about each cause of bad picks, and what becomes of ours' choice from the same candidates without it
(`benchmarks/footage/causes.py`)."""

_FACES = """\
A whole, open-eyed face: a clear one (`selection.clear_face_*`, not turned away) that lies in the picture with all of
its box and whose eyes are at least half open by what is usual in the video. The measures of table `faces` decide, no
label."""


def render(
    result: Result, *, machine: str, command: str, looks: str, causes: str = "", tuning: str = "", faces: str = ""
) -> str:
    """The whole page.

    Args:
        looks: how often the figures were looked at, a sentence.
        causes: what each cause of bad choices costs, a table.
        tuning: how the settings were found.
        faces: first picks with a whole, open-eyed face, a sentence and a table.
    """
    parts = ["# Choice on real footage", f"`{command}`  \n{machine}", _INTRODUCTION, _about(result.clips, looks)]
    parts += ["## All clips", _contestants(result)]
    ours = result.outcomes.get(OURS)
    if ours is not None:
        others = [each for name, each in result.outcomes.items() if name not in STRATEGIES and name not in OF_ONE]
        best = min(others, key=lambda each: each.total(_num_bad, result.clips), default=None)
        parts += ["## By rank", _by_rank(ours, result.clips)]
        compared = [ours, *([best] if best else [])]
        parts += [
            "## By kind of footage",
            _grouped(result.clips, "kind of footage", lambda clip: clip.family, compared),
        ]
        parts += ["## By source", _grouped(result.clips, "source", lambda clip: clip.source, [ours])]
        if faces:
            parts += ["## Open-eyed faces", _FACES, faces]
        if causes:
            parts += ["## Each cause undone", _CAUSES, causes]
        if tuning:
            parts += ["## How the settings were found", tuning]
        parts += [f"## The {NUM_WORST} worst", _worst(result)]
    return "\n\n".join(parts) + "\n"


def figures(outcome: Outcome, clips: Sequence[Clip]) -> dict[str, str]:
    """The counts of one contestant, for the record of looks."""
    cells = (*_cells(outcome, clips, with_interval=False), _screens(outcome, clips, with_interval=False))
    return dict(zip((*_HEADINGS, "screens found"), cells, strict=True))


def _about(clips: Sequence[Clip], looks: str) -> str:
    frames, seconds = sum(clip.num_frames for clip in clips), sum(clip.seconds for clip in clips)
    sources = len({clip.source for clip in clips})
    return f"{len(clips)} clips from {sources} sources, {frames:,} frames, {seconds:,.0f} s. {looks}"


def _contestants(result: Result) -> str:
    clips = result.clips
    minutes = sum(clip.seconds for clip in clips) / 60
    rows = []
    for name, outcome in result.outcomes.items():
        cost = "" if outcome.cpu_seconds is None else f"{outcome.cpu_seconds / minutes:.1f}"
        rows.append((name, *_cells(outcome, clips), _screens(outcome, clips), cost))
    return table(("contestant", *_HEADINGS, "screens found", "CPU"), rows)


def _cells(outcome: Outcome, clips: Sequence[Clip], *, with_interval: bool = True) -> tuple[str, ...]:
    def cell(part: Callable[[Counts], float], whole: Callable[[Counts], float]) -> str:
        counted = f"{outcome.total(part, clips)} of {outcome.total(whole, clips)}"
        return counted + (_share(outcome.share(part, whole, clips)) if with_interval else "")

    def number(part: Callable[[Counts], float]) -> str:
        found = outcome.share(part, lambda _: 1, clips)
        interval = f" ({found.low * len(clips):.0f}-{found.high * len(clips):.0f})" if with_interval else ""
        return f"{outcome.total(part, clips)}{interval}"

    return (
        cell(lambda counts: counts.is_first_bad, lambda counts: counts.num_picks > 0),
        cell(_num_bad, lambda counts: counts.num_picks),
        cell(lambda counts: counts.num_found, lambda counts: counts.num_findable),
        number(lambda counts: counts.num_near_pairs),
        number(lambda counts: counts.num_repeats),
    )


def _screens(outcome: Outcome, clips: Sequence[Clip], *, with_interval: bool = True) -> str:
    recordings = [clip for clip in clips if clip.has_screens]
    if not recordings:
        return ""
    found, there = (lambda counts: counts.num_screens_found), (lambda counts: counts.num_screens)
    counted = f"{outcome.total(found, recordings)} of {outcome.total(there, recordings)}"
    return counted + (_share(outcome.share(found, there, recordings)) if with_interval else "")


def _share(found: Interval) -> str:
    return "" if math.isnan(found.mean) else f", {found.mean:.0%} ({found.low:.0%}-{found.high:.0%})"


def _num_bad(counts: Counts) -> int:
    return len(counts.bad_ranks)


def _by_rank(outcome: Outcome, clips: Sequence[Clip]) -> str:
    rows = []
    for rank in range(1, K + 1):
        there = outcome.total(lambda counts, rank=rank: counts.num_picks >= rank, clips)
        bad = outcome.total(lambda counts, rank=rank: rank in counts.bad_ranks, clips)
        rows.append((str(rank), str(there), str(bad)))
    return table(("rank", "picks", "bad"), rows)


def _grouped(clips: Sequence[Clip], heading: str, group_of: Callable[[Clip], str], outcomes: Sequence[Outcome]) -> str:
    groups: dict[str, list[Clip]] = {}
    for clip in clips:
        groups.setdefault(group_of(clip), []).append(clip)
    rows = []
    for group, own in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        for outcome in outcomes:
            cells = _cells(outcome, own, with_interval=False)
            rows.append((group, str(len(own)), outcome.contestant, *cells, _screens(outcome, own, with_interval=False)))
    return table((heading, "clips", "contestant", *_HEADINGS, "screens found"), rows)


def _worst(result: Result) -> str:
    """By clip: each pick's label, and the moments that were missed with what became of their candidates."""
    ours = result.outcomes[OURS]
    rows = []
    for clip in worst_first(result)[:NUM_WORST]:
        counts = ours.counts[clip.name]
        picks = "; ".join(f"{pick.frame_index} {clip.label(pick.frame_index)}" for pick in ours.picks[clip.name][:K])
        lines = [f"{text} ({fate})" for text, fate in missed_moments(result, clip).items()]
        missed = "; ".join(lines) if counts.num_found < counts.num_findable else ""
        rows.append((clip.name, clip.kind, _text(picks), _text(missed)))
    return table(("clip", "kind", "picks", "moments missed, and their candidates"), rows)


def missed_moments(result: Result, clip: Clip) -> dict[str, str]:
    """By name of each moment that no pick shows: what became of the candidates that show it, by reason."""
    ours, tables = result.outcomes[OURS], result.tables.get(clip.name, {})
    shown = {clip.moment_of(pick.frame_index) for pick in ours.picks[clip.name][:K]}
    rejected = tables["rejections"].to_pylist() if "rejections" in tables else []
    fates = {}
    for span in clip.good:
        if clip.moment_of(span.start) not in shown:
            reasons = Counter(row["reason"] for row in rejected if row["frame_index"] in span)
            fates[span.text] = ", ".join(f"{number} {reason}" for reason, number in reasons.most_common())
    return {text: fate or "no candidate" for text, fate in fates.items()}


def _text(cell: str) -> str:
    return cell.replace("|", "/").replace("\n", " ")
