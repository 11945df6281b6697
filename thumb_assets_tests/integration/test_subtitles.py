"""The stage `subtitles` from the file on: tracks, sidecars, what keeps it current, hostile files."""

import time

import pytest
from click.testing import CliRunner

from thumb_assets.cli import main
from thumb_assets.settings.load import load_settings
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.film import Film, Text, srt, write
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages

STAGES = ("videos", "frames", "shots", "subtitles", "candidate_frames")
CUES = [(0.5, 1.5, "Hello <i>there</i>"), (2.0, 3.0, "Second line")]


def subtitles(data_dir, path, **more):
    (video_id,) = register(data_dir, [path])
    results = run_stages(data_dir, [video_id], STAGES, **more)
    result = results[video_id, "subtitles"]
    assert result.status == "done", result
    rows = TableStore(data_dir).read("subtitles", video_id).to_pylist()
    return result, [(row["source"], row["language"], row["start_seconds"], row["text"]) for row in rows]


@pytest.mark.parametrize(
    ("codec", "suffix"), [("subrip", ".mkv"), ("ass", ".mkv"), ("webvtt", ".mkv"), ("mov_text", ".mp4")]
)
def test_tracks_of_text_are_read_on_the_video_s_timeline(codec, suffix, tmp_path, data_dir):
    later = [(start + 10, end + 10, text) for start, end, text in CUES]
    path = write(tmp_path / f"f{suffix}", Film(begin_seconds=10, texts=[Text(later, codec, "eng")]))
    _, rows = subtitles(data_dir, path)
    begins = TableStore(data_dir).read("frames", register(data_dir, [path])[0]).column("pts_seconds")[0].as_py()
    assert rows == [
        ("embedded:1", "eng", begins + 0.5, "Hello there"),
        ("embedded:1", "eng", begins + 2.0, "Second line"),
    ]


def test_a_sidecar_begins_with_the_player_s_clock_and_is_read_again_when_it_changes(tmp_path, data_dir):
    path = write(tmp_path / "f.mkv", Film(begin_seconds=10))
    result, rows = subtitles(data_dir, path)
    assert rows == []
    assert subtitles(data_dir, path)[0].is_unchanged
    (tmp_path / "f.de.srt").write_text(srt(CUES))
    result, rows = subtitles(data_dir, path)
    assert rows[0] == ("f.de.srt", "de", 10.5, "Hello there")
    assert not result.is_unchanged
    assert subtitles(data_dir, path)[0].is_unchanged
    (tmp_path / "f.de.srt").write_text(srt(CUES[:1]))
    assert len(subtitles(data_dir, path)[1]) == 1
    (tmp_path / "f.de.srt").unlink()
    assert subtitles(data_dir, path)[1] == []


