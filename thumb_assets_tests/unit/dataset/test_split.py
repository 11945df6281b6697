"""Groups are dealt whole, near to their shares, the same way each time."""

from hypothesis import given
from hypothesis import strategies as st

from thumb_assets.dataset.split import deal

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
SIZES = st.dictionaries(st.text("abcdef", min_size=1, max_size=4), st.integers(1, 30), min_size=1, max_size=40)


@given(SIZES, st.integers(0, 5))
def test_each_group_is_in_one_split_and_no_split_is_more_than_a_group_too_full(
    sizes: dict[str, int], seed: int
) -> None:
    dealt = deal(sizes, SHARES, seed=seed)
    assert set(dealt) == set(sizes)
    total = sum(sizes.values())
    for split, share in SHARES.items():
        own = [size for group, size in sizes.items() if dealt[group] == split]
        assert sum(own) <= share * total + max(sizes.values())


@given(SIZES, st.integers(0, 5))
def test_the_order_in_which_groups_come_does_not_matter(sizes: dict[str, int], seed: int) -> None:
    assert deal(dict(reversed(sizes.items())), SHARES, seed=seed) == deal(sizes, SHARES, seed=seed)


def test_many_equal_groups_have_the_shares_and_another_seed_deals_others() -> None:
    sizes = {f"v{number}": 3 for number in range(200)}
    first = deal(sizes, SHARES, seed=0)
    assert {split: list(first.values()).count(split) for split in SHARES} == {
        "train": 160,
        "validation": 20,
        "test": 20,
    }
    assert deal(sizes, SHARES, seed=1) != first


def test_a_split_without_a_share_gets_nothing() -> None:
    assert set(deal({"a": 1, "b": 2}, {"train": 1.0, "test": 0.0}, seed=0).values()) == {"train"}
