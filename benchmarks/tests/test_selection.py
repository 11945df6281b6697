"""The benchmark of the selection: its recipes, truth, defects and measures, and one small run of the whole."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import click
import numpy as np
import pyarrow as pa
import pytest

from benchmarks.selection import measures, spoil
from benchmarks.selection.contestants import BASELINES, tutorial_formula
from benchmarks.selection.damage import Packet, damage, looks_wrong, overwrite
from benchmarks.selection.footage import STRETCHES, forth_and_back, scene_stretches
from benchmarks.selection.labelled import Labels, kendall_tau, precision, read_labels
from benchmarks.selection.limits import LIMITS, best_coverage, best_score_of_all_found
from benchmarks.selection.make import digest_of
from benchmarks.selection.picks import Pick
from benchmarks.selection.plan import DEFECTS, NUM_MOMENTS, RATE, SPLITS, Plan, Segment, deal_defects, plan_video
from benchmarks.selection.signals import Signals
from benchmarks.selection.strategies import EVERY_CANDIDATE, STRATEGIES
from benchmarks.selection.truth import MARGIN, read_truth, truth_of, write_truth
from thumb_assets.settings.load import load_settings

REPOSITORY = Path(__file__).resolve().parents[2]
SIZE = (64, 36)


@pytest.fixture(scope="module")
def plans() -> list[Plan]:
    return [plan_video(split, number, scene_stretches(split)) for split in SPLITS for number in range(24)]


def segment(kind: str, num_frames: int, **changes: object) -> Segment:
    return Segment(kind, num_frames, **changes)  # type: ignore[arg-type]


def noise(num_frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(30, 226, (num_frames, 36, 64, 3), np.uint8)


def moments_of(*moments: int | None) -> list[Pick]:
    """Picks in the middle of the moments of `THREE`; None is its black."""
    return [Pick({0: 10, None: 30, 1: 50, 2: 70}[moment]) for moment in moments]


THREE = truth_of(
    Plan(
        "test",
        0,
        ("black",),
        (
            segment("moment", 20, moment=0),
            segment("black", 20),
            segment("moment", 20, moment=1),
            segment("moment", 20, moment=2),
        ),
    ),
    (),
)


# --- recipes


def test_no_footage_is_in_both_splits() -> None:
    files = {split: {stretch.file for stretch in STRETCHES if stretch.split == split} for split in SPLITS}
    scenes = {split: {stretch.scene for stretch in STRETCHES if stretch.split == split} for split in SPLITS}
    assert not files["tuning"] & files["test"]
    assert not scenes["tuning"] & scenes["test"]
    assert len(files["tuning"] | files["test"]) >= 12
    assert not any("bunny" in name for name in files["test"])  # one film, in several files


def test_a_recipe_follows_from_its_number_alone(plans: list[Plan]) -> None:
    again = plan_video("test", 5, scene_stretches("test"))
    assert again == plans[24 + 5]
    assert digest_of(again) == digest_of(plans[24 + 5])
    assert len(set(map(digest_of, plans))) == len(plans)


def test_every_defect_comes_equally_often() -> None:
    for split in SPLITS:
        dealt = [deal_defects(split, number) for number in range(24)]
        assert {len(defects) for defects in dealt} == {4, 5, 6}
        assert all(len(set(defects)) == len(defects) for defects in dealt)
        assert set(Counter(kind for defects in dealt for kind in defects).values()) == {10}


def test_a_video_has_three_moments_of_differing_scenes_and_its_defects(plans: list[Plan]) -> None:
    for plan in plans:
        assert 25 <= plan.num_frames / RATE <= 45, plan.name
        moments = [each for each in plan.segments if each.kind == "moment"]
        assert {each.moment for each in moments} == set(range(NUM_MOMENTS))
        assert len({STRETCHES[each.stretch].scene for each in moments}) == NUM_MOMENTS
        assert {each.kind for each in plan.segments} - {"moment"} == set(plan.defects) <= set(DEFECTS)
        spoiled = {STRETCHES[each.stretch].scene for each in plan.segments if each.stretch is not None} - {
            STRETCHES[each.stretch].scene for each in moments
        }
        own = [each for each in plan.defects if each in {"blur", "pan", "flash", "overlay", "letterbox", "damage"}]
        assert len(spoiled) == len(own)  # no defect shows what a moment shows


def test_moments_are_long_enough_and_never_beside_their_duplicate(plans: list[Plan]) -> None:
    for plan in plans:
        lengths = Counter(
            each.moment for each in plan.segments for _ in range(each.num_frames) if each.kind == "moment"
        )
        assert all(2 * RATE <= length <= 4 * RATE for length in lengths.values())
        for one, other in zip(plan.segments, plan.segments[1:], strict=False):
            assert one.moment is None or one.moment != other.moment or "duplicate" not in {one.kind, other.kind}


# --- truth


def test_labels_of_cuts_have_margins() -> None:
    assert [THREE.label(index) for index in (0, 17, 18, 19, 20, 21, 22)] == [
        *("moment 0", "moment 0", "free (moment 0)", "free (moment 0)"),
        *("free (black)", "free (black)", "black"),
    ]
    assert THREE.is_good(0)
    assert not THREE.is_bad(0)
    assert THREE.is_bad(25)
    assert sum(THREE.is_free) == 3 * 2 * MARGIN
    assert (THREE.moment_of(50), THREE.moment_of(30), THREE.moment_of(19)) == (1, None, None)


def test_a_border_between_two_defects_has_no_margin() -> None:
    truth = truth_of(Plan("test", 0, (), (segment("black", 10), segment("title", 10))), ())
    assert not any(truth.is_free)


def test_bright_frames_of_a_fade_and_weak_mixtures_are_free() -> None:
    fade_in, fade_out = (segment("fade", 19, moment=0, direction=way) for way in ("in", "out"))
    truth = truth_of(Plan("test", 0, (), (fade_in, segment("moment", 20, moment=0), fade_out)), ())
    # Levels are 0.05, 0.10, ...: 0.75 is the fifteenth frame's.
    assert [truth.is_bad(index) for index in (0, 13, 14)] == [True, True, False]
    assert [truth.is_bad(39 + index) for index in (4, 5, 18)] == [False, True, True]
    truth = truth_of(Plan("test", 0, (), (segment("dissolve", 19),)), ())
    assert [truth.is_bad(index) for index in (0, 1, 17, 18)] == [False, True, True, False]


def test_damaged_frames_are_those_that_look_so() -> None:
    truth = truth_of(Plan("test", 0, (), (segment("black", 5), segment("damage", 5))), {7, 8})
    assert [index for index in range(10) if truth.is_bad(index)] == [0, 1, 2, 3, 4, 7, 8]
    assert [index for index in range(10) if truth.is_free[index]] == [5, 6, 9]


def test_a_duplicate_is_good_and_of_its_moment() -> None:
    parts = (segment("moment", 10, moment=1), segment("black", 10), segment("duplicate", 10, moment=1))
    truth = truth_of(Plan("test", 0, (), parts), ())
    assert truth.is_good(25)
    assert truth.moment_of(25) == 1
    assert truth.label(25) == "duplicate 1"


def test_truth_is_kept(tmp_path: Path, plans: list[Plan]) -> None:
    truth = truth_of(plans[0], ())
    write_truth(tmp_path / "a.json", plans[0], truth)
    assert read_truth(tmp_path / "a.json") == truth


# --- defects


def test_defects_on_arrays() -> None:
    frames = noise(5)
    assert spoil.scaled(frames, np.array([0, 0.25, 0.5, 0.75, 1.0])).mean(axis=(1, 2, 3)) == pytest.approx(
        frames.mean(axis=(1, 2, 3)) * [0, 0.25, 0.5, 0.75, 1], abs=0.6
    )
    other = noise(5, seed=1)
    halves = spoil.mixed(frames, other, np.full(5, 0.5))
    assert np.abs(halves - (frames.astype(float) + other) / 2).max() <= 1
    assert spoil.defocused(frames, 0.5).std() < frames.std() / 2
    panned = spoil.panned(frames, 0.5, seed=1)
    assert np.abs(np.diff(panned.astype(int), axis=2)).mean() < np.abs(np.diff(panned.astype(int), axis=1)).mean() / 2
    assert (spoil.overexposed(frames, 1.0) == 255).mean() > 0.5
    boxed = spoil.letterboxed(frames, 0.5)
    assert not boxed[:, :5].any()
    assert not boxed[:, -5:].any()
    assert (boxed[:, 6:-6] == frames[:, 6:-6]).all()
    assert spoil.black(3, SIZE, seed=1).max() < 16
    assert [each.shape for each in (spoil.title_card(4, SIZE, 1), spoil.logo_intro(4, SIZE, 1))] == [(4, 36, 64, 3)] * 2


def test_drawn_defects_follow_from_their_seed() -> None:
    assert (spoil.title_card(2, SIZE, 7) == spoil.title_card(2, SIZE, 7)).all()
    assert (spoil.logo_intro(9, SIZE, 7) == spoil.logo_intro(9, SIZE, 7)).all()
    assert (spoil.title_card(2, SIZE, 7) != spoil.title_card(2, SIZE, 8)).any()
    assert (spoil.overlaid(noise(2), 7) != noise(2)).any()


def test_overwritten_bytes_keep_the_head_and_make_no_start_code() -> None:
    data = bytes(range(256)) * 8
    changed = overwrite(data, seed=3)
    assert len(changed) == len(data)
    assert changed[:60] == data[:60]
    assert changed != data
    places = [index for index, (old, new) in enumerate(zip(data, changed, strict=True)) if old != new]
    assert 0 not in changed[places[0] : places[-1]]
    assert overwrite(b"short", seed=3) == b"short"


def test_without_a_damaged_span_nothing_is_damaged() -> None:
    assert (
        damage([Packet(b"\0\0\0\1\x65data", 0, 0, True)], [], size=SIZE, rate=RATE, seed=0).frame_indices == frozenset()
    )


def test_looking_wrong_is_the_mean_or_one_block() -> None:
    clean = np.full((64, 64), 100, np.uint8)
    block = clean.copy()
    block[16:32, 16:32] = 150
    assert looks_wrong(block, clean)  # 50 levels in one block, 3 in the mean
    assert not looks_wrong(clean + 5, clean)
    assert looks_wrong(clean + 7, clean)


def test_footage_is_played_forth_and_back() -> None:
    assert forth_and_back(4, first=2, num_frames=8).tolist() == [2, 3, 2, 1, 0, 1, 2, 3]
    assert forth_and_back(1, first=5, num_frames=3).tolist() == [0, 0, 0]


# --- measures


def test_bad_picks_and_found_moments() -> None:
    picks = moments_of(None, 1, 1)
    assert measures.bad_rate(picks, THREE, k=1) == 1
    assert measures.bad_rate(picks, THREE, k=3) == pytest.approx(1 / 3)
    assert measures.recall(picks, THREE, k=3) == pytest.approx(1 / 3)
    assert measures.recall(moments_of(0, 1, 2), THREE, k=3) == 1
    assert measures.bad_rate([Pick(19)], THREE, k=3) == 0  # free: neither bad nor found
    assert measures.recall([Pick(19)], THREE, k=3) == 0
    assert np.isnan(measures.bad_rate([], THREE, k=3))


def test_near_duplicates_are_of_one_moment_and_look_alike() -> None:
    lumas = np.random.default_rng(0).integers(0, 256, (80, 36, 64), np.uint8)
    assert measures.num_near_duplicates([Pick(4), Pick(9)], THREE, lumas, k=3) == 0  # one moment, unlike
    lumas[9] = np.clip(np.roll(lumas[4], 2, axis=1) * 0.8 + 20, 0, 255)
    assert measures.num_near_duplicates([Pick(4), Pick(9)], THREE, lumas, k=3) == 1  # moved by 2 pixels, paler
    lumas[50] = lumas[4]
    assert measures.num_near_duplicates([Pick(4), Pick(50)], THREE, lumas, k=3) == 0  # alike, two moments
    lumas[70] = lumas[71] = lumas[72] = lumas[4]
    assert measures.num_near_duplicates([Pick(70), Pick(71), Pick(72)], THREE, lumas, k=3) == 3


def test_coverage_is_the_distance_to_the_nearest() -> None:
    seen = np.eye(3)
    assert measures.coverage(seen[:1], seen) == pytest.approx(2 / 3)
    assert measures.coverage(seen, seen) == 0
    assert np.isnan(measures.coverage(seen[:0], seen))


def test_stability_compares_what_is_shown() -> None:
    assert measures.stability(moments_of(0, 1, None), moments_of(1, None, 2), THREE) == pytest.approx(2 / 3)


def test_the_interval_holds_the_mean_and_leaves_out_nothing_known() -> None:
    found = measures.interval([0.0, 1.0, float("nan"), 1.0, 0.0])
    assert found.mean == 0.5
    assert 0 <= found.low < found.mean < found.high <= 1
    assert found == measures.interval([0.0, 1.0, float("nan"), 1.0, 0.0])
    assert np.isnan(measures.interval([]).mean)


# --- contestants


def test_the_simple_contestants() -> None:
    laplacian = np.arange(120.0)
    scenes = np.array([[0, 20], [20, 40], [40, 60], [60, 120]])
    signals = Signals(laplacian, np.zeros((120, 36, 64), np.uint8), np.zeros((24, 4)), scenes, np.array([5, 50, 99]))
    chosen = {
        name: [[pick.frame_index for pick in picks] for picks in choose("a", signals)]
        for name, choose in BASELINES.items()
    }
    assert chosen["first"] == [[0]]
    assert chosen["middle"] == [[60]]
    assert chosen["uniform"] == [[20, 60, 100]]
    assert chosen["sharpest"] == [[119, 94, 69]]
    assert chosen["ffmpeg_thumbnail"] == [[5, 50, 99]]
    assert chosen["scenedetect_first"] == [[10, 30, 50]]
    assert chosen["scenedetect_evenly"] == [[10, 50, 90]]
    assert len(chosen["random"]) == 10
    assert signals.place(119) == 23
    assert signals.place(12) == 2


def test_the_tutorials_formula_stretches_each_measure() -> None:
    frames = [0, 10, 20, 30]
    (picks,) = tutorial_formula(
        clip=pa.table({"frame_index": frames, "clip_score": [0.1, 0.2, 0.1, None]}),
        sharpness=pa.table({"frame_index": frames, "laplacian_variance": [900.0, 100.0, 100.0, 100.0]}),
        iqa=pa.table({"frame_index": frames, "metric": ["piqe"] * 4, "iqa_score": [30.0, 30.0, 30.0, 10.0]}),
        lower_better={"piqe": True},
    )
    assert [(pick.frame_index, round(pick.score, 2)) for pick in picks] == [(10, 0.40), (0, 0.35), (30, 0.25)]


@pytest.mark.parametrize("overrides", [*STRATEGIES.values(), EVERY_CANDIDATE])
def test_the_strategies_are_settings_there_are(overrides: tuple[str, ...]) -> None:
    load_settings(overrides=overrides)


# --- limits


def test_the_limits_are_chosen_by_the_truth() -> None:
    lumas = np.random.default_rng(0).integers(0, 256, (80, 36, 64), np.uint8)
    lumas[52] = lumas[50]  # near in one moment
    embeddings = np.eye(16)
    embeddings[2:10] = embeddings[6]  # black, in most frames
    signals = Signals(np.zeros(80), lumas, embeddings, np.zeros((0, 2), int), np.zeros(0, int))
    candidates = [Pick(30, 0.95), Pick(50, 0.9), Pick(52, 0.8), Pick(10, 0.3), Pick(12, 0.2), Pick(70, 0.1)]
    assert [pick.frame_index for pick in best_score_of_all_found(candidates, THREE, signals)] == [50, 10, 70]
    without_last = best_score_of_all_found(candidates[:-1], THREE, signals)
    assert {pick.frame_index for pick in without_last} == {30, 50, 10}  # two moments at most, and no near pair
    assert Pick(30, 0.95) in best_coverage(candidates, THREE, signals)
    for limit in LIMITS.values():
        assert limit([], THREE, signals) == []
        assert limit(candidates[:1], THREE, signals) == candidates[:1]


# --- labels


def selections(*rows: tuple[int, float]) -> pa.Table:
    names = ("frame_index", "pts_seconds", "rank", "combined_score")
    return pa.Table.from_pylist(
        [
            dict(zip(names, (frame, frame / RATE, rank, score), strict=True))
            for rank, (frame, score) in enumerate(rows, 1)
        ]
    )


def test_precision_and_tau_of_labels() -> None:
    labels = Labels("seconds", np.arange(10.0), np.arange(10.0))
    assert labels.is_relevant().tolist() == [False] * 8 + [True] * 2
    table = selections((225, 0.9), (100, 0.8), (200, 0.7), (3000, 0.6))
    assert [precision(table, labels, k=k) for k in (1, 3)] == [1, pytest.approx(2 / 3)]
    assert precision(table, labels, k=5) == pytest.approx(2 / 3)  # the last pick has no label
    assert kendall_tau(table, labels) == pytest.approx(1 / 3)
    assert Labels("seconds", np.arange(3.0), np.array([0.0, 1.0, 0.0])).is_relevant().tolist() == [False, True, False]


def test_labels_are_read_or_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("file,frame_index,score\na.mp4,50,true\na.mp4,25,false\n")
    labels = read_labels(path)["a.mp4"]
    assert (labels.column, labels.places.tolist(), labels.scores.tolist()) == ("frame_index", [25, 50], [0, 1])
    for text in ("file,score\na.mp4,1\n", "file,seconds,score\na.mp4,soon,1\n"):
        path.write_text(text)
        with pytest.raises(click.ClickException, match=r"labels\.csv"):
            read_labels(path)
    with pytest.raises(click.ClickException, match="No such file"):
        read_labels(tmp_path / "none.csv")


# --- the whole


@pytest.mark.slow
def test_a_small_run_with_sheets_and_labels(shared_dir: Path, tmp_path: Path) -> None:
    def run(*options: object) -> str:
        line = [sys.executable, "-m", "benchmarks.selection", "--workdir", tmp_path / "work", *options]
        outcome = subprocess.run(list(map(str, line)), cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert outcome.returncode == 0, outcome.stderr
        return outcome.stdout

    shared = ("--shared", shared_dir / "video")
    page = run("--videos", 1, *shared, "--sheets", tmp_path / "sheets", "--output", tmp_path / "page.md")
    assert (tmp_path / "page.md").read_text() == page
    assert str(tmp_path) not in page
    for name in (*BASELINES, "tutorial_formula", *STRATEGIES, *LIMITS):
        assert f"| {name} " in page
    assert "1 of 1 tables are the same; measured and chosen again, 1 of 1" in page
    assert sorted(path.name for path in (tmp_path / "sheets").iterdir()) == ["test-00.jpg", "tuning-00.jpg"]
    made = sorted((tmp_path / "work").glob("*.mp4"))
    times = {path: path.stat().st_mtime_ns for path in made}
    again = run("--videos", 1, *shared, "--split", "tuning", "--quick", "--contestants", "ours,uniform")
    assert again.count("| ours ") == 2  # measures and kinds: no row of another contestant or split
    assert {path: path.stat().st_mtime_ns for path in made} == times

    labelled = tmp_path / "labelled"
    labelled.mkdir()
    (labelled / "a.mp4").write_bytes(made[0].read_bytes())
    truth = read_truth(next(made[0].parent.glob(f"{made[0].stem.removesuffix('-again')}.json")))
    rows = [f"a.mp4,{index},{int(truth.is_good(index))}" for index in range(0, truth.num_frames, 10)]
    (labelled / "labels.csv").write_text("\n".join(["file,frame_index,score", *rows]))
    assert "| a.mp4 " in run("--labelled", labelled)
