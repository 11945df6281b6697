"""Decisions of people in the choice: covers, and frames that look like a banned one."""

from dataclasses import replace

import numpy as np
import pytest

from thumb_assets.settings.selection import ComponentWeights, SelectionSettings
from thumb_assets_tests.unit.select.builders import (
    Case,
    by_frame,
    candidates_table,
    clip_table,
    decisions_table,
    one_hot,
    ranking,
    sharpness_table,
)

SETTINGS = SelectionSettings(top_k=2, shot_weight=0, weights=ComponentWeights(contrast=0.0, clip=0.0))
SECONDS = {place: place * 10 * SETTINGS.min_gap_seconds for place in range(5)}
RISING = {place: float(place + 1) for place in range(5)}


def decided(decisions: dict[int, str], *, alike: tuple[int, ...] = (), **values: object) -> Case:
    """Candidates of which the later is the better; those that are alike show the same."""
    embeddings = one_hot(range(5))
    if alike:
        embeddings |= dict.fromkeys(alike, embeddings[alike[0]])
    return Case(
        candidates_table(SECONDS),
        sharpness_table(RISING),
        clip_scores=clip_table(dict.fromkeys(range(5), 0.0), embeddings=embeddings),
        settings=SETTINGS.model_copy(update=values),
        decisions=decisions_table(decisions),
    )


def test_a_cover_outranks_better_frames_and_pins():
    assert ranking(decided({0: "pin"}).choose()) == [4, 0]
    choice = decided({0: "cover", 4: "pin"}).choose()
    assert ranking(choice) == [0, 4]
    assert by_frame(choice.selections)[0]["reason"].endswith("chosen as the cover")
    assert ranking(decided({0: "cover"}, strategy="keyframes").choose())[0] == 0


def test_nothing_like_a_banned_frame_takes_its_place():
    assert ranking(decided({4: "ban"}).choose()) == [3, 2]
    choice = decided({4: "ban"}, alike=(3, 4)).choose()
    assert ranking(choice) == [2, 1]
    assert by_frame(choice.rejections)[3]["reason"] == "like_banned"
    assert ranking(decided({4: "ban", 3: "pin"}, alike=(3, 4)).choose()) == [3, 2]


def test_where_all_look_like_a_banned_frame_others_of_them_are_taken():
    choice = decided({4: "ban"}, alike=(0, 1, 2, 3, 4)).choose()
    assert ranking(choice)[0] == 3


@pytest.mark.parametrize("seed", range(6))
def test_a_decision_for_a_chosen_frame_leaves_the_others(seed):
    rng = np.random.default_rng(seed)
    vectors = rng.random((12, 4))  # a choice that begins with another frame looks for the others elsewhere
    case = Case(
        candidates_table({place: place * 3.0 for place in range(12)}),
        sharpness_table(dict(enumerate(rng.random(12).tolist()))),
        clip_scores=clip_table(dict.fromkeys(range(12), 0.0), embeddings=dict(enumerate(vectors.tolist()))),
        settings=SETTINGS.model_copy(update={"top_k": 4, "diversity_weight": 0.7}),
    )

    def chosen(decisions: dict[int, str]) -> list[int]:
        return ranking(replace(case, decisions=decisions_table(decisions)).choose())

    natural = chosen({})
    for frame in natural:
        assert chosen({frame: "pin"}) == natural
        assert chosen({frame: "cover"}) == [frame, *(other for other in natural if other != frame)]
    # A pin of another frame forces that one alone.
    pinned = next(frame for frame in range(12) if frame not in natural)
    with_pin = chosen({pinned: "pin"})
    others = [frame for frame in with_pin if frame != pinned]
    assert chosen({pinned: "pin", others[0]: "pin"}) == with_pin
    assert sorted(chosen({pinned: "pin", others[-1]: "cover"})) == sorted(with_pin)
