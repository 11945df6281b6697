"""The CPU time of a run has owners, and the page adds it up."""

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
