import hashlib
import os
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from thumb_assets.errors import BadInputError
from thumb_assets.store.database import DamagedDatabaseError
from thumb_assets.store.file_cache import LibraryVideo
from thumb_assets.store.identity import verify_video_id, video_id_for
from thumb_assets.store.library import Library


@pytest.fixture
def library(data_dir):
    return Library(data_dir)


def _put(path, content=b"content"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _names(videos):
    return [video.path.name for video in videos]


class TestScan:
    def test_describes_every_video_at_any_depth_in_order(self, library):
        for name in ("b.mp4", "a/z.MKV", "a.mov", "a/deep/er/x.webm"):
            _put(library.videos_dir / name, name.encode())
        _put(library.videos_dir / "notes.txt")
        videos = library.scan()
        assert [video.path.relative_to(library.videos_dir).as_posix() for video in videos] == [
            "a.mov",
            "a/deep/er/x.webm",
            "a/z.MKV",
            "b.mp4",
        ]
        sha256 = hashlib.sha256(b"b.mp4").hexdigest()
        path = library.videos_dir / "b.mp4"
        assert videos[-1] == LibraryVideo(video_id_for(path, sha256), path, sha256, 5)

    def test_leaves_out_hidden_and_unfinished_files(self, library):
        for name in (".a.mp4", "a.mp4.part", "a.part.mp4", "a.temp.mkv", "~$a.mp4", ".trash/b.mp4", "b.tmp"):
            _put(library.videos_dir / name, name.encode())
        _put(library.videos_dir / "ok.mp4")
        assert _names(library.scan()) == ["ok.mp4"]

    @pytest.mark.parametrize("exists", [False, True])
    def test_an_empty_or_missing_folder_is_an_error(self, library, exists):
        if exists:
            _put(library.videos_dir / "notes.txt")
        for call in (library.scan, library.all):
            with pytest.raises(BadInputError, match="library folder") as caught:
                call()
            assert "\n" not in str(caught.value)

    def test_odd_names_work(self, library):
        names = [
            b"a, b.mp4",
            b'it\'s "q".mp4',
            "🎬.mp4".encode(),
            b"two\nlines.mp4",
            b"up..and...up.mp4",
            b"x\xff.mp4",
            b"-rf.mp4",
            b"%41?#.mp4",
        ]
        for name in names:
            _put(library.videos_dir / os.fsdecode(name), b"\0" + name)
        videos = library.scan()
        assert sorted(os.fsencode(video.path.name) for video in videos) == sorted(names)
        for video in videos:
            verify_video_id(video.video_id)
            assert library.find(video.video_id) == video
            video.source_path.encode("utf-8")

    def test_linked_files_and_folders_are_followed_but_no_loop(self, library, tmp_path):
        _put(library.videos_dir / "a.mp4", b"a")
        (library.videos_dir / "b.mp4").symlink_to(_put(tmp_path / "elsewhere.bin", b"b"))
        _put(tmp_path / "more/c.mp4", b"c")
        (library.videos_dir / "more").symlink_to(tmp_path / "more")
        (library.videos_dir / "loop").symlink_to(library.videos_dir)
        (tmp_path / "more/up").symlink_to(tmp_path / "more")
        assert _names(library.scan()) == ["a.mp4", "b.mp4", "c.mp4"]

    def test_files_that_cannot_be_used_cost_only_themselves(self, library, caplog):
        _put(library.videos_dir / "a.mp4")
        (library.videos_dir / "dangling.mp4").symlink_to("nowhere")
        errors = []
        if sys.platform != "win32":
            os.mkfifo(library.videos_dir / "pipe.mp4")
        assert _names(library.scan(on_error=errors.append)) == ["a.mp4"]
        assert [Path(str(error).split("'")[1]).name for error in errors] == ["dangling.mp4", "pipe.mp4"]
        library.scan()
        assert "dangling.mp4" in caplog.text

    def test_same_content_and_stem_is_one_video_and_the_first_path_wins(self, library):
        for name in ("z/clip.mp4", "a/clip.mkv", "other.mp4"):
            _put(library.videos_dir / name)
        for _ in range(2):
            videos = library.scan()
            assert [video.path.parent.name for video in videos] == ["a", "videos"]
            assert library.find(videos[0].video_id) == videos[0]
        (library.videos_dir / "a/clip.mkv").unlink()
        assert library.find(videos[0].video_id).path.parent.name == "z"

    def test_contents_are_read_once(self, library):
        path = _put(library.videos_dir / "a.mp4", b"first")
        status = path.stat()
        before = library.scan()
        path.write_bytes(b"other")  # of the same size and, as set here, the same time: the cache cannot see it
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert Library(library.data_dir).scan() == before
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
        assert library.scan() != before


class TestRegister:
    def test_takes_files_of_any_suffix_and_folders_of_videos(self, library, tmp_path):
        file = _put(tmp_path / "x/recording.bin", b"1")
        folder = tmp_path / "y"
        for name in ("b.mp4", "a/c.mkv", "notes.txt"):
            _put(folder / name, name.encode())
        videos, errors = library.register([file, folder, file])
        assert (_names(videos), errors) == (["recording.bin", "c.mkv", "b.mp4"], [])
        assert Library(library.data_dir).all() == sorted(videos, key=lambda video: os.fsencode(video.path))
        assert library.scan() == []  # nothing in the library folder, but something is registered

    def test_bad_paths_get_a_line_each_and_the_others_are_registered(self, library, tmp_path):
        file = _put(tmp_path / "ok.mp4")
        (tmp_path / "empty").mkdir()
        (tmp_path / "dangling.mp4").symlink_to("nowhere")
        bad = [
            tmp_path / "missing.mp4",
            tmp_path / "empty",
            tmp_path / "dangling.mp4",
            Path("nul\0.mp4"),
            Path("x" * 300),
        ]
        videos, errors = library.register([bad[0], file, *bad[1:]])
        assert _names(videos) == ["ok.mp4"]
        assert len(errors) == len(bad)
        assert all(isinstance(error, BadInputError) and "\n" not in str(error) for error in errors)
        assert "missing.mp4" in str(errors[0])

    def test_relative_paths_are_kept_absolute(self, library, tmp_path, monkeypatch):
        _put(tmp_path / "here/a.mp4")
        monkeypatch.chdir(tmp_path / "here")
        videos, _ = library.register([Path("../here/a.mp4")])
        monkeypatch.chdir("/")
        assert library.find(videos[0].video_id).path == tmp_path / "here/a.mp4"

    def test_a_linked_file_keeps_its_own_name(self, library, tmp_path):
        (tmp_path / "name.mp4").symlink_to(_put(tmp_path / "target.bin"))
        videos, _ = library.register([tmp_path / "name.mp4"])
        assert videos[0].video_id.startswith("name-")


class TestAll:
    def test_library_folder_first_then_registered_each_id_once(self, library, tmp_path):
        _put(library.videos_dir / "z.mp4", b"z")
        outside = [_put(tmp_path / "out" / name, name.encode()[:1]) for name in ("a.mp4", "z.mp4")]
        library.register(outside)
        assert [video.path for video in library.all()] == [library.videos_dir / "z.mp4", outside[0]]

    def test_registered_files_that_are_gone_are_left_out_and_all_gone_is_an_error(self, library, tmp_path):
        files = [_put(tmp_path / name, name.encode()) for name in ("a.mp4", "b.mp4")]
        library.register(files)
        files[0].unlink()
        assert _names(library.all()) == ["b.mp4"]
        files[1].unlink()
        with pytest.raises(BadInputError, match="no registered file is left"):
            library.all()


class TestFind:
    def test_an_unknown_id(self, library):
        _put(library.videos_dir / "a.mp4")
        with pytest.raises(BadInputError, match="'b-01234567' is not in the library"):
            library.find("b-01234567")

    def test_works_without_the_cache(self, library):
        _put(library.videos_dir / "a.mp4")
        (video,) = library.scan()
        (library.data_dir / "library.sqlite").unlink()
        assert Library(library.data_dir).find(video.video_id) == video

    def test_a_touched_file_is_the_same_video(self, library):
        path = _put(library.videos_dir / "a.mp4")
        (video,) = library.scan()
        os.utime(path, ns=(1, 1))
        assert library.find(video.video_id) == video

    @pytest.mark.parametrize("scanned_since", [False, True])
    def test_a_changed_file_names_the_id_it_has_now(self, library, scanned_since):
        path = _put(library.videos_dir / "a.mp4", b"old")
        (old,) = library.scan()
        path.write_bytes(b"new content")
        new_id = video_id_for(path, hashlib.sha256(b"new content").hexdigest())
        if scanned_since:
            library.scan()
        with pytest.raises(BadInputError, match=f"the file changed: it was video {old.video_id} and is now {new_id}"):
            library.find(old.video_id)
        assert library.find(new_id).path == path

    def test_a_changed_registered_file_is_found_by_its_new_id(self, library, tmp_path):
        path = _put(tmp_path / "a.mp4", b"old")
        library.register([path])
        path.write_bytes(b"new content")
        new_id = video_id_for(path, hashlib.sha256(b"new content").hexdigest())
        assert library.find(new_id).path == path

    def test_a_file_that_moved_within_the_library(self, library):
        path = _put(library.videos_dir / "a.mp4")
        (video,) = library.scan()
        (library.videos_dir / "sub").mkdir()
        path.rename(library.videos_dir / "sub/a.mp4")
        assert library.find(video.video_id).path.parent.name == "sub"

    def test_a_file_that_is_gone_is_named(self, library):
        path = _put(library.videos_dir / "a.mp4")
        (video,) = library.scan()
        path.unlink()
        with pytest.raises(BadInputError, match=r"a\.mp4'.*put it back"):
            library.find(video.video_id)


def test_a_damaged_cache_says_what_to_do(library):
    _put(library.videos_dir / "a.mp4")
    (library.data_dir / "library.sqlite").write_bytes(b"junk " * 500)
    with pytest.raises(DamagedDatabaseError, match="delete it"):
        library.scan()


class TestCopiedDataFolder:
    def test_its_own_files_count_and_the_originals_do_not(self, library, tmp_path):
        scanned = _put(library.videos_dir / "a.mp4", b"a")
        registered = _put(library.data_dir / "received/b.mp4", b"b")
        outside = _put(tmp_path / "outside.mp4", b"c")
        library.register([registered, outside])
        before = {video.video_id: video.path for video in library.all()}
        copy = Library(shutil.copytree(library.data_dir, tmp_path / "copy"))
        for original in (scanned, registered):
            original.write_bytes(b"the original has another content now")
        expected = {copy.videos_dir / "a.mp4", copy.data_dir / "received/b.mp4", outside}
        assert {copy.find(video_id).path for video_id in before} == expected
        assert {video.video_id: video.path for video in copy.all()}.keys() == before.keys()
        assert {video.path for video in copy.all()} == expected

    def test_nothing_is_hashed_again_after_a_move(self, library, tmp_path):
        path = _put(library.videos_dir / "a.mp4", b"first")
        status, before = path.stat(), library.scan()
        moved = Library(library.data_dir.rename(tmp_path / "moved"))
        path = _put(moved.videos_dir / "a.mp4", b"other")  # which only a second look into the file would see
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert [video.video_id for video in moved.scan()] == [video.video_id for video in before]

    def test_absolute_paths_of_earlier_versions_become_relative(self, library, tmp_path):
        path = _put(library.data_dir / "received/b.mp4", b"b")
        (video,), _ = library.register([path])
        with sqlite3.connect(library.data_dir / "library.sqlite") as connection:
            for table in ("contents", "registered"):
                connection.execute(f"UPDATE {table} SET path = ?", (os.fsencode(path),))
            connection.execute("PRAGMA user_version = 0")
        assert library.find(video.video_id).path == path
        moved = Library(library.data_dir.rename(tmp_path / "moved"))
        assert [video.path for video in moved.all()] == [moved.data_dir / "received/b.mp4"]


def test_every_file_is_read_again_where_that_is_asked_for(library):
    path = _put(library.videos_dir / "a.mp4", b"first")
    (before,) = library.scan()
    status = path.stat()
    path.write_bytes(b"other")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    careful = Library(library.data_dir, is_hashed_anew=True)
    with pytest.raises(BadInputError, match="the file changed"):
        careful.find(before.video_id)
    (after,) = careful.scan()
    assert after.video_id != before.video_id
    assert library.scan() == [after]
    assert library.fate_of(before.video_id) == "replaced"
