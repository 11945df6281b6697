"""Pictures are freed when nobody names them any more, not when Python looks for rings of objects."""

import gc

import av
import pytest

from thumb_assets.video.decode import VideoDecoder
from thumb_assets_tests.support.film import Film, write


@pytest.fixture
def garbage():
    """Everything that only a search for rings frees, found at the end of a test's work by calling it."""
    gc.collect()
    gc.disable()
    before = gc.get_debug()
    gc.set_debug(gc.DEBUG_SAVEALL)

    def found():
        gc.collect()
        return list(gc.garbage)

    yield found
    gc.set_debug(before)
    gc.garbage.clear()
    gc.enable()


def test_a_decoded_video_leaves_no_picture_in_a_ring(tmp_path, garbage):
    path = write(tmp_path / "film.mkv", Film(1.0, []))
    for _ in range(2):
        with VideoDecoder(path) as decoder:
            assert sum(1 for _ in decoder) > 1
    assert not [each for each in garbage() if isinstance(each, av.VideoFrame)]
