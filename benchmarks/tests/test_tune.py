"""The search for settings: its steps, its noise rule, what it says of sources left out, and what it found."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.footage.causes import CAUSES
from benchmarks.footage.choices import Choices
from benchmarks.footage.labels import Clip, Span
from benchmarks.footage.measures import Counts
from benchmarks.footage.tune import SPACE, settings_of, tune, value_of
from benchmarks.footage.tuned import read_tuned, rendered
from benchmarks.footage.tuning import Setting, Tuner, changed, drawn, numbers, points
from thumb_assets.select.measure import CandidateArrays
from thumb_assets.settings.load import load_settings
from thumb_assets_tests.unit.select.builders import Case, candidates_table, clip_table, sharpness_table

MINIATURE = {"weight": (0.0, 1.0, 2.0), "floor": (0.4, 0.8)}
DEFAULTS = {"weight": 1.0, "floor": 0.4}
NUM_SOURCES = 8


def counts(found: int, *, bad_ranks: tuple[int, ...] = (), repeats: int = 0) -> Counts:
    return Counts(bad_ranks, 3, found, 3, 0, repeats)


def clips(by_setting: dict[Setting, list[int]]) -> Tuner:
    """A clip per source; moments found of each, by setting; other settings find one everywhere."""
    sources = [f"source {number}" for number in range(NUM_SOURCES)]

    def count(setting: Setting) -> list[Counts]:
        return [counts(found) for found in by_setting.get(setting, [1] * NUM_SOURCES)]

    draws = drawn(MINIATURE, DEFAULTS, number=20, seed=0)
    return Tuner(sources, count, space=MINIATURE, defaults=DEFAULTS, draws=draws)


def test_points_are_of_what_people_see_first() -> None:
    first, second = points([counts(2, bad_ranks=(1,))]), points([counts(2, bad_ranks=(2,))])
    assert first < second < points([counts(2, repeats=1)]) < points([counts(2)]) < points([counts(3)])
    assert numbers([counts(2, bad_ranks=(1, 3)), counts(1)]) == {
        "first_bad": 1,
        "bad": 2,
        "picks": 6,
        "moments": 3,
        "findable": 6,
        "repeats": 0,
        "screens": 0,
        "all_screens": 0,
    }


def test_draws_follow_the_seed_and_stay_in_the_space() -> None:
    one, again, other = (drawn(MINIATURE, DEFAULTS, number=50, seed=seed) for seed in (1, 1, 2))
    assert one == again != other
    assert all(value in MINIATURE[name] and value != DEFAULTS[name] for setting in one for name, value in setting)
    assert any(len(setting) == 2 for setting in one)


def test_noise_moves_no_default() -> None:
    one_source_alone = [3] + [1] * (NUM_SOURCES - 1)
    tuner = clips({(("weight", 2.0),): one_source_alone})
    assert tuner.by_steps() == ()
    assert tuner.best() == (("weight", 2.0),)


def test_what_helps_most_sources_is_taken_step_by_step() -> None:
    most = [2] * (NUM_SOURCES - 1) + [1]
    all_of_it = [3] * NUM_SOURCES
    both = (("floor", 0.8), ("weight", 2.0))
    tuner = clips({(("weight", 2.0),): most, both: all_of_it})
    assert tuner.by_steps() == both
    assert tuner.num_tried < 20


def test_a_source_has_no_say_in_its_own_setting() -> None:
    """Each of two settings pleases some sources and spoils others: what is chosen on all of them flatters itself."""
    half = NUM_SOURCES // 2
    tuner = clips({(("weight", 0.0),): [2] * half + [0] * half, (("weight", 2.0),): [0] * half + [2] * half})
    found = tuner.validated(tuner.best)
    assert set(found.by_source) == {f"source {number}" for number in range(NUM_SOURCES)}
    assert points(found.left_out) == 0
    assert points(found.counts) == NUM_SOURCES
    assert found.by_source["source 0"] == (("weight", 2.0),)


def test_a_gain_has_the_error_of_its_sources() -> None:
    setting = changed((), "weight", 2.0, defaults=DEFAULTS)
    tuner = clips({setting: [2, 1] * (NUM_SOURCES // 2)})
    gain, error = tuner.gain(setting)
    assert gain == NUM_SOURCES / 2
    assert error == pytest.approx(np.sqrt(NUM_SOURCES) * np.std([0, 1] * (NUM_SOURCES // 2), ddof=1))


def misled(number: int) -> tuple[Clip, CandidateArrays]:
    """A clip whose candidates of the greatest clip_score nobody would take; sharpness knows better."""
    seconds = {frame: frame / 10 for frame in range(0, 180, 20)}
    rank = {
        frame: place for place, frame in enumerate(np.random.default_rng(number).permutation(list(seconds)).tolist())
    }
    spans = {False: [], True: []}
    for frame in seconds:
        spans[rank[frame] >= 5].append(Span(frame, frame + 20, f"from {frame}"))
    clip = Clip(
        Path(f"{number}.mp4"), "pet", f"source {number // 2}", 180, 18.0, tuple(spans[False]), tuple(spans[True])
    )
    case = Case(
        candidates_table(seconds, dict.fromkeys(seconds, 0)),
        sharpness=sharpness_table({frame: 100.0 + 9 * place for frame, place in rank.items()}),
        clip_scores=clip_table({frame: -0.1 * place for frame, place in rank.items()}),
    )
    return clip, replace(case.measured, video_ids=(str(number),))


def test_weights_follow_the_labels() -> None:
    clips, measured = zip(*map(misled, range(8)), strict=True)
    space = {name: SPACE[name] for name in ("weights.sharpness", "weights.clip", "shot_weight")}
    tuned = tune(Choices(clips, measured), num_draws=5, seed=1, date="2026-11-29", space=space)
    defaults = load_settings().selection.weights
    assert tuned.chosen["weights.sharpness"] > tuned.chosen["weights.clip"]
    assert defaults.sharpness < defaults.clip
    found = {name: (sums["bad"], sums["moments"]) for name, sums in tuned.results.items()}
    assert found["by steps, left out"][0] < found["the defaults"][0]
    assert found["by steps, left out"][1] > found["the defaults"][1]
    assert found["learned head alone, left out"][0] < found["the defaults"][0]
    assert set(tuned.folds) == {clip.source for clip in clips}
    assert set(tuned.single) >= {"weights.sharpness=0", "shot_weight=0.3"}


def test_other_values_change_the_choice() -> None:
    clip, measured = misled(0)
    choices, settings = Choices([clip], [measured]), load_settings().selection
    (before,) = choices.counts(settings)
    turned = choices.with_values({"clip_score": -measured["clip_score"]})
    (after,) = turned.counts(settings)
    assert len(after.bad_ranks) < len(before.bad_ranks)
    assert choices.counts(settings) == [before]


def test_every_default_lies_in_the_space() -> None:
    defaults = load_settings().selection
    for name, values in SPACE.items():
        assert value_of(defaults, name) in values, name


def test_the_defaults_are_what_was_found() -> None:
    tuned, defaults = read_tuned(), load_settings().selection
    assert {name: value_of(defaults, name) for name in tuned.chosen} == tuned.chosen
    assert set(tuned.chosen) == set(SPACE), "run benchmarks.footage.tune again: its space is another one"


def test_what_was_found_is_shown(tmp_path: Path) -> None:
    tuned = read_tuned()
    tuned.write(tmp_path / "tuned.json")
    assert read_tuned(tmp_path / "tuned.json") == tuned
    page = rendered(tuned)
    assert all(f"| {name} " in page for name in tuned.results)
    assert tuned.date in page


def test_each_cause_can_be_undone() -> None:
    for name, cause in CAUSES.items():
        settings = load_settings(overrides=cause.undone).selection
        assert settings != settings_of(()), name
