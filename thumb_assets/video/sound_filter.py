"""Filters sound sample by sample, in FFmpeg's own code."""

from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

# A rate is only a label here: the coefficients know the real one.
_RATE = 48_000

Floats = NDArray[np.float64]


class SoundFilter:
    """Recursive filters, one behind the other, over every channel; remembers what came before.

    FFmpeg's `biquad` is faster than SciPy's `sosfilt`, gives the same to 1e-11, and is loaded anyway.

    Args:
        sections: (S, 6) float64, second-order sections as SciPy writes them: b0, b1, b2, a0, a1, a2.
        num_channels: C.
    """

    def __init__(self, sections: Floats, *, num_channels: int) -> None:
        self._graphs = [_graph(sections) for _ in range(num_channels)]
        self._num_samples = 0

    def __call__(self, samples: NDArray[np.float32]) -> Floats:
        """The samples that follow those before, filtered.

        Args:
            samples: (C, N) float32 or float64, N at least 1.

        Returns:
            (C, N) float64.
        """
        filtered = np.empty(samples.shape)
        for place, graph in enumerate(self._graphs):
            frame = av.AudioFrame.from_ndarray(samples[place : place + 1].astype(np.float64), "dblp", "mono")
            frame.sample_rate, frame.time_base, frame.pts = _RATE, Fraction(1, _RATE), self._num_samples
            graph.push(frame)
            filtered[place] = graph.pull().to_ndarray()[0]
        self._num_samples += samples.shape[1]
        return filtered


def _graph(sections: Floats) -> av.filter.Graph:
    graph = av.filter.Graph()
    graph.threads = 1
    last = graph.add_abuffer(sample_rate=_RATE, format="dblp", layout="mono", time_base=Fraction(1, _RATE))
    for section in sections.tolist():
        named = zip(("b0", "b1", "b2", "a0", "a1", "a2"), section, strict=True)
        options = ":".join(f"{name}={value!r}" for name, value in named)
        own = graph.add("biquad", f"{options}:precision=f64:transform=tdii")
        last.link_to(own)
        last = own
    last.link_to(graph.add("abuffersink"))
    graph.configure()
    return graph
