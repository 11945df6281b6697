"""Ours' choice from stored candidates of labelled clips, under any setting: scored once, chosen many times."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from benchmarks.footage.labels import Clip
from benchmarks.footage.measures import Counts, K, count
from benchmarks.selection.picks import Pick
from thumb_assets.select.choose import pick
from thumb_assets.select.measure import CandidateArrays, joined
from thumb_assets.settings.selection import SelectionSettings


class Choices:
    """Labelled clips with their candidates.

    Args:
        clips: labelled ones.
        measured: of each its candidates, in the same order, one video each.
    """

    def __init__(self, clips: Sequence[Clip], measured: Sequence[CandidateArrays]) -> None:
        self.clips, self._measured = clips, measured
        self.candidates = joined(measured)
        # By number of picks: the clips that are asked for so many, and their candidates.
        self._asked: dict[int, tuple[list[int], CandidateArrays]] = {K: (list(range(len(clips))), self.candidates)}
        self._screens: dict[int, tuple[list[int], CandidateArrays]] = {}
        for number in sorted({clip.num_screens for clip in clips if clip.has_screens}):
            places = [at for at, clip in enumerate(clips) if clip.has_screens and clip.num_screens == number]
            self._screens[number] = (places, joined([measured[at] for at in places]))

    def counts(self, settings: SelectionSettings) -> list[Counts]:
        """Counts of each clip."""
        chosen = self._chosen(self._asked, settings)
        screens = self._chosen(self._screens, settings)
        return [count(clip, chosen[at], screens.get(at, ())) for at, clip in enumerate(self.clips)]

    def with_values(self, values: Mapping[str, npt.NDArray[np.float64]]) -> "Choices":
        """The same clips with other values of their candidates, (N,) each, by name out of `CandidateArrays.values`."""
        spans = [self.candidates.span(video) for video in range(len(self.clips))]
        own = [{name: each[span] for name, each in values.items()} for span in spans]
        changed = [replace(one, values={**one.values, **other}) for one, other in zip(self._measured, own, strict=True)]
        return Choices(self.clips, changed)

    @staticmethod
    def _chosen(
        asked: Mapping[int, tuple[list[int], CandidateArrays]], settings: SelectionSettings
    ) -> dict[int, list[Pick]]:
        chosen = {}
        for number, (places, measured) in asked.items():
            picks = pick(measured, settings=settings.model_copy(update={"top_k": number}))
            for at, positions in zip(places, picks.chosen, strict=True):
                chosen[at] = [
                    Pick(int(measured.frame_indices[each]), float(picks.scores.combined[each])) for each in positions
                ]
        return chosen
