"""Decisions of people in the choice: covers, and frames that look like a banned one."""

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
