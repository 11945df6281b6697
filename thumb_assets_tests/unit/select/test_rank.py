import numpy as np
import pytest

from thumb_assets.select.ranks import groups_of, percentile_ranks


def test_worst_gets_one_nth_and_best_gets_one():
    assert percentile_ranks(np.array([3.0, 1.0, 2.0, 4.0])).tolist() == [0.75, 0.25, 0.5, 1.0]


def test_lone_value_is_the_best_there_is():
    assert percentile_ranks(np.array([np.nan, 7.0]))[1] == 1.0


def test_ties_share_their_average_rank():
    assert percentile_ranks(np.array([5.0, 5.0, 5.0])).tolist() == pytest.approx([2 / 3] * 3)


def test_nan_stays_and_does_not_count():
    ranks = percentile_ranks(np.array([1.0, np.nan, 2.0]))
    assert np.isnan(ranks[1])
    assert ranks[[0, 2]].tolist() == [0.5, 1.0]


def test_each_group_has_its_own_ranks_in_whatever_order_it_comes():
    values = np.array([5.0, 1.0, np.nan, 9.0, 5.0, 2.0])
    ranks = percentile_ranks(values, groups=np.array([1, 0, 0, 1, 1, 3]))
    assert ranks[[0, 3, 4]].tolist() == pytest.approx([0.5, 1.0, 0.5])
    assert ranks[[1, 5]].tolist() == [1.0, 1.0]
    assert np.isnan(ranks[2])


def test_groups_name_each_element_s_own_and_pass_over_empty_ones():
    assert groups_of(np.array([0, 0, 3, 3, 4])).tolist() == [1, 1, 1, 3]
    assert groups_of(np.array([0])).tolist() == []


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_no_value_gives_no_rank(values):
    ranks = percentile_ranks(np.array(values, dtype=np.float64))
    assert len(ranks) == len(values)
    assert np.isnan(ranks).all()
