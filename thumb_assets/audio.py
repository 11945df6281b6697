"""Loudness, peaks and onsets of sound, every half second.

What belongs here: measures of samples. What does not: decoding (video), thresholds and verdicts (select).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from thumb_assets.tables.soundtrack import SILENCE_LUFS

if TYPE_CHECKING:
    from thumb_assets.video.sound import SoundBlock
    from thumb_assets.video.sound_filter import SoundFilter

STEP_SECONDS = 0.5
# EBU Tech 3341: momentary loudness is that of 400 ms, at least ten times a second.
_BIN_SECONDS, _WINDOW_BINS, _STEP_BINS = 0.1, 4, 5
# A rise is measured from the mean of so many bins before.
_BEFORE_BINS = 3
# The peak of digital silence.
_LEAST_PEAK_DBFS = -120.0
# BS.1770-4, table 4 and Annex 3: channels at the side count for 1.5 dB more, the subwoofer not at all.
_SIDE_WEIGHT = 1.41
_SIDES, _SUBWOOFERS = frozenset({"SL", "SR"}), frozenset({"LFE", "LFE2"})
_BACKS = frozenset({"BL", "BR"})

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Heard:
    """Measures of each half second of a video; see the table `audio` for units.

    Attributes:
        begin_seconds: (R,) float64.
        loudness_lufs, peak_dbfs, onset_db: (R,) float64; NaN where there is no sound.
    """

    begin_seconds: Floats
    loudness_lufs: Floats
    peak_dbfs: Floats
    onset_db: Floats


class SoundMeter:
    """Measures sound block by block.

    Args:
        begin_seconds: when the first frame appears.
        end_seconds: when the last one is gone.

    Attributes:
        num_steps: half seconds of the video.
    """

    def __init__(self, *, begin_seconds: float, end_seconds: float) -> None:
        self._begin = begin_seconds
        self.num_steps = max(0, int(np.ceil(round((end_seconds - begin_seconds) / STEP_SECONDS, 6))))
        num_bins = self.num_steps * _STEP_BINS
        self._power, self._counts, self._peaks = np.zeros(num_bins), np.zeros(num_bins), np.zeros(num_bins)
        self._form: tuple[int, tuple[str, ...]] | None = None
        self._weighting: SoundFilter | None = None

    def add(self, block: "SoundBlock") -> None:
        """Takes in the next block."""
        from thumb_assets.video.sound_filter import SoundFilter

        form = (block.rate, block.channels)
        if self._weighting is None or form != self._form or not block.is_joined:
            self._form = form
            self._weighting = SoundFilter(k_weighting(block.rate), num_channels=len(block.channels))
        power = channel_weights(block.channels) @ np.square(self._weighting(block.samples))
        peaks = np.abs(block.samples).max(axis=0)
        offset = (block.seconds - self._begin) / _BIN_SECONDS
        first = int(np.floor(offset))
        last = int(np.floor(offset + (len(power) - 0.5) / (block.rate * _BIN_SECONDS)))
        edges = np.ceil((np.arange(first, last + 1) - offset) * block.rate * _BIN_SECONDS - 1e-6).astype(np.int64)
        edges = np.clip(edges, 0, len(power) - 1)
        inside = np.arange(first, last + 1)
        is_kept = (inside >= 0) & (inside < len(self._power))
        places = inside[is_kept]
        self._power[places] += np.add.reduceat(power, edges)[is_kept]
        self._counts[places] += np.diff(np.append(edges, len(power)))[is_kept]
        self._peaks[places] = np.maximum(self._peaks[places], np.maximum.reduceat(peaks, edges)[is_kept])

    def heard(self) -> Heard:
        """The measures of all that was taken in."""
        is_heard = self._counts.reshape(-1, _STEP_BINS).sum(axis=1) > 0
        windows = _decibels(_sums(self._power, before=2, after=1), _sums(self._counts, before=2, after=1)) - 0.691
        levels = np.maximum(_decibels(self._power, self._counts), SILENCE_LUFS)
        earlier = _decibels(*(_sums(each, before=_BEFORE_BINS, after=-1) for each in (self._power, self._counts)))
        rises = np.nan_to_num(levels - np.maximum(earlier, SILENCE_LUFS), nan=0.0)
        peaks = 20 * np.log10(np.maximum(self._peaks, 10 ** (_LEAST_PEAK_DBFS / 20)))
        return Heard(
            self._begin + STEP_SECONDS * np.arange(self.num_steps, dtype=np.float64),
            _greatest(np.maximum(windows, SILENCE_LUFS), is_heard),
            _greatest(peaks, is_heard),
            _greatest(np.maximum(rises, 0.0), is_heard),
        )


def k_weighting(rate: int) -> Floats:
    """The two filters of ITU-R BS.1770-4 for any rate above 3.4 kHz, (2, 6) second-order sections.

    The standard gives coefficients for 48 kHz; the analogue parameters behind them are from De Man, "Evaluation of
    implementations of the EBU R128 loudness measurement", AES 2018.

    >>> k_weighting(48000)[0].round(8).tolist()
    [1.53512486, -2.69169619, 1.19839281, 1.0, -1.69065929, 0.73248077]
    """
    gain, frequency, quality = 10 ** (3.999843853973347 / 20), 1681.974450955533, 0.7071752369554196
    band = gain**0.4996667741545416
    k = np.tan(np.pi * frequency / rate)
    scale = 1 + k / quality + k * k
    shelf = [
        *((gain + band * k / quality + k * k) / scale, 2 * (k * k - gain) / scale),
        *((gain - band * k / quality + k * k) / scale, 1.0),
        *(2 * (k * k - 1) / scale, (1 - k / quality + k * k) / scale),
    ]
    frequency, quality = 38.13547087602444, 0.5003270373238773
    k = np.tan(np.pi * frequency / rate)
    scale = 1 + k / quality + k * k
    high_pass = [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / scale, (1 - k / quality + k * k) / scale]
    return np.array([shelf, high_pass])


def channel_weights(channels: Sequence[str]) -> Floats:
    """The weight of each channel's power in BS.1770-4, (C,) float64.

    Args:
        channels: FFmpeg's names. Where there are none at the sides, as in 5.1(back), those at the back are there.

    >>> channel_weights(["FL", "FR", "FC", "LFE", "BL", "BR"]).tolist()
    [1.0, 1.0, 1.0, 0.0, 1.41, 1.41]
    """
    sides = _SIDES if _SIDES & set(channels) else _BACKS
    return np.array([0.0 if name in _SUBWOOFERS else _SIDE_WEIGHT if name in sides else 1.0 for name in channels])


def _sums(values: Floats, *, before: int, after: int) -> Floats:
    """The sum over the bins from so many before each to so many after it."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    places = np.arange(len(values))
    firsts, lasts = np.maximum(places - before, 0), np.clip(places + after + 1, 0, len(values))
    return np.asarray(np.maximum(total[lasts] - total[firsts], 0.0))


def _decibels(power: Floats, counts: Floats) -> Floats:
    """10 log10 of the mean power; NaN where nothing was counted."""
    mean = np.divide(power, counts, out=np.full_like(power, np.nan), where=counts > 0)
    return np.asarray(10 * np.log10(np.maximum(mean, 1e-12)))


def _greatest(values: Floats, is_heard: NDArray[np.bool_]) -> Floats:
    """The greatest of each step; NaN where nothing is heard."""
    steps = np.nan_to_num(values, nan=-np.inf).reshape(-1, _STEP_BINS).max(axis=1)
    return np.where(is_heard, steps, np.nan)
