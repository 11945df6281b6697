"""The bench that every section gets: settings, clips, number of repetitions, and where to report progress."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.clips import ClipShelf
from benchmarks.findings import Findings
from benchmarks.measure import Entry, Measurement, Start, measure
from thumb_assets.settings.load import PROFILES, Settings, load_settings

# CPU seconds are compared, so the models stay on the CPU; only candidates are scored, as by default.
CPU_OVERRIDES = ("clip.device=cpu", "iqa.device=cpu", "shots.device=cpu", "iqa.scope=candidates")
_STAGE_NOTES = {
    "faces": "Left out: faces (off, or its model is not here).",
    "subjects": "Left out: subjects (off, or its model is not here).",
    "texts": "Left out: texts (off, or its models are not here).",
    "clip_scores": "Left out: clip_scores (no CLIP weights here; `thumb-assets models list` says how to supply them).",
    "iqa_scores": "Left out: iqa_scores (needs the extra `iqa`, and weights for some metrics).",
}


@dataclass(frozen=True)
class Bench:
    """The bench.

    Attributes:
        num_runs: repetitions of what a target depends on.
        overrides: settings of the user's, on top of the default ones.
        on_step: told what is done next.
    """

    shelf: ClipShelf
    num_runs: int
    overrides: Sequence[str]
    on_step: Callable[[str], None]

    @property
    def is_quick(self) -> bool:
        """True if it is only to be shown that everything works."""
        return self.shelf.is_quick

    @property
    def few_runs(self) -> int:
        """Repetitions of what is long and near to no limit."""
        return min(3, self.num_runs)

    def settings(self, *more: str, profile: str = "default") -> Settings:
        """A profile with the user's overrides, the models on the CPU, and what a section wants besides."""
        return load_settings(profile, [*self.overrides, *CPU_OVERRIDES, *more])

    def measure(self, what: str, entries: Sequence[Entry], *, num_runs: int | None = None) -> Measurement:
        """Measures contestants, in turn."""
        return measure(
            entries, num_runs=num_runs or self.num_runs, on_sample=lambda name: self.on_step(f"{what}: {name}")
        )


Section = Callable[[Bench], Findings]


def has_profile(name: str) -> bool:
    """True if the project has a profile of that name."""
    return name in PROFILES


def left_out(measurements: Sequence[Measurement]) -> list[str]:
    """A note for each stage that a contestant had to leave out."""
    starts: list[Start] = [start for found in measurements for start in found.starts.values()]
    return [_STAGE_NOTES[stage] for stage in sorted({stage for start in starts for stage in start.unavailable})]
