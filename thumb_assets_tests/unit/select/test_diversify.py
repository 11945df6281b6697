"""The greedy choice on fields of a few candidates, best first."""

from dataclasses import replace

import numpy as np
import pytest

from thumb_assets.select.diversify import diversify
from thumb_assets.select.keyframes import take_of_groups
from thumb_assets.select.similarity import Field
from thumb_assets.settings.selection import SelectionSettings, SimilaritySettings
from thumb_assets_tests.unit.select.builders import unlike_hash


def field_of(
    scores, *, seconds=None, shots=None, own_seconds=None, angles=None, hashes=None, num_usable=None, pinned=()
) -> Field:
    """Candidates in the plane at these angles (radians); each 10 s from the next, in its own shot."""
    num = len(scores)
    angles = None if angles is None else np.array(angles)
    vectors = np.zeros((num, 0)) if angles is None else np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return Field(
        positions=np.arange(num),
        num_usable=num if num_usable is None else num_usable,
        combined=np.array(scores, np.float64),
        seconds=np.array(10.0 * np.arange(num) if seconds is None else seconds),
        shot_indices=np.array(np.arange(num) if shots is None else shots),
        own_seconds=np.full(num, np.nan) if own_seconds is None else np.array(own_seconds),
        hashes=None if hashes is None else np.array(hashes, np.uint64),
        embeddings=np.zeros((num, 0), np.float16),
        descriptors=vectors.astype(np.float16),
        pinned=pinned,
    )


def settings_of(top_k=2, **values) -> SelectionSettings:
    usual = {"similarity": SimilaritySettings(is_relative=False)}
    return SelectionSettings(top_k=top_k, **usual | values)


def test_no_candidates_no_choice():
    assert diversify(field_of([]), settings=settings_of()) == []


@pytest.mark.parametrize("strategy", ["facility_location", "mmr", "none"])
def test_without_vectors_the_best_scores_are_taken(strategy):
    assert diversify(field_of([0.9, 0.8, 0.7]), settings=settings_of(diversify=strategy)) == [0, 1]


def test_a_near_duplicate_gives_way_to_something_else():
    field = field_of([0.9, 0.89, 0.3], angles=[0.0, 0.1, 1.5])  # cos 0.1 is 0.995
    for strategy in ("facility_location", "mmr"):
        assert diversify(field, settings=settings_of(diversify=strategy, diversity_weight=0.0)) == [0, 2]
    assert diversify(field, settings=settings_of(diversify="none")) == [0, 1]


def test_near_duplicates_are_left_out_even_where_places_stay_empty():
    field = field_of([0.9, 0.8, 0.7], angles=[0.0, 0.05, 0.1])
    assert diversify(field, settings=settings_of(3)) == [0]
    loose = SimilaritySettings(is_relative=False, max_cosine=1.0)
    assert diversify(field, settings=settings_of(3, similarity=loose)) == [0, 1, 2]


def test_hashes_alone_tell_near_duplicates():
    field = field_of([0.9, 0.8, 0.7], hashes=[0, (1 << 9) - 1, unlike_hash(1)])
    assert diversify(field, settings=settings_of(3)) == [0, 2]  # 9 bits of the 10 it needs
    field = field_of([0.9, 0.8, 0.7], hashes=[0, (1 << 10) - 1, unlike_hash(1)])
    assert diversify(field, settings=settings_of(3)) == [0, 1, 2]


@pytest.mark.parametrize("strategy", ["facility_location", "mmr"])
def test_the_weight_says_how_much_being_different_counts(strategy):
    field = field_of([0.90, 0.89, 0.60], angles=[0.5, 0.0, 1.5])  # the second is alike, no near-duplicate
    assert diversify(field, settings=settings_of(diversify=strategy, diversity_weight=0.0)) == [0, 1]
    assert diversify(field, settings=settings_of(diversify=strategy, diversity_weight=0.9)) == [0, 2]


def test_facility_location_covers_the_video_and_mmr_goes_to_the_extremes():
    # Eight candidates of one kind, two of another, one that is like nothing else and stands for nobody.
    angles = [0.4 + 0.01 * place for place in range(8)] + [1.2, 1.25, 3.0]
    field = field_of([0.9, *[0.5] * 10], angles=angles)
    settings = {"similarity": SimilaritySettings(is_relative=False, max_cosine=1.0), "diversity_weight": 1.0}
    covering = diversify(field, settings=settings_of(2, **settings))
    assert any(place < 8 for place in covering)
    assert 10 in diversify(field, settings=settings_of(2, diversify="mmr", **settings))


