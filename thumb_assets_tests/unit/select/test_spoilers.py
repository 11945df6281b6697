"""No choice shows the end of a story or foretells it; planted finales are never chosen."""

from collections.abc import Sequence

import numpy as np
import pytest

from thumb_assets.select.choose import Choice
from thumb_assets.select.spoilers import LEAST_FORETELLING, likeness_to_end, story_places
from thumb_assets.select.tell import sentence_of
from thumb_assets.settings.selection import SelectionSettings
from thumb_assets_tests.unit.select.builders import (
    Case,
    appearance_table,
    by_frame,
    candidates_table,
    decisions_table,
    ranking,
    recurrences_table,
    sharpness_table,
)

SAFE = SelectionSettings(spoiler_safe=True, top_k=8, face_bonus=0.0)
NUM_SCENES, NUM_OF_SCENE = 10, 6
FINALE = 9


def film(scenes: Sequence[int], *, seed: int = 1, **tables: object) -> Case:
    """A film of shots of six candidates, two seconds each; those of one scene are alike, and sharpest at the end."""
    random = np.random.default_rng(seed)
    looks = random.normal(size=(max(scenes) + 1, 48))
    frames = range(len(scenes) * NUM_OF_SCENE)
    descriptors = {}
    for frame in frames:
        own = np.abs(5 + looks[scenes[frame // NUM_OF_SCENE]] + random.normal(scale=0.3, size=48))
        descriptors[frame] = (own / np.linalg.norm(own)).tolist()
    return Case(
        candidates_table({frame: 2.0 * frame for frame in frames}, {frame: frame // NUM_OF_SCENE for frame in frames}),
        sharpness_table({frame: 100.0 + frame for frame in frames}),
        appearance=appearance_table(list(frames), descriptors=descriptors),
        settings=SAFE,
        **tables,  # type: ignore[arg-type]
    )


def scenes_of(choice: Choice, scenes: Sequence[int]) -> list[int]:
    return [scenes[frame // NUM_OF_SCENE] for frame in ranking(choice)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("places", [(2,), (1, 4), (0,)])
def test_planted_finales_are_never_chosen(places: tuple[int, ...], seed: int) -> None:
    scenes = [FINALE if shot in places else shot for shot in range(NUM_SCENES)]
    case = film(scenes, seed=seed)
    assert FINALE in scenes_of(case.choose(settings=SAFE.model_copy(update={"spoiler_safe": False})), scenes)
    choice = case.choose()
    assert choice.selections.num_rows
    assert FINALE not in scenes_of(choice, scenes)
    rejected = by_frame(choice.rejections)
    planted = [frame for frame in rejected if scenes[frame // NUM_OF_SCENE] == FINALE and frame < 30]
    assert {rejected[frame]["reason"] for frame in planted} == {"foretells_end"}


def test_what_the_story_shows_throughout_may_be_chosen() -> None:
    scenes = [0, 1, 0, 2, 0, 3, 4, 0, 5, 6]  # it returns to the first place, at its end too
    rows = by_frame(film(scenes).choose().rejections).items()
    foretelling = [frame for frame, row in rows if row["reason"] == "foretells_end"]
    assert [frame for frame in foretelling if scenes[frame // NUM_OF_SCENE] == 0] == []
    one_take = film([0] * 10)
    assert np.nanmax(likeness_to_end(one_take.measured, settings=SAFE)) <= LEAST_FORETELLING


def test_the_story_lies_between_intro_and_credits() -> None:
    intro, credits_of_film = dict.fromkeys(range(6), 9), dict.fromkeys(range(48, 60), 9)
    case = film(range(NUM_SCENES), recurrences=recurrences_table(intro | credits_of_film))
    places = story_places(case.measured, settings=SAFE)
    assert (places[5], places[6], places[47], places[48]) == pytest.approx((-1 / 41, 0, 1, 42 / 41))
    late = [row for row in case.choose().rejections.to_pylist() if row["reason"] == "late_in_story"]
    assert min(row["frame_index"] for row in late) == 6 + int(0.6 * 41) + 1
    text = sentence_of(late[0], SAFE)
    assert text.endswith("may after 60 % at most (selection.spoiler_safe) (selection.spoiler_share)")


def test_what_it_costs_is_said_and_people_decide() -> None:
    case = film(range(NUM_SCENES))
    note = case.choose().note or ""
    assert note.startswith("selection.spoiler_safe: 24 of 60 candidates are left out; the selections cover ")
    assert note.endswith(" without it")
    assert case.choose(settings=SelectionSettings()).note is None
    assert 58 in ranking(case.choose(decisions=decisions_table({58: "pin"})))


def test_without_looks_the_end_is_still_left_out() -> None:
    frames = range(10)
    case = Case(candidates_table({frame: 2.0 * frame for frame in frames}), settings=SAFE)
    assert max(ranking(case.choose())) <= 5
    assert np.isnan(likeness_to_end(case.measured, settings=SAFE)).all()
