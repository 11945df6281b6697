"""Loudness by the signals of EBU Tech 3341 and BS.1770, peaks and onsets, whatever the form of the blocks."""

import subprocess
import sys

import numpy as np
import pytest

from thumb_assets.audio import Heard, SoundMeter, channel_weights, k_weighting
from thumb_assets.tables.soundtrack import SILENCE_LUFS
from thumb_assets.video.sound import SoundBlock
from thumb_assets.video.sound_filter import SoundFilter
from thumb_assets_tests.support.film import tone

STEREO = ("FL", "FR")


def measured(samples, *, rate=48_000, channels=STEREO, begin=0.0, at=0.0, seconds=None, block=10_007) -> Heard:
    """Measures samples (C, N) that begin at `at`, in blocks of an odd size."""
    seconds = samples.shape[1] / rate + at - begin if seconds is None else seconds
    meter = SoundMeter(begin_seconds=begin, end_seconds=begin + seconds)
    for first in range(0, samples.shape[1], block):
        part = samples[:, first : first + block].astype(np.float32)
        meter.add(SoundBlock(at + first / rate, rate, channels, part, is_joined=first > 0))
    return meter.heard()


@pytest.mark.parametrize("rate", [8000, 44_100, 48_000, 192_000])
@pytest.mark.parametrize("level", [-23.0, -33.0])
def test_a_stereo_sine_of_1_khz_has_the_loudness_of_its_level(rate, level):
    """EBU Tech 3341, cases 1 and 2."""
    heard = measured(tone(3, hertz=1000, level=10 ** (level / 20), rate=rate, channels=2), rate=rate)
    assert heard.loudness_lufs[1:-1] == pytest.approx(level, abs=0.1)
    assert heard.peak_dbfs == pytest.approx(level, abs=0.1)


def test_a_full_mono_sine_is_3_db_below():
    heard = measured(tone(2, level=1.0), channels=("FC",))
    assert heard.loudness_lufs[1:-1] == pytest.approx(-3.01, abs=0.05)


def test_surrounds_count_more_and_the_subwoofer_not_at_all():
    surround = ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR")
    assert channel_weights(surround).tolist() == [1, 1, 1, 0, 1, 1, 1.41, 1.41]
    samples = np.zeros((8, 96_000))
    samples[3] = tone(2)[0]
    assert (measured(samples, channels=surround).loudness_lufs[1:] == SILENCE_LUFS).all()


def test_the_size_of_blocks_changes_nothing():
    samples = np.random.default_rng(0).normal(0, 0.1, (2, 100_000))
    one, other = measured(samples, block=1_000_000), measured(samples, block=1013)
    for name in ("loudness_lufs", "peak_dbfs", "onset_db"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-4)


def test_a_clap_in_silence_is_an_onset_where_it_is():
    samples = np.zeros((2, 48_000 * 4))
    samples[:, round(48_000 * 2.7) :][:, :4800] = 0.5
    heard = measured(samples)
    assert int(np.argmax(heard.onset_db)) == 5
    assert int(np.argmax(heard.peak_dbfs)) == 5
    assert heard.onset_db[[0, 1, 2, 3, 7]] == pytest.approx(0)


def test_sound_is_placed_on_the_picture_s_timeline():
    """It begins before the picture, ends before it, and half seconds without it have no value."""
    heard = measured(tone(3, channels=2), begin=10.0, at=9.0, seconds=4.0)
    assert heard.begin_seconds.tolist() == [10 + 0.5 * step for step in range(8)]
    assert np.isnan(heard.loudness_lufs).tolist() == [False] * 4 + [True] * 4


def test_a_picture_without_length_has_no_rows():
    assert len(measured(tone(1, channels=2), seconds=0.0).begin_seconds) == 0


@pytest.mark.parametrize("rate", [4000, 44_100, 192_000])
def test_the_filters_are_those_of_scipy_to_1e_9_whatever_the_blocks(rate):
    from scipy.signal import sosfilt

    sections = k_weighting(rate)
    samples = np.random.default_rng(0).normal(0, 0.3, (3, 60_001)).astype(np.float32)
    samples[:, 20_000:40_000] = 0
    own = SoundFilter(sections, num_channels=3)
    parts = [own(samples[:, first:last]) for first, last in ((0, 30_000), (30_000, 30_001), (30_001, 60_001))]
    assert np.concatenate(parts, axis=1) == pytest.approx(sosfilt(sections, samples.astype(np.float64)), abs=1e-9)


def test_loudness_needs_no_scipy():
    """Importing scipy.signal took half the time that sound takes."""
    code = "import sys; from thumb_assets.stages.audio import STAGE; assert 'scipy.signal' not in sys.modules"
    code += "; from thumb_assets_tests.unit.test_audio import measured; import numpy as np"
    code += "; measured(np.zeros((2, 48000))); assert 'scipy.signal' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