def test_coverage_alone_takes_one_of_each_kind():
    angles = [0.0, 0.01, 0.02, 1.0, 1.01, 1.02, 2.0, 2.01, 2.02]
    field = field_of(np.linspace(0.9, 0.5, 9), angles=angles)
    chosen = diversify(field, settings=settings_of(3, diversity_weight=1.0))
    assert {place // 3 for place in chosen} == {0, 1, 2}


def test_a_candidate_stands_for_its_part_of_the_shot_s_time():
    # A blink has two candidates, as a long shot has: by their number they would count for as much.
    field = field_of(
        [0.9, 0.52, 0.51, 0.5, 0.49],
        shots=[0, 1, 1, 2, 2],
        own_seconds=[4.0, 0.15, 0.15, 3.0, 3.0],
        angles=[0, 1, 1.01, -1, -1.01],
    )
    assert field.ground_shares.tolist() == pytest.approx([4 / 10.3, *[0.15 / 10.3] * 2, *[3 / 10.3] * 2])
    assert diversify(field, settings=settings_of(2, diversity_weight=0.3)) == [0, 3]
    unknown = replace(field, own_seconds=np.full(5, np.nan))
    assert unknown.ground_shares.tolist() == pytest.approx([0.2] * 5)
    assert diversify(unknown, settings=settings_of(2, diversity_weight=0.3)) == [0, 1]
    auto = settings_of("auto", max_k=3, min_coverage_gain=0.05)
    assert diversify(field, settings=auto) == [0, 3]
    assert diversify(unknown, settings=auto) == [0, 1, 3]


def test_the_gap_and_the_shots_hold_whatever_the_gain():
    field = field_of([0.9, 0.8, 0.7, 0.6], seconds=[0.0, 0.5, 10.0, 20.0], shots=[0, 1, 0, 2], angles=[0, 3, 2, 1])
    assert diversify(field, settings=settings_of(4, diversity_weight=0.0)) == [0, 2, 3]
    assert diversify(field, settings=settings_of(4, diversity_weight=1.0)) == [1, 2, 3]
    assert diversify(field, settings=settings_of(2, diversity_weight=0.0)) == [0, 3]
    assert diversify(field, settings=settings_of(2, diversity_weight=0.0, distinct_shots=False)) == [0, 2]


def test_doubtful_ones_come_last():
    field = field_of([0.4, 0.3, 0.9, 0.8], num_usable=2)
    assert diversify(field, settings=settings_of(2)) == [0, 1]
    assert diversify(field, settings=settings_of(3)) == [0, 1, 2]
    assert diversify(field_of([0.9, 0.8], num_usable=0, angles=[0, 1]), settings=settings_of(2)) == [0, 1]


def test_auto_takes_as_many_as_the_content_supports():
    kinds = [0.0, 0.01, 0.02, 1.5, 1.51, 1.52]
    field = field_of(np.linspace(0.9, 0.5, 6), angles=kinds)
    chosen = diversify(field, settings=settings_of("auto"))
    assert {place // 3 for place in chosen} == {0, 1}
    assert len(chosen) == 2
    still = field_of(np.linspace(0.9, 0.5, 6), angles=[0.0] * 6)
    assert diversify(still, settings=settings_of("auto")) == [0]


def test_auto_never_exceeds_its_most_and_takes_doubtful_ones_last():
    angles = np.arange(20) * 0.31
    field = field_of(np.linspace(0.9, 0.1, 20), angles=angles, num_usable=15)
    settings = settings_of(
        "auto", max_k=4, similarity=SimilaritySettings(is_relative=False, max_cosine=1.0), min_coverage_gain=0.0
    )
    assert len(diversify(field, settings=settings)) == 4
    most = diversify(field, settings=settings.model_copy(update={"max_k": 100}))
    assert most == list(range(20))
    assert (
        len(diversify(field, settings=settings.model_copy(update={"max_k": 15})))
        == 15
        > max(diversify(field, settings=settings.model_copy(update={"max_k": 14})))
    )


def test_in_a_video_that_is_doubtful_throughout_auto_does_not_stay_where_it_is_not():
    angles = [0.0, 0.15, 0.3, *np.repeat([1.0, 2.0, 3.0], 6)]  # captions on all but the first three
    field = field_of(np.linspace(0.9, 0.3, 21), angles=angles, num_usable=3)
    chosen = diversify(field, settings=settings_of("auto", max_k=10, min_coverage_gain=0.05))
    assert {round(angles[place]) for place in chosen} == {0, 1, 2, 3}
    assert len(chosen) == 4


@pytest.mark.parametrize("place", [60, 61, 62, 63])
def test_a_long_shot_stands_for_its_time_wherever_it_is_among_the_candidates(place):
    own_seconds = np.full(129, 1.0)
    own_seconds[place] = 600.0
    field = field_of(np.linspace(0.9, 0.5, 129), own_seconds=own_seconds, angles=np.linspace(0, 1.5, 129))
    shares = dict(zip(field.ground.tolist(), field.ground_shares.tolist(), strict=True))
    assert shares[place] == pytest.approx(600 / 728, abs=1 / 64)
    assert sum(shares.values()) == pytest.approx(1)
    assert len(shares) <= 64


def test_what_is_not_known_is_neither_alike_nor_different():
    field = field_of([0.9, 0.8, 0.7], angles=[0.0, 1.0, 2.0])
    vectors = field.descriptors.copy()
    vectors[2] = np.nan  # the row failed
    field = replace(field, descriptors=vectors)
    assert diversify(field, settings=settings_of(2, diversify="mmr", diversity_weight=0.9)) == [0, 1]


@pytest.mark.parametrize("is_distinct", [True, False])
def test_auto_without_vectors_takes_one_of_each_shot(is_distinct):
    field = field_of([0.9, 0.8, 0.7, 0.6], shots=[0, 0, 1, 1])
    assert diversify(field, settings=settings_of("auto", distinct_shots=is_distinct)) == [0, 2]


def test_pinned_ones_are_chosen_whatever_they_are_and_the_others_keep_away_from_them():
    field = field_of([0.9, 0.8, 0.7, 0.1], seconds=[0.0, 10.0, 20.3, 20.0], pinned=(3,), angles=[0, 1, 2, 0])
    assert diversify(field, settings=settings_of(2)) == [1, 3]  # 0 looks as the pinned one does, 2 is too near to it
    assert diversify(field, settings=settings_of(1)) == [3]
    both = field_of([0.9, 0.8], seconds=[0.0, 0.1], pinned=(0, 1), angles=[0, 0])
    assert diversify(both, settings=settings_of(1)) == [0, 1]


def test_of_thousands_the_best_of_the_shots_and_the_best_are_compared():
    num = 3000
    shots = np.arange(num) // 10
    angles = 0.7 * np.arange(num) % 3
    field = field_of(np.linspace(1, 0, num), shots=shots, angles=angles, pinned=(2999,))
    chosen = diversify(field, settings=settings_of(5))
    assert len(chosen) == 5
    assert 2999 in chosen
    assert len({shots[place] for place in chosen}) == 5


def test_of_a_long_take_not_only_the_place_that_scores_best_is_compared():
    num = 300  # one shot, three places, one after the other
    scores = np.concatenate([np.linspace(top + 0.05, top, 100) for top in (0.62, 0.58, 0.54)])
    angles = np.repeat([0.0, 1.2, 2.4], 100) + np.tile(np.linspace(0, 0.7, 100), 3)
    field = field_of(scores, shots=np.zeros(num), seconds=np.arange(num) * 1.5, angles=angles)
    chosen = diversify(field, settings=settings_of(3, diversity_weight=0.7, distinct_shots=False))
    assert {place // 100 for place in chosen} == {0, 1, 2}


def test_where_the_best_hundreds_are_all_alike_the_rest_is_looked_through():
    num = 1000
    angles = np.zeros(num)
    angles[[300, 700, 990]] = [1.0, 2.0, 3.0]
    field = field_of(np.linspace(1, 0, num), angles=angles)
    assert diversify(field, settings=settings_of(4)) == [0, 300, 700, 990]
    one_shot = field_of(np.linspace(1, 0, num), angles=angles, shots=np.zeros(num, np.int64))
    assert diversify(one_shot, settings=settings_of(4)) == [0, 300, 700, 990]


def test_a_doubtful_one_waits_for_all_usable_ones_and_a_shot_s_second_for_all_other_shots():
    num = 300
    angles = 0.7 * np.arange(num) % 3
    # The doubtful ones are each of a shot of their own, and so among the first that are compared.
    shots = np.where(np.arange(num) < 200, 0, np.arange(num))
    field = field_of(np.linspace(1, 0, num), angles=angles, shots=shots, num_usable=200)
    assert max(diversify(field, settings=settings_of(4))) < 200
    # The best hundred are of two shots, all like the first of each; the others are of a third.
    angles = np.where(np.arange(num) < 200, np.arange(num) % 2 * 1.0, 2.0)
    shots = np.where(np.arange(num) < 200, np.arange(num) % 2, 2)
    chosen = diversify(field_of(np.linspace(1, 0, num), angles=angles, shots=shots), settings=settings_of(3))
    assert {int(shots[place]) for place in chosen} == {0, 1, 2}


def test_many_pinned_ones_are_all_chosen():
    pinned = tuple(range(0, 300, 2))
    field = field_of(np.linspace(1, 0, 400), pinned=pinned)
    assert diversify(field, settings=settings_of(3)) == list(pinned)


def test_of_each_group_the_best_that_is_far_enough_is_taken():
    field = field_of([0.9, 0.8, 0.7, 0.6], seconds=[5.0, 5.5, 9.0, 0.0])
    each = np.arange(4)
    assert take_of_groups(field, each, most=3, min_gap_seconds=1.0) == [0, 2, 3]
    assert take_of_groups(field, each, most=1, min_gap_seconds=1.0) == [0]
    # The best of the second group is too close to that of the first: the next best is taken.
    assert take_of_groups(field, np.array([0, 1, 1, 0]), most=4, min_gap_seconds=1.0) == [0, 2]
    # Doubtful ones, which stand behind the groups, are not.
    assert take_of_groups(field, each[:2], most=4, min_gap_seconds=0.0) == [0, 1]
    pinned = field_of([0.9, 0.8, 0.7], seconds=[5.0, 5.5, 9.0], pinned=(1,))
    assert take_of_groups(pinned, np.arange(3), most=2, min_gap_seconds=1.0) == [1, 2]
    assert take_of_groups(pinned, np.zeros(3, np.int64), most=3, min_gap_seconds=1.0) == [1, 2]


def test_auto_passes_over_what_is_not_worth_it_and_goes_on():
    """One that is like nothing else scores high and stands for nobody; half of the video must not be lost for it."""
    angles = [*np.linspace(0.0, 0.2, 30), *np.linspace(1.4, 1.6, 30), 3.9]
    scores = [0.95, *[0.5] * 29, *[0.4] * 30, 0.9]
    order = np.argsort(-np.array(scores), kind="stable")
    field = field_of(np.array(scores)[order], angles=np.array(angles)[order])
    chosen = diversify(field, settings=settings_of("auto", max_k=3, diversity_weight=0.0, min_coverage_gain=0.05))
    shown = [np.array(angles)[order][place] for place in chosen]
    assert any(angle < 0.5 for angle in shown)
    assert any(1.2 < angle < 2 for angle in shown)
    assert 3.9 not in shown


def test_descriptors_that_have_no_weight_do_not_set_the_limit():
    similarity = SimilaritySettings(is_relative=False, descriptor_weight=0.0)
    plain = field_of([0.9, 0.8], angles=[0.0, 0.15])  # cos 0.15 is 0.989
    both = replace(plain, embeddings=plain.descriptors)
    assert diversify(both, settings=settings_of(2, similarity=similarity)) == [0, 1]
    mixed = SimilaritySettings(is_relative=False)
    assert diversify(both, settings=settings_of(2, similarity=mixed)) == [0]


def test_where_all_is_much_alike_what_differs_most_is_still_told_apart():
    """A camera that stands still: half of the candidates' mean distance is enough, but the same picture never is."""
    field = field_of([0.9, 0.8, 0.7, 0.6], angles=[0.0, 0.01, 0.3, 0.29])
    assert diversify(field, settings=settings_of(4)) == [0]
    relative = SimilaritySettings(is_relative=True)
    assert diversify(field, settings=settings_of(4, similarity=relative)) == [0, 2]
    frozen = field_of([0.9, 0.8, 0.7], angles=[0.0, 0.001, 0.002])
    assert diversify(frozen, settings=settings_of(3, similarity=relative)) == [0]
