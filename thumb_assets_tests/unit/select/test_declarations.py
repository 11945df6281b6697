"""A rule and a component are one declaration each: nothing else has to know them."""

from dataclasses import replace

import numpy as np
import pytest

from thumb_assets.errors import ContractError
from thumb_assets.select.components import COMPONENTS, Component, check_components
from thumb_assets.select.measure import CandidateArrays, ScoreTables
from thumb_assets.select.rules import DEGRADED, RULES, Rule, check_rules
from thumb_assets.select.score import score_candidates, used_components
from thumb_assets.select.tell import sentence_of
from thumb_assets.select.verdicts import NO_RULE, judge
from thumb_assets.settings.selection import ComponentWeights, RejectSettings, SelectionSettings
from thumb_assets_tests.unit.select.builders import Case, candidates_table, sharpness_table

NOISE = np.array([0.1, 0.2, 0.9, 0.3])
NOISY = Rule("noisy", DEGRADED, "noise", "above", "reject.max_noise", "noise {value:.2f} is above {threshold:.2f}")
CALM = Component("calm", "noise", is_less_better=True)


class NoiseRejects(RejectSettings):
    """The setting of the rule."""

    max_noise: float = 0.5


class NoiseWeights(ComponentWeights):
    """The weight of the component."""

    calm: float = 1.0


def measured() -> CandidateArrays:
    candidates = candidates_table({frame: 10.0 * frame for frame in range(4)})
    arrays = Case(candidates, sharpness_table(dict.fromkeys(range(4), 100.0))).measured
    return replace(arrays, values={**arrays.values, "noise": NOISE})


def test_a_rule_is_one_declaration() -> None:
    settings = SelectionSettings().model_copy(update={"reject": NoiseRejects(max_share=0.5)})
    rules = (*RULES, NOISY)
    verdicts = judge(measured(), settings=settings, rules=rules)
    assert verdicts.first_broken.tolist() == [NO_RULE, NO_RULE, len(verdicts.rules) - 1, NO_RULE]
    assert verdicts.is_taken.tolist() == [True, True, False, True]
    rejection = verdicts.rules[-1].rejection(2)
    assert vars(rejection) == {
        "stage": "reject",
        "reason": "noisy",
        "value": 0.9,
        "threshold": 0.5,
        "setting": "selection.reject.max_noise",
    }
    assert sentence_of(vars(rejection), settings, rules=rules) == (
        "noise 0.90 is above 0.50 (selection.reject.max_noise)"
    )


def test_a_component_is_one_declaration() -> None:
    settings = SelectionSettings().model_copy(update={"weights": NoiseWeights(sharpness=0.0, contrast=0.0)})
    components = (*COMPONENTS, CALM)
    scores = score_candidates(measured(), settings=settings, components=components)
    assert scores.combined.tolist() == scores.percentiles["calm"].tolist() == pytest.approx([1.0, 0.75, 0.25, 0.5])
    assert used_components(scores, has_faces=False, settings=settings, components=components) == ("calm",)


def test_a_table_of_a_new_scorer_is_found_by_its_name() -> None:
    tables = {"sharpness": sharpness_table({0: 1.0}), "noise": sharpness_table({0: 2.0}), "shots": None}
    scores = ScoreTables.of(tables, frame_size=(4, 3))
    assert (scores.sharpness, scores.table("sharpness")) == (tables["sharpness"], tables["sharpness"])
    assert scores.table("noise") is tables["noise"]
    assert scores.table("shots") is scores.table("unknown") is None
    assert list(scores.tables()) == ["sharpness"]


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (replace(NOISY, measure="luma_std"), "rule noisy: there is no setting selection.reject.max_noise"),
        (replace(NOISY, setting="reject.max_motion"), r"rule noisy: 'noise' needs a line in COLUMNS"),
    ],
)
def test_a_rule_that_is_half_declared_says_what_it_lacks(rule: Rule, problem: str) -> None:
    with pytest.raises(ContractError, match=problem):
        check_rules([rule])


@pytest.mark.parametrize(
    ("components", "problem"),
    [
        ((*COMPONENTS, CALM), "calm: a component needs a line in COMPONENTS .* and a weight"),
        (COMPONENTS[1:], "sharpness: a component needs"),
        (
            (replace(COMPONENTS[0], measure="noise"), *COMPONENTS[1:]),
            "sharpness: the measure .* line in COLUMNS",
        ),
    ],
)
def test_a_component_that_is_half_declared_says_what_it_lacks(components: tuple[Component, ...], problem: str) -> None:
    with pytest.raises(ContractError, match=problem):
        check_components(components)
