"""Candidates that stay in memory until the stills are written: how many, which, and that a changed one is not shown."""

from pathlib import Path

import numpy as np
import pytest

from thumb_assets.export.backend import open_fetcher
from thumb_assets.pipeline.engine import run
from thumb_assets.pipeline.kept_frames import KeptFrames
from thumb_assets.settings.load import load_settings
from thumb_assets.store.parquet import TableStore
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.frame import Frame
from thumb_assets_tests.support.decoded import identities_of
from thumb_assets_tests.support.drawing import draw_frame
from thumb_assets_tests.support.encoding import encode
from thumb_assets_tests.support.running import WITHOUT_MODELS, register


@pytest.fixture
def frames(tmp_path: Path) -> list[Frame]:
    """Drawn pictures; the even ones are flat."""
    pictures = [draw_frame(index, width=160, height=96) // (1 if index % 2 else 64) for index in range(12)]
    with VideoDecoder(encode(tmp_path / "clip.mp4", pictures)) as decoder:
        return list(decoder)


def test_the_sharpest_are_kept(frames: list[Frame]) -> None:
    kept = KeptFrames(most=4)
    found = kept.of_video("clip", codec="h264")
    for frame in frames:
        kept.add("clip", frame)
    assert len(found) == 4
    assert all(index % 2 for index in found)


def test_no_more_bytes_are_held_than_allowed_whatever_the_number_of_videos(frames: list[Frame]) -> None:
    size = frames[0].num_bytes
    kept = KeptFrames(most=12, most_bytes=5 * size)
    found = [kept.of_video(f"clip-{number}", codec="h264") for number in range(3)]
    for number in range(3):
        for frame in frames:
            kept.add(f"clip-{number}", frame)
    held = [len(frames_of) for frames_of in found]
    assert sum(held) == 5
    kept.forget("clip-0")
    assert sum(len(frames_of) for frames_of in found) == 5 - held[0]


def test_none_is_kept_where_none_is_wanted(frames: list[Frame]) -> None:
    kept = KeptFrames(most=0)
    found = kept.of_video("clip", codec="h264")
    kept.add("clip", frames[1])
    assert not found


def test_none_is_kept_that_may_decode_to_another_picture_the_next_time(frames: list[Frame]) -> None:
    kept = KeptFrames(most=4)
    found = kept.of_video("clip", codec="rawvideo")
    kept.add("clip", frames[1])
    assert not found


def test_a_kept_frame_is_the_fetched_one_and_needs_no_video(frames: list[Frame], tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    identities = identities_of(path)
    with open_fetcher(path, identities, temporary_dir=tmp_path) as fetcher:
        fetched = {frame.frame_index: frame.rgb() for frame, _ in fetcher.fetch_many([3, 5])}
    path.unlink()
    at_hand = {index: frames[index] for index in (3, 5)}
    with open_fetcher(path, identities, temporary_dir=tmp_path, at_hand=at_hand) as fetcher:
        shown = {frame.frame_index: (frame.rgb(), method) for frame, method in fetcher.fetch_many([5, 3])}
    assert {method for _, method in shown.values()} == {"seek"}
    for index, (rgb, _) in shown.items():
        np.testing.assert_array_equal(rgb, fetched[index])


def test_a_frame_whose_bytes_changed_in_memory_is_fetched_instead(frames: list[Frame], tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    identities = identities_of(path)
    frame = frames[3]
    assert frame.luma_hash == identities.luma_hash[3]  # remembered by the frame
    plane = frame._picture.planes[2]
    spoiled = bytearray(bytes(plane))
    spoiled[0] ^= 0xFF
    plane.update(bytes(spoiled))
    with open_fetcher(path, identities, temporary_dir=tmp_path, at_hand={3: frame}) as fetcher:
        ((found, method),) = fetcher.fetch_many([3])
    assert method == "seek"
    assert found.fingerprint == (identities.luma_hash[3], identities.chroma_hash[3])


def test_stills_of_a_run_need_no_second_decode_and_are_the_same(tmp_path: Path) -> None:
    pictures = [draw_frame(index, width=320, height=180) for index in range(60)]
    tables = {}
    for most in (0, 24):
        path, data_dir = encode(tmp_path / "clip.mp4", pictures), tmp_path / str(most)
        (video_id,) = register(data_dir, [path])
        settings = load_settings(overrides=[f"video.kept_frames={most}"])
        for result in run([video_id], WITHOUT_MODELS, settings, TableStore(data_dir)):
            if result.stage == "selections" and most:
                path.write_bytes(b"no video any more")
            if result.stage == "stills":
                assert result.status == "done", result.message
                tables[most] = result.tables["stills"]
    assert tables[0].num_rows
    assert tables[24].equals(tables[0])