def test_hostile_sidecars_are_passed_over_with_a_line_each(tmp_path, data_dir):
    path = write(tmp_path / "f.mkv", Film(seconds=1.0, texts=[Text([(0.1, 0.5, "here")])] * 3))
    (tmp_path / "f.a.srt").write_bytes(b"1\n00:00:00,100 --> 00:00:00,200\n" + b"x" * 100_000_000)
    (tmp_path / "f.b.srt").write_text(srt([(0.1, 0.9, f"cue {number}") for number in range(300)]))
    (tmp_path / "f.c.srt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "f.d.vtt").write_bytes(b"PK\x03\x04" + bytes(range(256)) * 10)
    (tmp_path / "f.e.ass").mkdir()
    settings = load_settings(overrides=["subtitles.max_num_cues=100", "subtitles.max_num_sources=7"])
    result, rows = subtitles(data_dir, path, settings=settings)
    note = str(result.metrics["note"])
    assert [row[0] for row in rows].count("f.b.srt") == 100
    assert {row[0] for row in rows} == {"embedded:1", "embedded:2", "embedded:3", "f.b.srt"}
    for part in (
        "f.a.srt: has 100000032 bytes",
        "f.b.srt: has over 100 cues",
        "f.c.srt: holds no",
        "1 more source is passed over",
    ):
        assert part in note
    assert "\n" not in note


def test_fifty_tracks_are_read_as_far_as_the_setting_goes(tmp_path, data_dir):
    path = write(tmp_path / "f.mkv", Film(seconds=1.0, texts=[Text([(0.1, 0.5, "here")])] * 50))
    result, rows = subtitles(data_dir, path)
    assert len(rows) == 16
    assert result.metrics["note"] == "34 more sources are passed over (subtitles.max_num_sources)"


def test_no_table_is_made_where_subtitles_are_off(tmp_path, data_dir):
    (video_id,) = register(data_dir, [write(tmp_path / "f.mkv", Film(seconds=1.0))])
    settings = load_settings(overrides=["subtitles.is_on=false"])
    assert run_stages(data_dir, [video_id], STAGES, settings=settings)[video_id, "subtitles"].status == "skipped"


def test_the_moment_of_a_subtitle_is_found_by_its_words_and_told(tmp_path, data_dir):
    path = write(tmp_path / "f.mkv", Film(seconds=8.0, shot_seconds=4.0))
    (tmp_path / "f.srt").write_text(srt([(1.0, 1.6, "Good evening"), (5.05, 5.65, "The <b>budget</b> is here")]))
    (video_id,) = register(data_dir, [path])
    settings = load_settings(overrides=["selection.looking_for=Budget here", "candidates.min_num_candidates=0"])
    results = run_stages(data_dir, [video_id], WITHOUT_MODELS, settings=settings)
    assert {result.status for result in results.values()} == {"done"}, results
    store = TableStore(data_dir)
    methods = {
        row["pts_seconds"]: row["sampling_methods"] for row in store.read("candidate_frames", video_id).to_pylist()
    }
    assert "cue" in {method for own in methods.values() for method in own}
    best = store.read("selections", video_id).sort_by("rank").to_pylist()[0]
    assert 5.05 <= best["pts_seconds"] < 5.65
    assert 'words 1.00; subtitle "The budget is here"' in best["reason"]
    assert "only subtitles and writing were searched" in str(results[video_id, "selections"].metrics["note"])
    shown = CliRunner().invoke(main, ["show", video_id, "--why", "--data-dir", str(data_dir)])
    assert 'subtitle "The budget is here"' in " ".join(shown.output.split())


def test_a_file_full_of_cues_is_read_as_far_as_the_setting_goes(tmp_path, data_dir):
    path = write(tmp_path / "f.mkv", Film())
    content = srt([(place * 4e-6, place * 4e-6 + 1, f"w{place}") for place in range(150_000)])
    (tmp_path / "f.srt").write_text(content)
    begin = time.process_time()
    result, rows = subtitles(data_dir, path)
    assert (len(rows), len(content) < 8_000_000) == (10_000, True)
    assert "has over 10000 cues, the rest is passed over" in str(result.metrics["note"])
    assert time.process_time() - begin < 30


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "num_rows", "note"),
    [("8000000", 0, "bytes and is passed over"), ("67108864", 10_000, "has over 10000 cues")],
)
def test_a_bomb_of_a_million_cues(setting, num_rows, note, tmp_path, data_dir):
    path = write(tmp_path / "f.mkv", Film())
    (tmp_path / "f.srt").write_text(srt([(place * 4e-6, place * 4e-6 + 1, f"w{place}") for place in range(1_000_000)]))
    begin = time.process_time()
    settings = load_settings(overrides=[f"subtitles.max_file_bytes={setting}"])
    result, rows = subtitles(data_dir, path, settings=settings)
    assert len(rows) == num_rows
    assert note in str(result.metrics["note"])
    assert time.process_time() - begin < 60


@pytest.mark.slow
def test_a_track_of_a_hundred_thousand_cues(tmp_path, data_dir):
    cues = [(place * 4e-5, place * 4e-5 + 1, f"w{place}") for place in range(100_000)]
    path = write(tmp_path / "f.mkv", Film(texts=[Text(cues)]))
    result, rows = subtitles(data_dir, path)
    assert len(rows) == 10_000
    assert "has over 10000 cues" in str(result.metrics["note"])
