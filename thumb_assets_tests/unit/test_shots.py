from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from scenedetect import ContentDetector, FrameTimecode

from thumb_assets.settings.stages import ShotsSettings
from thumb_assets.shots.detector import ShotDetector
from thumb_assets.shots.transitions import ShotStart, shots_table
from thumb_assets_tests.support.drawing import draw_frame

RATE = Fraction(25)


def detect(frames: list[np.ndarray], **settings: object) -> tuple[list[ShotStart], dict[int, int]]:
    """The starts found, and at which frame each was announced."""
    detector = ShotDetector(ShotsSettings(**settings))
    announced = {}
    for frame_index, frame in enumerate(frames):
        announced |= dict.fromkeys(detector.process(frame, seconds=frame_index / 25), frame_index)
    return detector.finish(), announced


def two_shots(num_first: int = 30, num_second: int = 30) -> list[np.ndarray]:
    first = [draw_frame(i, shot_index=0) for i in range(num_first)]
    return first + [draw_frame(i + num_first, shot_index=1) for i in range(num_second)]


# The second shot differs from the first in what the detector looks at: hue, structure, or the luma histogram.
@pytest.mark.parametrize(("detector", "second"), [("adaptive", 1), ("content", 1), ("hash", 1), ("histogram", 4)])
def test_every_cut_detector_finds_the_cut(detector: str, second: int) -> None:
    # Without movement: a moving texture is a change of its own for the last two.
    frames = [draw_frame(0, shot_index=0)] * 30 + [draw_frame(0, shot_index=second)] * 30
    starts, _ = detect(frames, detector=detector)
    assert [start.frame_index for start in starts] == [0, 30]
    assert starts[1].transition == "cut"


def test_adaptive_announces_within_its_window() -> None:
    _, announced = detect(two_shots(), window_width=3)
    assert announced == {30: 33}


def test_content_detectors_report_their_score_at_the_cut() -> None:
    for detector in ("adaptive", "content"):
        starts, _ = detect(two_shots(), detector=detector)
        assert starts[1].detector_score is not None
        assert starts[1].detector_score > 27


def test_the_scores_are_those_of_the_library() -> None:
    frames, settings = two_shots(5, 5), ShotsSettings(detector="content", content_threshold=0.5, min_shot_seconds=0.0)
    starts, _ = detect(frames, **settings.model_dump())
    library = ContentDetector()
    expected = []
    for frame_index, frame in enumerate(frames):
        library.process_frame(FrameTimecode(frame_index, fps=25.0), np.ascontiguousarray(frame[..., ::-1]))
        expected.append(library._frame_score)
    found = {start.frame_index: start.detector_score for start in starts[1:]}
    assert found
    assert found == {frame_index: expected[frame_index] for frame_index in found}


def test_threshold_detector_finds_a_fade() -> None:
    levels = [1.0] * 20 + [max(0.0, 1 - i / 10) for i in range(10)] + [0.0] * 6 + [min(1.0, i / 10) for i in range(24)]
    frames = [(draw_frame(i) * level).astype(np.uint8) for i, level in enumerate(levels)]
    starts, _ = detect(frames, detector="threshold")
    assert len(starts) == 2
    assert starts[1].transition == "fade"
    assert 28 <= starts[1].frame_index <= 38


def test_cuts_closer_than_the_least_length_are_ignored() -> None:
    frames = [draw_frame(i, shot_index=(i // 5) % 4) for i in range(40)]
    starts, _ = detect(frames, min_shot_seconds=0.6)
    gaps = np.diff([start.frame_index for start in starts])
    assert (gaps >= 15).all()


@pytest.mark.parametrize("num_frames", [1, 2, 5])
def test_very_short_videos_are_one_shot(num_frames: int) -> None:
    starts, _ = detect([draw_frame(i) for i in range(num_frames)])
    assert [start.frame_index for start in starts] == [0]


def test_table_tiles_the_video() -> None:
    pts = np.arange(100, dtype=np.int64) * 512
    table = shots_table("v-00000000", [ShotStart(0), ShotStart(40, "fade", 3.0)], pts=pts, settings=ShotsSettings())
    rows = table.to_pylist()
    assert [(row["start_frame_index"], row["exclusive_end_frame_index"]) for row in rows] == [(0, 40), (40, 100)]
    assert [row["start_pts"] for row in rows] == [0, 40 * 512]
    assert rows[1]["transition"] == "fade"


@pytest.mark.parametrize(
    ("clip", "cuts"),
    [
        ("pos_video.mp4", [45, 165, 293]),  # variable rate: the library's own numbers are 57, 173, 296
        ("big_buck_bunny_0_30.webm", [283, 376, 551]),
        ("issue-195-aspect-ratio.mp4", [70, 170, 301, 421, 484]),
    ],
)
def test_cuts_of_real_clips_are_at_the_decode_index(shared_dir: Path, clip: str, cuts: list[int]) -> None:
    from thumb_assets.video.decode import VideoDecoder

    settings = ShotsSettings()
    with VideoDecoder(shared_dir / "video" / clip) as decoder:
        detector = ShotDetector(settings)
        for frame in decoder:
            detector.process(frame.rgb(settings.working_height), seconds=frame.pts_seconds)
    found = [start.frame_index for start in detector.finish()]
    assert set(cuts) <= set(found)
    assert len(found) <= len(cuts) + 2
