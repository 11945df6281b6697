"""The measures on orders that can be told by hand, and the rule of who wins."""

import numpy as np
import pytest

from thumb_assets.learn.compare import Compared, Estimate, compare, is_better, precision_at, srcc

UP = np.array([0.0, 1.0, 2.0, 3.0])
Numbers = tuple[float | None, float | None]


def compared_by(at_3: Numbers, srcc: Numbers, *, learned: Numbers = (0.5, 0.1)) -> dict[str, Compared]:
    """Differences of the two measures, and the learned order's own SRCC: each a mean and its standard error."""
    own = Estimate(*learned)
    return {"precision@3": Compared(own, own, Estimate(*at_3)), "srcc": Compared(own, own, Estimate(*srcc))}


def test_the_measures_know_a_perfect_order_and_its_opposite() -> None:
    assert srcc(UP * 10, UP) == pytest.approx(1)
    assert srcc(-UP, UP) == pytest.approx(-1)
    assert srcc(np.zeros(4), UP) == 0
    assert precision_at(UP, UP, k=1) == 1
    assert precision_at(UP, UP, k=3) == pytest.approx(2 / 3)
    assert precision_at(-UP, UP, k=1) == 0
    assert precision_at(UP[:2], UP[:2], k=3) == 0.5


def test_means_are_over_units_and_a_unit_without_an_order_does_not_count() -> None:
    targets = np.array([0.0, 1.0, 0.0, 1.0, 1.0, 1.0])
    units = np.array([0, 0, 1, 1, 2, 2])
    learned, hand_made = np.array([1, 2, 2, 1, 1, 2.0]), np.array([2, 1, 2, 1, 1, 2.0])
    compared = compare(learned, hand_made, targets, units=units)
    for name, expected in {"learned": (0, 1), "hand_made": (-1, 0), "difference": (1, 1)}.items():
        estimate = getattr(compared["srcc"], name)
        assert (estimate.mean, estimate.standard_error) == pytest.approx(expected)
    assert compared["precision@1"].learned.mean == 0.5


@pytest.mark.parametrize(
    ("at_3", "srcc_difference", "wins"),
    [
        ((0.2, 0.1), (0.0, 0.1), True),
        ((0.0, 0.0), (0.3, 0.1), True),
        ((0.2, 0.1), (-0.01, 0.1), False),
        ((0.05, 0.1), (0.05, 0.1), False),
        ((0.0, 0.0), (0.0, 0.0), False),
        ((0.2, None), (0.2, None), False),
        ((None, None), (None, None), False),
    ],
)
def test_both_must_hold_and_one_be_clear(at_3: Numbers, srcc_difference: Numbers, wins: bool) -> None:
    assert is_better(compared_by(at_3, srcc_difference)) is wins


@pytest.mark.parametrize("learned", [(0.1, 0.06), (-0.1, 0.01), (0.5, None)])
def test_what_has_learned_nothing_never_wins(learned: Numbers) -> None:
    assert not is_better(compared_by((0.3, 0.1), (0.3, 0.1), learned=learned))
