import pytest

from thumb_assets.tables.checks import verify_contract, verify_coverage, verify_judgements
from thumb_assets.tables.conform import empty_table, table_from_rows
from thumb_assets_tests.unit.store.builders import row, table

VIDEO = "clip-01234567"


def test_a_table_that_conforms_passes():
    verdict = verify_contract("shots", table("shots", 3, VIDEO))
    assert (verdict.is_passed, verdict.num_checked, verdict.num_failed, verdict.sample) == (True, 3, 0, ())
    assert "shots" in verdict.description


def test_a_table_that_does_not_is_told_why():
    verdict = verify_contract("shots", table("shots", 3, VIDEO).take([2, 1, 0]))
    assert (verdict.is_passed, verdict.num_failed) == (False, 1)
    assert verdict.sample == ("rows are not ascending by video_id, shot_index",)


@pytest.mark.parametrize(("num_scores", "num_failed"), [(9, 0), (8, 0), (5, 3), (0, 8)])
def test_coverage_counts_the_candidates_without_a_row(num_scores, num_failed):
    verdict = verify_coverage(table("candidate_frames", 8, VIDEO), table("sharpness", num_scores, VIDEO))
    assert (verdict.is_passed, verdict.num_checked, verdict.num_failed) == (num_failed == 0, 8, num_failed)
    assert len(verdict.sample) == min(5, num_failed)


def test_every_metric_must_cover_every_candidate():
    rows = [row("iqa_scores", i, VIDEO, metric=metric) for i, metric in ((0, "piqe"), (1, "piqe"), (1, "niqe"))]
    verdict = verify_coverage(table("candidate_frames", 2, VIDEO), table_from_rows("iqa_scores", rows))
    assert verdict.sample == ("candidate frame 0 has no row of niqe",)


def test_without_candidates_nothing_is_missing():
    assert verify_coverage(empty_table("candidate_frames"), empty_table("iqa_scores")).is_passed


def test_judgements_with_errors_are_counted():
    rows = [row("judgements", i, VIDEO) for i in range(3)]
    assert verify_judgements(table_from_rows("judgements", rows)).is_passed
    rows[1] |= {"judge_score": None, "reason": None, "error": "no verdict"}
    verdict = verify_judgements(table_from_rows("judgements", rows))
    assert (verdict.is_passed, verdict.num_checked, verdict.num_failed) == (False, 3, 1)
    assert verdict.sample == ("frame 1: no verdict",)
