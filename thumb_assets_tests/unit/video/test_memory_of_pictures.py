"""Pictures are freed when nobody names them any more, not when Python looks for rings of objects."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import pytest

from thumb_assets.video.decode import VideoDecoder, read_header
from thumb_assets.video.fetch import FrameFetcher
from thumb_assets.video.groups import IndexedDecoder
from thumb_assets_tests.support.decoded import identities_of
from thumb_assets_tests.support.film import Film, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "film.mkv", Film(1.0, []))


@pytest.fixture
def num_held() -> Iterator[Callable[[], int]]:
    """Counts the decoded pictures that a test's work left in memory, those that only a search for rings frees too."""
    gc.collect()
    gc.disable()
    before = _num_alive()
    yield lambda: _num_alive() - before
    gc.enable()


def _num_alive() -> int:
    pictures = (each for each in gc.get_objects() if isinstance(each, av.VideoFrame))
    return sum(picture.width > 0 for picture in pictures)  # a codec has an empty one ready


def _decode_twice(path: Path) -> None:
    for _ in range(2):
        with VideoDecoder(path) as decoder:
            assert sum(1 for _ in decoder) > 1


def _decode_some(path: Path) -> None:
    with VideoDecoder(path) as decoder:
        next(iter(decoder))


def _fetch(path: Path) -> None:
    with FrameFetcher(path, identities_of(path)) as fetcher:
        fetcher.fetch(3)


def _decode_by_index(path: Path) -> None:
    with IndexedDecoder(path) as decoder:
        assert list(decoder.sync_frames())
        assert list(decoder.rough_frames(0))
        next(decoder.group_frames(0))


@pytest.mark.parametrize("work", [_decode_twice, _decode_some, read_header, _fetch, _decode_by_index])
def test_work_on_a_video_leaves_no_picture_behind(
    work: Callable[[Path], object], path: Path, num_held: Callable[[], int]
) -> None:
    work(path)
    assert num_held() == 0


def test_a_decoder_of_chosen_groups_holds_no_picture_of_its_first_look(path: Path, num_held: Callable[[], int]) -> None:
    with IndexedDecoder(path):
        assert num_held() == 0


def test_a_frame_holds_no_picture_beside_its_own(path: Path, num_held: Callable[[], int]) -> None:
    with VideoDecoder(path) as decoder:
        kept = [frame for frame in decoder if frame.frame_index % 4 == 0]
    assert num_held() == len(kept)
