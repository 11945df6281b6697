"""Finding a setting by labelled clips: the space, the search in it, and what it is worth on sources left out.

Pure functions of counts: whoever calls says how a setting is counted.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from benchmarks.footage.measures import Counts

# Settings that differ from the defaults, ascending by name, each with its value; () is the defaults.
Setting = tuple[tuple[str, float], ...]
FloatArray = npt.NDArray[np.float64]

# What a count is worth. A bad pick in front is seen by everybody; a repeat only wastes a place.
POINTS: Mapping[str, float] = {"first_bad": -3, "bad": -1, "moments": 1, "repeats": -0.5, "screens": 0.5}
# A step has to gain more than so many standard errors over the sources: of many steps some seem to gain by luck.
NUM_ERRORS = 2.0
# Of the settings that a draw may change, so many are changed on the average.
_SHARE_CHANGED = 0.3


def numbers(counts: Sequence[Counts]) -> dict[str, int]:
    """Sums over clips, by the names in POINTS, and what they are of."""
    return {
        "first_bad": sum(each.is_first_bad for each in counts),
        "bad": sum(len(each.bad_ranks) for each in counts),
        "picks": sum(each.num_picks for each in counts),
        "moments": sum(each.num_found for each in counts),
        "findable": sum(each.num_findable for each in counts),
        "repeats": sum(each.num_repeats for each in counts),
        "screens": sum(each.num_screens_found for each in counts),
        "all_screens": sum(each.num_screens for each in counts),
    }


def points(counts: Sequence[Counts]) -> float:
    """The objective; more is better."""
    found = numbers(counts)
    return float(sum(worth * found[name] for name, worth in POINTS.items()))


def changed(setting: Setting, name: str, value: float, *, defaults: Mapping[str, float]) -> Setting:
    """The setting with another value of one name; a value that is the default stands in no setting.

    >>> changed((("a", 2.0),), "b", 5, defaults={"a": 1, "b": 4})
    (('a', 2.0), ('b', 5))
    >>> changed((("a", 2.0),), "a", 1, defaults={"a": 1})
    ()
    """
    values = dict(setting) | {name: value}
    return tuple(sorted((key, each) for key, each in values.items() if each != defaults[key]))


def drawn(
    space: Mapping[str, Sequence[float]], defaults: Mapping[str, float], *, number: int, seed: int
) -> list[Setting]:
    """So many settings by lot, each of which changes about a third of the names."""
    generator = np.random.default_rng(seed)
    settings = []
    for _ in range(number):
        setting: Setting = ()
        for name, values in space.items():
            if generator.random() < _SHARE_CHANGED:
                setting = changed(setting, name, float(generator.choice(values)), defaults=defaults)
        settings.append(setting)
    return settings


@dataclass(frozen=True)
class Validated:
    """A way of finding settings, judged.

    Attributes:
        setting: found on all clips.
        counts: of that setting, by clip: these clips chose it, so it flatters itself.
        by_source: found on all other sources, by the source that was left out.
        left_out: counts of each clip under the setting that its source had no say in.
    """

    setting: Setting
    counts: Sequence[Counts]
    by_source: Mapping[str, Setting]
    left_out: Sequence[Counts]


class Tuner:
    """Searches among settings.

    Args:
        sources: of each clip; clips of one source are not independent.
        count: counts of each clip under a setting.
        space: values to try, by name.
        defaults: of the same names.
        draws: settings by lot, for `best`.
    """

    def __init__(
        self,
        sources: Sequence[str],
        count: Callable[[Setting], Sequence[Counts]],
        *,
        space: Mapping[str, Sequence[float]],
        defaults: Mapping[str, float],
        draws: Sequence[Setting] = (),
    ) -> None:
        self._sources, self._count, self._space, self._defaults, self._draws = sources, count, space, defaults, draws
        self._names, self._source_of = np.unique(sources, return_inverse=True)
        self._counted: dict[Setting, Sequence[Counts]] = {}

    @property
    def num_tried(self) -> int:
        """Settings that were counted."""
        return len(self._counted)

    def counts(self, setting: Setting) -> Sequence[Counts]:
        """Counts by clip; each setting is counted once."""
        if setting not in self._counted:
            self._counted[setting] = self._count(setting)
        return self._counted[setting]

    def gain(
        self, setting: Setting, other: Setting = (), *, is_kept: npt.NDArray[np.bool_] | None = None
    ) -> FloatArray:
        """(2,) points of a setting above another one, and their standard error over the sources that are kept."""
        own, others = (np.array([points([each]) for each in self.counts(one)]) for one in (setting, other))
        by_source = np.bincount(self._source_of, own - others, len(self._names))
        kept = by_source if is_kept is None else by_source[is_kept]
        error = np.sqrt(len(kept)) * kept.std(ddof=1) if len(kept) > 1 else np.inf
        return np.array([kept.sum(), error])

    def neighbours(self, setting: Setting) -> Iterator[Setting]:
        """Settings that differ in one name."""
        near = (
            changed(setting, name, value, defaults=self._defaults) for name, own in self._space.items() for value in own
        )
        yield from (each for each in dict.fromkeys(near) if each != setting)

    def by_steps(self, is_kept: npt.NDArray[np.bool_] | None = None) -> Setting:
        """From the defaults on, each time the one change that gains most, while it gains more than noise."""
        setting: Setting = ()
        while True:
            gains = {each: self.gain(each, setting, is_kept=is_kept) for each in self.neighbours(setting)}
            better = {each: gain for each, (gain, error) in gains.items() if gain > NUM_ERRORS * error}
            if not better:
                return setting
            setting = max(better, key=lambda each: (better[each], -len(each)))

    def best(self, is_kept: npt.NDArray[np.bool_] | None = None) -> Setting:
        """The most points of the defaults, of all that differ from them in one name and of the draws, noise or not."""
        tried = dict.fromkeys(chain([()], self.neighbours(()), self._draws))
        return max(tried, key=lambda each: (self.gain(each, is_kept=is_kept)[0], -len(each)))

    def validated(self, find: Callable[[npt.NDArray[np.bool_] | None], Setting]) -> Validated:
        """Finds a setting on all sources, then one for each source without it."""
        chosen = find(None)
        by_source = {
            str(name): find(np.arange(len(self._names)) != place) for place, name in enumerate(self._names.tolist())
        }
        left_out = [self.counts(by_source[source])[clip] for clip, source in enumerate(self._sources)]
        return Validated(chosen, self.counts(chosen), by_source, left_out)
