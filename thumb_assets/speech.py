"""Probability of speech in sound, by Silero VAD (MIT): its network of 309 thousand weights, in NumPy.

What belongs here: the network. What does not: finding its file (weights), decoding (video), other measures of sound
(audio).
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thumb_assets.errors import ModelUnavailableError

RATE = 16_000
# Samples that one answer is for, and those before them that it hears too.
CHUNK, _CONTEXT = 512, 64
# Of the short-time spectrum: samples, step, what is mirrored at the end of a chunk, and frequencies.
_SPECTRUM, _STEP, _MIRRORED, _FREQUENCIES = 256, 128, 64, 129
_SIZE = 128
# From here on a sigmoid is 0 or 1 in float32.
_FAR = 60.0

Floats = NDArray[np.float32]


class SpeechDetector:
    """Hears sound chunk by chunk; remembers what came before.

    Args:
        path: `silero_vad_16k.safetensors` of the package silero-vad, version 6.

    Raises:
        ModelUnavailableError: the file holds no such network.
    """

    def __init__(self, path: Path) -> None:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            self._weights: Mapping[str, Floats] = load_file(path)
            self._convolutions = [_Convolution.of(self._weights, number, stride) for number, stride in _LAYERS]
            self._input = self._weights["lstm_cell.weight_ih"].T
            self._recurrent = np.ascontiguousarray(self._weights["lstm_cell.weight_hh"].T)
        except (SafetensorError, KeyError, ValueError, OSError) as error:
            raise ModelUnavailableError(f"{path}: is not Silero VAD's file ({error}); fetch it again") from error
        self.reset()

    def reset(self) -> None:
        """Forgets what came before."""
        self._rest = np.zeros(0, np.float32)
        self._context = np.zeros(_CONTEXT, np.float32)
        self._hidden, self._cell = np.zeros(_SIZE, np.float32), np.zeros(_SIZE, np.float32)

    def hear(self, samples: Floats) -> Floats:
        """The probability of speech in each whole chunk that the samples complete.

        Args:
            samples: (N,) float32, 16 kHz, one channel, full scale 1; they follow those before.

        Returns:
            (chunks,) float32, 0..1; what is left over waits for the next call.
        """
        heard = np.concatenate([self._rest, samples])
        num_chunks = len(heard) // CHUNK
        self._rest = heard[num_chunks * CHUNK :]
        if not num_chunks:
            return np.zeros(0, np.float32)
        whole = heard[: num_chunks * CHUNK]
        padded = np.concatenate([self._context, whole])
        self._context = whole[-_CONTEXT:]
        windows = np.lib.stride_tricks.sliding_window_view(padded, _CONTEXT + CHUNK)[::CHUNK]
        return self._remembered(self._features(windows))

    def _features(self, windows: Floats) -> Floats:
        """(C, 128) of each window, (C, 576), alone."""
        mirrored = np.concatenate([windows, windows[:, -2 : -_MIRRORED - 2 : -1]], axis=1)
        frames = np.lib.stride_tricks.sliding_window_view(mirrored, _SPECTRUM, axis=1)[:, ::_STEP]
        waves = frames.reshape(-1, _SPECTRUM) @ self._weights["stft_conv.weight"][:, 0].T
        power = np.square(waves[:, :_FREQUENCIES]) + np.square(waves[:, _FREQUENCIES:])
        values = np.sqrt(power).reshape(*frames.shape[:2], _FREQUENCIES)
        for convolution in self._convolutions:
            values = convolution(values)
        return np.asarray(values[:, 0])

    def _remembered(self, features: Floats) -> Floats:
        """The LSTM over the chunks in order, and what it makes of each."""
        weights = self._weights
        own = features @ self._input + weights["lstm_cell.bias_ih"] + weights["lstm_cell.bias_hh"]
        states = np.empty((len(features), _SIZE), np.float32)
        for place, gates in enumerate(own):
            entering, kept, new, shown = np.split(gates + self._hidden @ self._recurrent, 4)
            self._cell = _sigmoid(kept) * self._cell + _sigmoid(entering) * np.tanh(new)
            self._hidden = _sigmoid(shown) * np.tanh(self._cell)
            states[place] = self._hidden
        last = np.maximum(states, 0) @ weights["final_conv.weight"].reshape(-1)
        return np.asarray(_sigmoid(last + weights["final_conv.bias"]), np.float32)


class SpeechMeter:
    """The greatest probability of speech in each step of a video.

    Args:
        detector: the network.
        begin_seconds: when the first step begins.
        step_seconds: length of a step.
        num_steps: R.
    """

    def __init__(self, detector: SpeechDetector, *, begin_seconds: float, step_seconds: float, num_steps: int) -> None:
        self._detector, self._begin, self._step = detector, begin_seconds, step_seconds
        self._next_seconds = 0.0
        self._probabilities = np.full(num_steps, np.nan)

    def add(self, samples: Floats, *, seconds: float, is_joined: bool) -> None:
        """Takes in sound at 16 kHz in one channel, (N,) float32, that begins at a second or follows that before."""
        if not is_joined:
            self._detector.reset()
            self._next_seconds = seconds
        heard = self._detector.hear(samples)
        middles = self._next_seconds + (np.arange(len(heard)) + 0.5) * CHUNK / RATE
        self._next_seconds += len(heard) * CHUNK / RATE
        steps = np.floor((middles - self._begin) / self._step).astype(np.int64)
        is_inside = (steps >= 0) & (steps < len(self._probabilities))
        np.fmax.at(self._probabilities, steps[is_inside], heard[is_inside])

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """(R,) float64, 0..1; NaN where nothing was heard."""
        return self._probabilities


# Number and stride of the convolutions; each sees three values and is followed by a rectifier.
_LAYERS = ((1, 1), (2, 2), (3, 2), (4, 1))


class _Convolution:
    """Over time, of three values, with a zero at either end."""

    def __init__(self, weight: Floats, bias: Floats, stride: int) -> None:
        self._weight = np.ascontiguousarray(weight.transpose(2, 1, 0).reshape(-1, weight.shape[0]))
        self._bias, self._stride = bias, stride

    @classmethod
    def of(cls, weights: Mapping[str, Floats], number: int, stride: int) -> "_Convolution":
        return cls(weights[f"conv{number}.weight"], weights[f"conv{number}.bias"], stride)

    def __call__(self, values: Floats) -> Floats:
        """(C, T, channels) to (C, T / stride, channels of the next layer)."""
        num_times = values.shape[1]
        padded = np.pad(values, ((0, 0), (1, 1), (0, 0)))
        stacked = np.concatenate([padded[:, at : at + num_times : self._stride] for at in range(3)], axis=2)
        made = stacked.reshape(-1, stacked.shape[2]) @ self._weight + self._bias
        return np.asarray(np.maximum(made, 0).reshape(*stacked.shape[:2], -1), np.float32)


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -_FAR, _FAR))), np.float32)
