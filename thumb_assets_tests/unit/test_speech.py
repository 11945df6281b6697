"""Silero VAD in NumPy: what it hears in real clips, and that the size of blocks changes nothing."""

from fractions import Fraction

import numpy as np
import pytest

from thumb_assets.errors import ModelUnavailableError
from thumb_assets.settings.stages import VideoSettings
from thumb_assets.speech import CHUNK, RATE, SpeechDetector, SpeechMeter
from thumb_assets.video.sound import SoundReader
from thumb_assets.video.stamps import VideoStamps
from thumb_assets.weights.registry import get_model_file
from thumb_assets.weights.resolve import find_local
from thumb_assets_tests.support.film import tone


@pytest.fixture(scope="module")
def detector():
    path = find_local(get_model_file("silero-vad"))
    if path is None:
        pytest.skip("the package silero-vad is not installed")
    return SpeechDetector(path)


def test_silence_noise_and_tones_are_no_speech(detector):
    random = np.random.default_rng(0)
    for samples in (np.zeros(RATE), random.normal(0, 0.1, RATE), tone(1, rate=RATE)[0]):
        detector.reset()
        assert detector.hear(samples.astype(np.float32))[5:].max() < 0.3


def test_the_size_of_blocks_changes_nothing(detector):
    samples = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    detector.reset()
    whole = detector.hear(samples)
    detector.reset()
    parts = [detector.hear(samples[first : first + 701]) for first in range(0, RATE, 701)]
    assert len(whole) == RATE // CHUNK
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-5)


def test_steps_without_sound_are_not_known(detector):
    meter = SpeechMeter(detector, begin_seconds=10.0, step_seconds=0.5, num_steps=4)
    meter.add(np.zeros(RATE, np.float32), seconds=10.5, is_joined=False)
    assert np.isnan(meter.probabilities).tolist() == [True, False, False, True]


@pytest.mark.parametrize(("name", "least", "most"), [("ss_ted.mp4", 0.9, 1.0), ("kb_dash.mp4", 0.0, 0.1)])
def test_a_talk_is_speech_and_a_road_is_not(name, least, most, detector, shared_dir):
    path = shared_dir / "footage" / name
    if not path.exists():
        pytest.skip("no labelled footage here")
    meter = SpeechMeter(detector, begin_seconds=0.0, step_seconds=0.5, num_steps=20)
    with SoundReader(path, VideoStamps(0, Fraction(1, 1000), "mov"), VideoSettings(), has_voice=True) as reader:
        for block in reader.blocks(end_seconds=10.0):
            meter.add(block.voice, seconds=block.seconds, is_joined=block.is_joined)
    assert least <= np.mean(meter.probabilities > 0.5) <= most


def test_another_file_is_one_clear_line(tmp_path):
    path = tmp_path / "silero_vad_16k.safetensors"
    path.write_bytes(b"\0" * 100)
    with pytest.raises(ModelUnavailableError, match="is not Silero VAD's file") as error:
        SpeechDetector(path)
    assert "\n" not in str(error.value)
