"""The benchmark on labelled footage: its labels, counts, choosers and pages, and one small run of the whole."""

import json
import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from benchmarks.footage import measures
from benchmarks.footage.causes import CAUSES
from benchmarks.footage.choosers import CHOOSERS, Measured, best_apart
from benchmarks.footage.compare import CONTESTANTS, OURS, STRATEGIES, Outcome, Result, worst_first
from benchmarks.footage.faces import first_picks, has_open_eyed_face
from benchmarks.footage.faces import told as told_faces
from benchmarks.footage.labels import Clip, read_clips
from benchmarks.footage.looks import note_look, told
from benchmarks.footage.measures import count
from benchmarks.footage.page import figures, missed_moments, render
from benchmarks.footage.peers import Peers
from benchmarks.footage.sheets import require_outside_repository, write_sheets
from benchmarks.footage.tuned import read_tuned
from benchmarks.selection.picks import Pick
from thumb_assets.errors import BadInputError
from thumb_assets.settings.load import Settings, load_settings
from thumb_assets.settings.presets import load_presets
from thumb_assets.settings.selection import SelectionSettings
from thumb_assets_tests.unit.select.builders import Case, candidates_table, face_boxes_table, sharpness_table

REPOSITORY = Path(__file__).resolve().parents[2]
LABEL = {
    "kind": "handheld UGC, pet",
    "bad": [[0, 10, "motion blur"]],
    "good": [[10, 30, "dog runs"], [30, 50, "dog jumps"], [60, 70, "dog sits"], [70, 80, "dog sleeps"]],
    "same": [["dog sits", "dog jumps"]],
    "licence_use": "internal",
    "frames": 100,
    "seconds": 4.0,
}
SCREENS = {
    "kind": "slides, white, screen recording",
    "bad": [],
    "good": [[0, 50, "title"]],
    "same": [],
    "screens": [[0, 40, "title"], [40, 60, "list"], [60, 80, "title again"]],
    "distinct_screens": 2,
    "frames": 80,
    "seconds": 8.0,
}


def folder_of(tmp_path: Path, labels: dict, *, files: bool = True, manifest: str = "") -> Path:
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
    for name in labels if files else ():
        (tmp_path / name).touch()
    if manifest:
        (tmp_path / "MANIFEST.tsv").write_text(manifest, encoding="utf-8")
    return tmp_path


def picks(*frames: int) -> list[Pick]:
    return [Pick(frame) for frame in frames]


@pytest.fixture
def dog(tmp_path: Path) -> Clip:
    (clip,) = read_clips(folder_of(tmp_path / "dog", {"dog.mp4": LABEL}))
    return clip


@pytest.fixture
def slides(tmp_path: Path) -> Clip:
    (clip,) = read_clips(folder_of(tmp_path / "slides", {"slides.mp4": SCREENS}))
    return clip


# --- labels


def test_frames_are_labelled_by_half_open_spans(dog: Clip) -> None:
    assert [dog.label(index) for index in (9, 10, 55, 69)] == [
        *("bad: motion blur", "good: dog runs", "neutral", "good: dog sits")
    ]
    assert dog.num_moments == 3
    assert dog.moment_of(35) == dog.moment_of(65)
    assert dog.moment_of(35) != dog.moment_of(15)
    assert dog.moment_of(55) is None
    assert not dog.has_screens


def test_moments_that_look_alike_in_a_chain_are_one(tmp_path: Path) -> None:
    label = LABEL | {"same": [["dog runs", "dog jumps"], ["dog sits", "dog sleeps"], ["dog sleeps", "dog runs"]]}
    (clip,) = read_clips(folder_of(tmp_path, {"dog.mp4": label}))
    assert clip.num_moments == 1


def test_sources_come_from_the_manifest_and_else_from_the_file(tmp_path: Path) -> None:
    manifest = "file\tbytes\trepo\na.mp4\t1\tone/films\nb.mp4\t1\tone/films\n"
    labels = dict.fromkeys(("a.mp4", "b.mp4", "c.mp4"), LABEL)
    clips = read_clips(folder_of(tmp_path, labels, manifest=manifest))
    assert [clip.source for clip in clips] == ["one/films", "one/films", "c.mp4"]


