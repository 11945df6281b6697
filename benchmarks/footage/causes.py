"""The causes of bad choices on real footage, each with what was done and the settings that undo it.

The one list of them: each row of the page's table is ours with one of them undone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.footage.choices import Choices
from benchmarks.footage.tuned import HEADINGS, cells
from benchmarks.footage.tuning import numbers
from benchmarks.page import table
from thumb_assets.settings.selection import SelectionSettings


@dataclass(frozen=True)
class Cause:
    """Something that made choices bad.

    Attributes:
        done: what the choice does about it by default, in words.
        undone: settings of `selection` under which it does not.
    """

    done: str
    undone: tuple[str, ...]


CAUSES: Mapping[str, Cause] = {
    "diversity picks outliers": Cause(
        "a selection needs a share of the video's best score", ("selection.min_share_of_best=0",)
    ),
    "percentiles hide how bad the worst is": Cause(
        "rules of sharp edges, motion and sharpness hold what is wrong by itself",
        (
            "selection.reject.min_acutance=0",
            "selection.reject.min_sharpness_of_median=0",
            "selection.reject.max_motion=255",
        ),
    ),
    "empty scenes win": Cause(
        "stillness of the scene and the percentile within the shot count nothing",
        ("selection.weights.stillness=0.2", "selection.shot_weight=0.6"),
    ),
    "empty scenes win, once more": Cause("a subject that is whole counts", ("selection.weights.subject=0",)),
    "people are turned away": Cause(
        "a frame without a face in a shot of faces is rejected, clear faces add a little",
        ("selection.reject.turned_away_share=1", "selection.face_bonus=0"),
    ),
    "the embedding knows defects, not content": Cause(
        "likeness is mostly of gradients and colours", ("selection.similarity.descriptor_weight=0",)
    ),
    "pictures of screens are taken for scenes": Cause(
        "recordings of screens are chosen from by their states", ("selection.screens=off",)
    ),
    "rules of degree lose whole shots": Cause(
        "one such rule drops a part of the candidates at most", ("selection.reject.max_share=1",)
    ),
}


def effects(choices: Choices, settings_of: Callable[[tuple[str, ...]], SelectionSettings]) -> str:
    """A table: ours, then ours with each cause undone.

    Args:
        choices: labelled clips with their candidates.
        settings_of: ours' settings with overrides on top.
    """
    rows = [("*none*", "", *_cells(choices, settings_of(())))]
    rows += [(name, cause.done, *_cells(choices, settings_of(cause.undone))) for name, cause in CAUSES.items()]
    return table(("cause", "what is done, undone here", *HEADINGS), rows)


def _cells(choices: Choices, settings: SelectionSettings) -> tuple[str, ...]:
    return cells(numbers(choices.counts(settings)))
