"""Ours under other settings: name -> overrides, as `--set` takes them, on top of the default profile."""

from collections.abc import Mapping

# What the page compares; another setting needs one line here.
STRATEGIES: Mapping[str, tuple[str, ...]] = {
    "ours": (),
    # The best scores, wherever they are: no gap, no shot of its own.
    "ours/top_scores_only": (
        "selection.diversify=none",
        "selection.min_gap_seconds=0",
        "selection.distinct_shots=false",
    ),
    "ours/mmr": ("selection.diversify=mmr",),
    "ours/keyframes": ("selection.strategy=keyframes",),
    "ours/clean_composition": ("selection.preset=clean_composition",),
    "ours/action": ("selection.preset=action",),
    "ours/high_contrast": ("selection.preset=high_contrast",),
    "ours/dataset": ("selection.preset=dataset", "selection.top_k=3"),
}


# Every candidate that no reject rule drops is chosen, so that each has its score in the table.
EVERY_CANDIDATE = ("selection.top_k=1000", "selection.min_share_of_best=0", *STRATEGIES["ours/top_scores_only"])
