"""Facts about metrics: direction, bounds, need of a reference picture, need of weights."""

# Pinned, so that a release of pyiqa that drops or flips a flag cannot turn a selection upside down; from the metrics'
# papers by way of pyiqa 0.1.16's model card, checked against it in the tests.
LOWER_IS_BETTER = frozenset(
    {
        "piqe",
        "niqe",
        "niqe_matlab",
        "ilniqe",
        "brisque",
        "brisque_matlab",
        "pi",
        "fid",
        "sfid",
        "fid_dinov2",
        "afine_nr",
    }
)
# pyiqa counts these as no-reference, but they take folders of pictures or a caption.
NEEDS_MORE_THAN_A_PICTURE = frozenset({"fid", "sfid", "fid_dinov2", "inception_score", "clipscore"})
# Computed in float64, which Apple's GPUs do not have.
NEEDS_FLOAT64 = frozenset({"niqe", "niqe_matlab", "ilniqe", "brisque_matlab", "nrqm", "pi"})
# Formulas without a neural net (at most a regression on top), made for full precision: it is always fp32 or more.
HAND_CRAFTED = NEEDS_FLOAT64 | {"piqe", "brisque", "entropy"}


def is_lower_better(name: str, *, reported: bool | None) -> bool:
    """The direction of a metric: the pinned one, else what the library reports (None counts as higher is better).

    >>> is_lower_better("piqe", reported=None), is_lower_better("musiq", reported=None)
    (True, False)
    """
    return name in LOWER_IS_BETTER or bool(reported)


def parse_range(text: str | None) -> tuple[float | None, float | None]:
    """The exact bounds in pyiqa's notation `low, high`; None for one that is open or, with `~`, only approximate.

    >>> parse_range("0, 100"), parse_range("~0, ~150"), parse_range("0, ~"), parse_range(None)
    ((0.0, 100.0), (None, None), (0.0, None), (None, None))
    """
    parts = [part.strip() for part in (text or "").split(",")]
    if len(parts) != 2:
        return None, None
    low, high = (None if not part or part.startswith("~") else float(part) for part in parts)
    return low, high
