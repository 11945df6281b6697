"""Values that settings do not take: one line in a person's words, whichever setting it is."""

import json

import pytest

from thumb_assets.errors import SettingsError
from thumb_assets.settings.load import Settings, load_settings
from thumb_assets.settings.problems import setting_names

NAMES = list(setting_names(Settings))
WRONG = ["no such thing", -1e12, 1e300, True, None, [], [[]], {"a": {"b": 1}}, [1, "x", None], "", 0.5]
# Words of the library that checks the values, never of a person.
INNER = (
    "pydantic",
    "input",
    "Input",
    "valid ",
    "parse",
    "Extra",
    "permitted",
    "literal",
    "int_",
    "Value error",
    "Field ",
)


def problem(override: str) -> str | None:
    try:
        load_settings(overrides=[override])
    except SettingsError as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", NAMES)
def test_wrong_values_are_reported_in_words(name: str) -> None:
    problems = [said for value in WRONG if (said := problem(f"{name}={json.dumps(value)}"))]
    assert problems
    for said in problems:
        assert "\n" not in said
        assert said.startswith((f"setting {name} must be ", f"setting {name}: ", "setting ", "settings: ", "preset "))
        assert f"{name}." not in said
        assert not [word for word in INNER if word in said.replace(name, "")], said


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("selection.topk=5", "setting selection.topk does not exist; did you mean selection.top_k?"),
        ("selecton.top_k=5", "setting selecton does not exist; did you mean selection?"),
        (
            "selection.jpeg_quality=5",
            "setting selection.jpeg_quality does not exist; did you mean stills.jpeg_quality?",
        ),
        ("selection.top_k=many", "setting selection.top_k must be a whole number or auto (got 'many')"),
        ("stills.format=gif", "setting stills.format must be one of jpeg, png, webp, avif (got 'gif')"),
        (
            "stills.jpeg_quality=101",
            "setting stills.jpeg_quality must be a whole number, at least 1 and at most 100",
        ),
        (
            "selection.weights=5",
            "setting selection.weights is a section; set a value in it, such as ",
        ),
        ("sparse.is_on=perhaps", "setting sparse.is_on must be true or false (got 'perhaps')"),
    ],
)
def test_the_line_says_what_to_write(override: str, said: str) -> None:
    assert str(problem(override)).startswith(said)


def test_an_unknown_name_lists_the_others_where_none_is_near() -> None:
    assert problem("crops.xyzzy=1") == (
        "setting crops.xyzzy does not exist; crops has aspect_ratios, without_faces, min_face_confidence"
    )
