"""Cost of our own PIQE beside pyiqa's, per picture of 960 x 540, on one thread: `python -m benchmarks.piqe`."""

import statistics
import time

import cv2
import numpy as np
import torch

from thumb_assets.iqa.piqe import PiqeMetric
from thumb_assets.iqa.pyiqa_metric import PyiqaMetric, QualityMetric

_NUM_RUNS = 20


def main() -> None:
    """Runs both in turn on one made picture, and prints the median CPU time of each."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    generator = np.random.default_rng(1)
    coarse = generator.integers(0, 256, (27, 48, 3)).astype(np.uint8)
    smooth = cv2.resize(coarse, (960, 540), interpolation=cv2.INTER_CUBIC)
    picture = np.clip(smooth + generator.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)[None]
    metrics: dict[str, QualityMetric] = {"ours": PiqeMetric(), "pyiqa": PyiqaMetric("piqe", "cpu")}
    taken: dict[str, list[float]] = {name: [] for name in metrics}
    for _ in range(_NUM_RUNS):
        for name, metric in metrics.items():
            start = time.thread_time()
            metric.score(picture)
            taken[name].append(1000 * (time.thread_time() - start))
    for name, milliseconds in taken.items():
        print(f"{name}: {statistics.median(milliseconds):.1f} ms of CPU time per picture")


if __name__ == "__main__":
    main()