@pytest.mark.parametrize(
    ("kind", "family"),
    [
        ("terminal, dark", "slides and screens"),
        ("web app, white UI", "slides and screens"),
        ("game, loop", "games and animation"),
        ("animation, trailer", "games and animation"),
        ("edited trailer, titles", "edited"),
        ("interview, subtitled, cuts", "edited"),
        ("concert/stage, low light", "talks and stages"),
        ("time lapse", "fixed or mounted camera"),
        ("handheld UGC, pet, street", "handheld takes"),
        ("kitchen, single take", "handheld takes"),
        ("aquarium", "other"),
    ],
)
def test_kinds_have_families(tmp_path: Path, kind: str, family: str) -> None:
    (clip,) = read_clips(folder_of(tmp_path, {"a.mp4": LABEL | {"kind": kind}}))
    assert clip.family == family


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bad": [[10, 10, "x"]]}, r"\[10, 10\) does not lie"),
        ({"good": [[90, 101, "x"]], "same": []}, r"\[90, 101\) does not lie in \[0, 100\)"),
        ({"same": [["dog sits", "cat"]]}, "'cat', which is no moment"),
        ({"good": [[0, 1, "x"], [2, 3, "x"]], "same": []}, "two moments are called 'x'"),
        ({"bad": [[0, 10]]}, "in the labels of this clip"),
        ({"frames": None}, "in the labels of this clip"),
    ],
)
def test_labels_that_make_no_sense_are_named(tmp_path: Path, changes: dict, words: str) -> None:
    with pytest.raises(BadInputError, match=words) as caught:
        read_clips(folder_of(tmp_path, {"a.mp4": LABEL | changes}))
    assert "a.mp4" in str(caught.value)


def test_missing_files_and_labels_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"labels\.json"):
        read_clips(tmp_path)
    with pytest.raises(BadInputError, match=r"a\.mp4: there is no such file"):
        read_clips(folder_of(tmp_path, {"a.mp4": LABEL}, files=False))
    (tmp_path / "labels.json").write_text("[", encoding="utf-8")
    with pytest.raises(BadInputError, match="is not JSON"):
        read_clips(tmp_path)


# --- counts


def test_bad_picks_moments_and_repeats_are_counted(dog: Clip) -> None:
    counts = count(dog, picks(5, 15, 20))
    assert (counts.bad_ranks, counts.is_first_bad, counts.num_picks) == ((1,), True, 3)
    assert (counts.num_found, counts.num_findable) == (1, 3)
    assert (counts.num_near_pairs, counts.num_repeats) == (1, 1)
    three_alike = count(dog, picks(31, 65, 45))
    assert (three_alike.num_found, three_alike.num_near_pairs, three_alike.num_repeats) == (1, 3, 2)
    best = count(dog, picks(15, 35, 75))
    assert (best.bad_ranks, best.num_found, best.num_near_pairs, best.num_repeats) == ((), 3, 0, 0)


def test_neutral_frames_are_neither_bad_nor_found_nor_repeats(dog: Clip) -> None:
    counts = count(dog, picks(55, 56, 57))
    assert (counts.bad_ranks, counts.num_found, counts.num_near_pairs) == ((), 0, 0)


def test_only_three_picks_count_and_none_is_no_bad_one(dog: Clip) -> None:
    assert count(dog, picks(15, 35, 75, 5)).bad_ranks == ()
    nothing = count(dog, [])
    assert (nothing.num_picks, nothing.is_first_bad, nothing.num_found, nothing.num_findable) == (0, False, 0, 3)


def test_screens_are_counted_by_as_many_picks_as_there_are_screens(slides: Clip) -> None:
    assert slides.has_screens
    assert count(slides, picks(5), picks(5, 50)).num_screens_found == 2
    assert count(slides, picks(5), picks(5, 10, 50)).num_screens_found == 1  # the third pick is one too many
    assert count(slides, picks(5), picks(5)).num_screens == 2


def test_shares_are_of_sums_and_their_interval_holds_them() -> None:
    found = measures.share([0, 1, 2], [3, 3, 2])
    assert found.mean == pytest.approx(3 / 8)
    assert 0 <= found.low < found.mean < found.high <= 1
    assert found == measures.share([0, 1, 2], [3, 3, 2])
    assert np.isnan(measures.share([0], [0]).mean)
    assert measures.share([2, 2], [2, 2]).low == 1


# --- choosers


def measured(num_frames: int = 100, rate: float = 25.0, **scores: float) -> Measured:
    by_frame = {int(name[1:]): score for name, score in scores.items()}
    return Measured(np.arange(num_frames) / rate, by_frame, {frame: -score for frame, score in by_frame.items()})


