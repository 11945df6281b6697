"""Deals groups of videos to the splits of a dataset; a group is never parted."""

import hashlib
from collections.abc import Mapping


def deal(sizes: Mapping[str, int], shares: Mapping[str, float], *, seed: int) -> dict[str, str]:
    """The split of each group, so that the splits come near to their shares of all stills.

    Groups that would fill the smallest split alone go first, the largest of them before the others; the rest follow in
    an order that the seed draws, and each goes to where most is lacking. The same groups are dealt the same way.

    Args:
        sizes: stills by group.
        shares: by split, 0 or more, of any sum.

    >>> dealt = deal({f"v{n}": 1 for n in range(10)}, {"train": 8, "test": 2}, seed=0)
    >>> sorted(dealt.values()).count("test")
    2
    """
    total, whole = sum(sizes.values()), sum(shares.values())
    wanted = {split: total * share / whole for split, share in shares.items() if share > 0}
    least = min(wanted.values())

    def place(group: str) -> tuple[int, str]:
        drawn = hashlib.sha256(f"{seed} {group}".encode()).hexdigest()
        return (-sizes[group] if sizes[group] > least else 0), drawn

    dealt: dict[str, str] = {}
    lacking = dict(wanted)
    for group in sorted(sizes, key=place):
        split = max(lacking, key=lacking.__getitem__)  # the first of equals
        dealt[group] = split
        lacking[split] -= sizes[group]
    return dealt
