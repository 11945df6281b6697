from thumb_assets.select.explain import selection_reason

BEST = {"rank": 1, "num_selections": 3, "face_bonus": None, "shot_index": 4, "place_in_shot": 1, "num_in_shot": 5}


def test_no_score_at_all_says_so():
    text = selection_reason({"sharpness": None, "clip": None}, **BEST)
    assert text == "rank 1 of 3: no score (no sharpness, clip); best of 5 candidates of shot 4"


def test_second_choice_of_a_shot_says_its_place():
    text = selection_reason({"clip": 0.5}, **BEST | {"place_in_shot": 2})
    assert text.endswith("clip 0.50; place 2 of 5 candidates of shot 4")


def test_absent_bonus_goes_unsaid():
    assert "face" not in selection_reason({"clip": 0.5}, **BEST | {"face_bonus": 0.0})


def test_kept_in_spite_of_a_rule_is_said_in_one_line():
    text = selection_reason({"clip": 0.5}, **BEST, broken_rule="too_dark")
    assert text.endswith("kept though too dark: there were not enough better ones")
    assert "\n" not in text


def test_a_pinned_frame_says_that_people_wanted_it():
    assert selection_reason({"clip": 0.5}, **BEST, is_pinned=True).endswith("of shot 4; pinned")