def test_the_simple_choosers(dog: Clip, tmp_path: Path) -> None:
    known, peers = measured(f0=5.0, f20=9.0, f30=8.0, f71=7.0, f99=1.0), Peers(tmp_path)

    def chosen(name: str, k: int = 3) -> list[int]:
        return [pick.frame_index for pick in CHOOSERS[name](dog, known, peers, k).picks]

    assert chosen("middle") == [50]
    assert chosen("uniform") == [16, 50, 83]
    assert chosen("uniform", k=2) == [25, 75]
    assert chosen("sharpest") == [20, 71]  # 30 is 0.4 s from 20, 99 is 1.1 s from 71
    assert chosen("tutorial_formula") == [99, 0]  # 2 s apart: 71 and 20 are too near


def test_the_gap_is_of_seconds_not_of_frames() -> None:
    seconds = np.array([0.0, 5.0, 5.5, 9.0])
    assert [pick.frame_index for pick in best_apart({1: 1.0, 2: 0.9, 3: 0.8}, seconds, k=3)] == [1, 3]


def test_ours_takes_part_with_every_preset_of_the_same_measurements() -> None:
    names = {name for name, preset in load_presets(Settings).items() if set(preset.values) == {"selection"}}
    assert {name.partition("/")[2] for name in STRATEGIES} - {""} == names
    for overrides in STRATEGIES.values():
        load_settings(overrides=overrides)


# --- page


def result_of(*clips: Clip, chosen: dict[str, list[Pick]]) -> Result:
    counts = {clip.name: count(clip, chosen[clip.name], chosen[clip.name]) for clip in clips}
    rows = [(5, "blurred"), (62, "near_duplicate"), (64, "near_duplicate"), (66, "lower_score")]
    rejections = pa.table({"frame_index": [frame for frame, _ in rows], "reason": [reason for _, reason in rows]})
    outcomes = {name: Outcome(name, chosen, counts) for name in ("uniform", OURS)}
    return Result(clips, outcomes, {clip.name: {"rejections": rejections} for clip in clips})


def test_the_page_counts_what_was_chosen(dog: Clip, slides: Clip) -> None:
    result = result_of(dog, slides, chosen={"dog.mp4": picks(5, 15, 20), "slides.mp4": picks(10, 50)})
    page = render(result, machine="a machine", command="a command", looks="Once.")
    (line,) = [line for line in page.splitlines() if line.startswith("| ours ")]
    cells = [cell.strip() for cell in line.split("|")]
    assert cells[2].startswith("1 of 2, 50% (")
    assert cells[3].startswith("1 of 5, 20% (")
    assert cells[4].startswith("2 of 4, 50% (")
    assert cells[7].startswith("2 of 2, 100% (")
    assert "2 clips from 2 sources, 180 frames, 12 s. Once." in page
    ranks = [line for line in page.splitlines() if line.startswith(("| 1 ", "| 2 ", "| 3 "))]
    assert [[cell.strip() for cell in line.split("|")[1:-1]] for line in ranks] == [
        ["1", "2", "1"],
        ["2", "2", "0"],
        ["3", "1", "0"],
    ]
    assert "handheld takes" in page
    assert "Each cause undone" not in page
    more = render(result, machine="", command="", looks="", causes="| causes |", tuning="| tuning |")
    assert more.index("## Each cause undone") < more.index("| causes |") < more.index("| tuning |")
    assert "slides and screens" in page
    assert figures(result.outcomes[OURS], [dog])["bad in top 3"] == "1 of 3"


def test_missed_moments_say_what_became_of_their_candidates(dog: Clip) -> None:
    result = result_of(dog, chosen={"dog.mp4": picks(5, 15, 20)})
    assert missed_moments(result, dog) == {
        "dog jumps": "no candidate",
        "dog sits": "2 near_duplicate, 1 lower_score",
        "dog sleeps": "no candidate",
    }
    found = result_of(dog, chosen={"dog.mp4": picks(35, 15, 75)})
    assert missed_moments(found, dog) == {}  # the dog that sits looks like the one that jumps


def test_the_worst_come_first(dog: Clip, slides: Clip) -> None:
    result = result_of(slides, dog, chosen={"dog.mp4": picks(15, 35, 5), "slides.mp4": picks(10, 50)})
    assert [clip.name for clip in worst_first(result)] == ["dog.mp4", "slides.mp4"]


# --- looks


def test_every_look_is_kept(tmp_path: Path) -> None:
    path, now = tmp_path / "looks.tsv", datetime(2026, 11, 29, 4, tzinfo=timezone.utc)
    looks = note_look(path, "default", {"bad": "1 of 9"}, now=now)
    assert told(looks) == "The figures of ours were looked at once in this work folder."
    note_look(path, "default", {"bad": "1 of 9"})
    looks = note_look(path, "default selection.top_k=4", {"bad": "0 of 9"})
    assert looks[0].time == "2026-11-29T04:00:00Z"
    assert [look.figures for look in looks] == ["bad 1 of 9", "bad 1 of 9", "bad 0 of 9"]
    assert told(looks).endswith("looked at 3 times in this work folder, with 2 different settings.")


