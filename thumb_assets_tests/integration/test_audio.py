"""The stage `audio` from the file on: every form of sound gives right tables or one clear line."""

import tracemalloc

import numpy as np
import pytest

from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.film import Film, Sound, tone, write
from thumb_assets_tests.support.running import register, run_stages
from thumb_assets_tests.support.synthetic import make

STAGES = ("videos", "frames", "shots", "audio")


def audio(data_dir, path, **more):
    (video_id,) = register(data_dir, [path])
    results = run_stages(data_dir, [video_id], STAGES, **more)
    assert {result.status for result in results.values()} == {"done"}, results
    return results[video_id, "audio"], TableStore(data_dir).read("audio", video_id).to_pylist()


def loudness(rows):
    return [row["loudness_lufs"] for row in rows]


@pytest.mark.parametrize(
    ("suffix", "sound", "level"),
    [
        (".mkv", Sound(tone(4, level=0.1)), -23),
        (".mkv", Sound(tone(4, level=0.1, rate=8000), rate=8000, codec="pcm_u8", format="u8"), -23),
        (".mkv", Sound(tone(4, level=0.1, channels=8), layout="7.1", codec="flac"), -14),
        (".mp4", Sound(tone(4, level=0.1, channels=2), layout="stereo", codec="aac", format="fltp"), -20),
    ],
    ids=["mono", "8-bit", "7.1", "aac"],
)
def test_forms_of_sound_have_the_loudness_of_their_level(suffix, sound, level, tmp_path, data_dir):
    result, rows = audio(data_dir, write(tmp_path / f"f{suffix}", Film(sounds=[sound])))
    assert len(rows) == 8
    assert loudness(rows)[1:-1] == pytest.approx([level] * 6, abs=1.0)
    assert "note" not in result.metrics


def test_an_event_is_found_where_it_is_on_the_video_s_timeline(tmp_path, data_dir):
    samples = np.zeros((1, 48_000 * 4))
    samples[:, 48_000 * 2 : 48_000 * 2 + 20_000] = tone(20_000 / 48_000)
    path = write(tmp_path / "f.mkv", Film(begin_seconds=10, sounds=[Sound(samples, begin_seconds=10)]))
    _, rows = audio(data_dir, path)
    loudest = max(rows, key=lambda row: row["loudness_lufs"])
    assert loudest["start_seconds"] == pytest.approx(12.0, abs=0.05)
    assert max(rows, key=lambda row: row["onset_db"]) is loudest


@pytest.mark.parametrize("seconds", [1.0, 30.0])
def test_sound_shorter_or_longer_than_the_picture(seconds, tmp_path, data_dir):
    _, rows = audio(data_dir, write(tmp_path / "f.mkv", Film(sounds=[Sound(tone(seconds))])))
    assert len(rows) == 8
    assert sum(value is not None for value in loudness(rows)) == min(8, 2 * seconds)


def test_a_file_without_sound_has_no_rows(tmp_path, data_dir):
    result, rows = audio(data_dir, make("cfr", tmp_path))
    assert rows == []
    assert "note" not in result.metrics


def test_one_sample_a_second_is_no_sound(tmp_path, data_dir):
    path = write(tmp_path / "f.mkv", Film(sounds=[Sound(np.zeros((1, 4)), rate=1)]))
    result, rows = audio(data_dir, path)
    assert rows == []
    assert result.metrics["note"] == "its sound has 1 samples a second, and is not measured"


def test_of_fifty_tracks_one_is_measured(tmp_path, data_dir):
    path = write(tmp_path / "f.mkv", Film(seconds=1.0, sounds=[Sound(tone(1))] * 50))
    result, rows = audio(data_dir, path)
    assert (result.metrics["num_tracks"], len(rows)) == (50, 2)


def test_damaged_sound_is_measured_as_far_as_it_goes(tmp_path, data_dir):
    sound = Sound(np.random.default_rng(0).normal(0, 0.2, (2, 48_000 * 4)), layout="stereo", codec="aac", format="fltp")
    path = write(tmp_path / "f.mkv", Film(sounds=[sound]))
    content = bytearray(path.read_bytes())
    for place in range(2000, len(content), 400):
        content[place] ^= 0x5A
    path.write_bytes(bytes(content))
    (video_id,) = register(data_dir, [path])
    results = run_stages(data_dir, [video_id], STAGES)
    assert {result.status for result in results.values()} == {"done"}, results


def test_sound_follows_the_picture_where_recordings_are_joined(tmp_path, data_dir):
    """`cat a.ts b.ts`: the stamps of all streams begin again, and time goes on."""
    quiet = 0.001 * tone(4, channels=2)
    burst = quiet.copy()
    burst[:, 48_000 * 2 : 48_000 * 2 + 20_000] = tone(20_000 / 48_000)
    parts = [
        write(tmp_path / f"{number}.ts", Film(sounds=[Sound(samples, codec="mp2", layout="stereo", begin_seconds=0)]))
        for number, samples in enumerate((quiet, burst))
    ]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    _, rows = audio(data_dir, path)
    frames = TableStore(data_dir).read("frames", rows[0]["video_id"]).column("pts_seconds").to_pylist()
    loudest = max(rows, key=lambda row: row["peak_dbfs"])
    assert len(frames) == 200
    assert loudest["start_seconds"] <= frames[150] + 0.2
    assert loudest["end_seconds"] >= frames[150] - 0.1
    assert all(row["loudness_lufs"] is not None for row in rows[1:-1])


@pytest.mark.slow
def test_memory_is_that_of_a_block_and_of_the_half_seconds(tmp_path, data_dir):
    """A picture of a second and sound of ten minutes: what lies behind the picture is not read."""
    path = write(tmp_path / "f.mkv", Film(seconds=1.0, sounds=[Sound(np.zeros((1, 48_000 * 600), np.float32))]))
    (video_id,) = register(data_dir, [path])
    run_stages(data_dir, [video_id], STAGES[:-1])
    tracemalloc.start()
    results = run_stages(data_dir, [video_id], STAGES)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert results[video_id, "audio"].status == "done"
    assert peak < 20e6
