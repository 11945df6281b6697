"""Files of subtitles beside a video."""

from thumb_assets.store.sidecars import content_of, sidecar_names, sidecars_of


def test_sidecars_are_those_of_the_video_s_name(tmp_path):
    names = ["f.mp4", "f.srt", "f.en.SRT", "f.en.forced.vtt", "f.a.b.c.srt", "f2.srt", "f.txt", "g.ass", "f 2.srt"]
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in sidecars_of(tmp_path / "f.mp4")] == ["f.en.SRT", "f.en.forced.vtt", "f.srt"]
    assert sidecars_of(tmp_path / "gone" / "f.mp4") == ()


def test_content_is_that_of_the_bytes(tmp_path):
    path = tmp_path / "f.srt"
    path.write_bytes(b"one")
    first = content_of(path)
    path.write_bytes(b"other")
    assert content_of(path) not in {None, first}
    path.unlink()
    assert content_of(path) is None


def test_names_elsewhere_stay_in_their_folder():
    names = ["a/f.srt", "b/f.srt", "a/f.mp4", "f.en.srt", "a/f.en.srt"]
    assert sidecar_names(names, ["a/f.mp4"]) == ["a/f.srt", "a/f.en.srt"]