# --- the whole


def test_pictures_stay_out_of_the_repository(dog: Clip, tmp_path: Path) -> None:
    require_outside_repository(tmp_path)
    with pytest.raises(BadInputError, match="lies in the repository"):
        require_outside_repository(REPOSITORY / "docs" / "sheets")
    result = result_of(dog, chosen={"dog.mp4": picks(5, 15, 20)})
    with pytest.raises(BadInputError, match="lies in the repository"):
        write_sheets(result, REPOSITORY / "sheets", num_worst=1)
    assert not (REPOSITORY / "sheets").exists()


def moving_gif(path: Path, *, num_frames: int) -> None:
    ground = np.random.default_rng(0).integers(0, 255, (90, 160 + num_frames * 4, 3), np.uint8)
    pictures = [Image.fromarray(ground[:, 4 * at : 4 * at + 160]) for at in range(num_frames)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100)


@pytest.mark.slow
def test_a_folder_is_measured_and_shown(tmp_path: Path) -> None:
    label = {
        "kind": "handheld UGC, test",
        "bad": [[0, 10, "motion blur"]],
        "good": [[10, 60, "one"], [70, 90, "other"]],
        "same": [],
        "frames": 90,
        "seconds": 9.0,
    }
    folder, workdir, page = folder_of(tmp_path / "clips", {"a.gif": label}), tmp_path / "work", tmp_path / "page.md"
    moving_gif(folder / "a.gif", num_frames=90)
    line = [sys.executable, "-m", "benchmarks.footage", str(folder), "--workdir", str(workdir), "--output", str(page)]
    for _ in range(2):  # the second one measures nothing again
        done = subprocess.run(line, cwd=REPOSITORY, capture_output=True, text=True, env=dict(os.environ), check=False)
        assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    assert text == done.stdout
    for name in CONTESTANTS:
        assert any(line.startswith(f"| {name} ") for line in text.splitlines()), name
    assert str(tmp_path) not in text
    assert "looked at 2 times" in text
    for name in CAUSES:
        assert any(line.startswith(f"| {name} ") for line in text.splitlines()), name
    assert read_tuned().about in text
    (sheet,) = (workdir / "sheets").iterdir()
    shown = Image.open(sheet)
    assert shown.width == 6 * 320
    assert len(shown.getcolors(shown.width * shown.height)) > 1000  # pictures, not the ground alone


def faces_of(*boxes: tuple[int, float, float, float], eyes: list[float | None]) -> Case:
    """Four candidates 10 s apart, ever less sharp, with these faces in a frame of 1600x1000."""
    sharp = sharpness_table({frame: 100.0 - frame for frame in range(4)})
    return Case(
        candidates_table({frame: 10.0 * frame for frame in range(4)}),
        sharp,
        faces=face_boxes_table(boxes, eyes=eyes, variances=[9.0] * len(boxes), frontalities=[0.9] * len(boxes)),
    )


def test_an_open_eyed_face_is_whole_large_and_known_to_see() -> None:
    case = faces_of(
        (0, 700, 300, 300), (1, -20, 300, 300), (2, 700, 300, 20), (3, 700, 300, 300), eyes=[0.3, 0.3, 0.3, 0.02]
    )
    assert has_open_eyed_face(case.measured, SelectionSettings()).tolist() == [True, False, False, False]
    unknown = faces_of((0, 700, 300, 300), eyes=[None])
    assert not has_open_eyed_face(unknown.measured, SelectionSettings()).any(), "nobody knows"


def test_first_picks_are_compared_where_such_a_face_is_to_be_had(dog: Clip) -> None:
    clips = [dog, dog]
    with_one = faces_of((1, 700, 300, 300), eyes=[0.3]).measured
    without = faces_of((1, 700, 300, 300), eyes=[0.01]).measured
    (found,) = first_picks(clips, [with_one, without], SelectionSettings(face_bonus=0.5))
    assert (found.num_with, found.num_candidates) == (1, 4)
    assert (found.before, found.is_before) == (0, False), "the sharpest"
    assert (found.after, found.is_after) == (1, True)
    page = told_faces([found])
    assert "In 1 clips" not in page
    assert "0 of 1" in page
    assert "1 of 1 by default" in page
    assert told_faces([]) == "No candidate of these clips has one."
