"""Findings of a look at the library: new, changed and lost files, those under way, portions."""

import os
from pathlib import Path

import pytest

from thumb_assets.errors import BadInputError
from thumb_assets.settings.operation import LibrarySettings
from thumb_assets.store.discovery import Discovery
from thumb_assets.store.library import Library

NOW = 2_000_000_000.0


def put(library: Library, name: str, content: bytes, *, age_seconds: float = 3600.0) -> Path:
    path = library.videos_dir / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (NOW - age_seconds, NOW - age_seconds))
    return path


def look(library: Library, *, after: bytes | None = None, now: float = NOW, **settings: object) -> Discovery:
    return library.discover(LibrarySettings.model_validate(settings), after=after, now=now)


def ids(found: Discovery) -> list[str]:
    return [video.video_id for video in found.videos]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path)


def test_new_files_and_known_ones_are_found_alike(library: Library) -> None:
    put(library, "a.mp4", b"first")
    first = look(library)
    put(library, "sub/b.mkv", b"second")
    second = look(library)
    assert [name.rpartition("-")[0] for name in ids(second)] == ["a", "b"]
    assert ids(first) == ids(second)[:1]
    assert second.videos == tuple(library.scan())


def test_a_file_under_way_is_left_until_it_rests(library: Library) -> None:
    path = put(library, "a.mp4", b"begin", age_seconds=1)
    found = look(library, settle_seconds=10)
    assert (found.videos, found.num_unsettled) == ((), 1)
    put(library, "a.mp4", b"begin and end", age_seconds=-4)  # written to again, five seconds later
    assert look(library, settle_seconds=10, now=NOW + 5).num_unsettled == 1
    found = look(library, settle_seconds=10, now=NOW + 15)
    assert [video.path for video in found.videos] == [path]
    assert found.num_unsettled == 0


def test_a_stamp_in_the_future_does_not_keep_a_file_out_for_ever(library: Library) -> None:
    put(library, "a.mp4", b"x", age_seconds=-1e6)  # a server whose clock is ahead
    assert look(library, settle_seconds=10).num_unsettled == 1
    assert look(library, settle_seconds=10, now=NOW + 9).num_unsettled == 1
    assert len(look(library, settle_seconds=10, now=NOW + 10).videos) == 1


def test_another_content_replaces_the_former_id(library: Library) -> None:
    path = put(library, "a.mp4", b"first")
    (before,) = ids(look(library))
    put(library, "a.mp4", b"second")
    found = look(library)
    (after,) = ids(found)
    assert found.replaced == {before: after}
    assert found.lost == ()
    assert library.former_ids(found.videos[0]) == [before]
    assert library.fate_of(before) == "replaced"
    put(library, "copies/a.mp4", b"first")  # the old content lives on elsewhere
    assert look(library).replaced == {}
    assert library.fate_of(before) == "here"
    assert path.read_bytes() == b"second"


def test_a_content_that_changed_behind_its_size_and_time(library: Library) -> None:
    path = put(library, "a.mp4", b"first")
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    (first,) = ids(look(library))
    path.write_bytes(b"other")
    os.utime(path, ns=times)
    assert ids(look(library)) == [first]  # as documented: a file is known by size and time
    found = look(library, content_hash="always")
    (second,) = ids(found)
    assert second != first
    assert found.replaced == {first: second}
    assert ids(look(library)) == [second]
    assert library.fate_of(first) == "replaced"
    assert look(library, content_hash="always").replaced == {first: second}


def test_a_file_that_went_back_to_its_former_content_replaces_the_later_one(library: Library) -> None:
    put(library, "a.mp4", b"first")
    (first,) = ids(look(library))
    put(library, "a.mp4", b"second")
    (second,) = ids(look(library))
    put(library, "a.mp4", b"first")
    assert look(library).replaced == {second: first}


def test_files_that_are_gone_are_told_and_nothing_else(library: Library) -> None:
    put(library, "a.mp4", b"first")
    gone = put(library, "b.mp4", b"second")
    lost_id = ids(look(library))[1]
    gone.unlink()
    assert look(library).lost == (lost_id,)
    assert look(library).lost == (lost_id,)  # until somebody prunes
    assert library.fate_of(lost_id) == "gone"
    library.forget(lost_id)
    assert look(library).lost == ()


def test_an_empty_library_is_an_error_and_loses_nothing(library: Library) -> None:
    path = put(library, "a.mp4", b"first")
    look(library)
    path.unlink()
    with pytest.raises(BadInputError, match="holds no usable video"):
        look(library)


def test_a_large_library_is_looked_at_in_portions(library: Library) -> None:
    for number in range(7):
        put(library, f"{number}.mp4", bytes([number]))
    after, seen, num_looks = None, [], 0
    while True:
        found = look(library, after=after, max_files_per_tick=3)
        seen += ids(found)
        after, num_looks = found.after, num_looks + 1
        if after is None:
            break
    assert num_looks == 3
    assert seen == [video.video_id for video in library.scan()]


def test_new_files_beyond_the_cap_wait_for_the_next_look(library: Library) -> None:
    for number in range(5):
        put(library, f"{number}.mp4", bytes([number]))
    first = look(library, max_new_per_tick=2)
    assert len(first.videos) == 2
    second = look(library, after=first.after, max_new_per_tick=2)
    third = look(library, after=second.after, max_new_per_tick=2)
    assert [*ids(first), *ids(second), *ids(third)] == [video.video_id for video in library.scan()]
    assert third.after is None
    assert len(look(library, max_new_per_tick=2).videos) == 5  # known ones do not count


def test_a_tick_that_has_no_time_left_hashes_one_file_at_least(library: Library) -> None:
    for number in range(3):
        put(library, f"{number}.mp4", bytes([number]))
    found = look(library, max_hash_seconds_per_tick=1e-9)
    assert len(found.videos) == 1
    assert found.after is not None


def test_a_file_removed_between_two_portions_is_no_trouble(library: Library) -> None:
    paths = [put(library, f"{number}.mp4", bytes([number])) for number in range(3)]
    found = look(library, max_files_per_tick=1)
    paths[0].unlink()
    assert len(look(library, after=found.after).videos) == 2


def test_names_that_are_no_text(library: Library) -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    try:
        put(library, name, b"x")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    put(library, "a.mp4", b"y")
    found = look(library, max_files_per_tick=1)
    assert len(look(library, after=found.after).videos) == 1
