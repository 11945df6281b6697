"""The CPU time of a run has owners, and the page adds it up."""

from benchmarks import frame_costs
from benchmarks.candidate_costs import candidate_costs
from benchmarks.stage_costs import measured, page
from thumb_assets.pipeline.stages import default_stages
from thumb_assets.settings.load import load_settings
from thumb_assets_tests.support.film import Film, Sound, tone, write

OFF = ("faces.detector=none", "subjects.is_on=false", "texts.is_on=false", "audio.speech=none")


def test_every_stage_owns_its_share(tmp_path):
    path = write(tmp_path / "film.mkv", Film(2.0, [Sound(tone(2))]))
    seconds, length = measured(path, overrides=OFF)
    left_out = {"videos", "frames", "shots", "catalog"}  # the pass, and the index
    assert set(default_stages(load_settings(overrides=OFF))) - left_out <= set(seconds)
    assert min(seconds.values()) >= 0
    assert seconds["frames, shots"] > 0
    assert length == 2.0


def test_the_page_adds_up():
    text = page({"one": ({"frames, shots": 1.0, "audio": 3.0, "all else": 0.0}, 60.0)}, "a command")
    assert "| stage | one, 60 s |" in text
    assert "| audio | 3.00 (75 %) |" in text
    assert "| all | 4.00 |" in text


def test_every_measure_of_a_frame_is_timed_beside_its_decoding(tmp_path):
    path = write(tmp_path / "film.mkv", Film(1.0, []))
    costs = frame_costs.frame_costs(path, num_frames=5)
    assert next(iter(costs)) == frame_costs.DECODE
    assert len(costs) == 7
    assert min(costs.values()) > 0
    rows = frame_costs.page({"one": {frame_costs.DECODE: 4.0, "luma": 1.0, "hashes": 2.0}}).splitlines()
    assert any(row.startswith("| all measures ") and row.endswith("| 3.00 |") for row in rows)
    assert any(row.startswith("| measures / decoding ") and row.endswith("| 0.75 |") for row in rows)


def test_every_stage_that_looks_at_candidates_is_timed(tmp_path):
    path = write(tmp_path / "film.mkv", Film(1.0, []))
    costs = candidate_costs(path, num_candidates=3)
    assert {"sharpness", "appearance", "iqa_scores"} <= set(costs)
    assert min(costs.values()) > 0
