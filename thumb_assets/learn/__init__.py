"""Learns what people like: from labels of frames to the head that `select` scores candidates with.

What belongs here: reading labels, training, and the comparison on videos that were held out. What does not: the
features and the prediction (select), where the head is kept (store), which tables are read and when the head is used
(pipeline). scikit-learn and scipy are imported inside the functions, and nowhere else.
"""

from thumb_assets.learn.compare import MEASURES, Compared, Estimate, is_better
from thumb_assets.learn.examples import Examples, examples_of
from thumb_assets.learn.labels import Label, LeftOut, labels_of_decisions, merged, read_labels
from thumb_assets.learn.train import MIN_LABELS, Training, train

__all__ = [
    "MEASURES",
    "MIN_LABELS",
    "Compared",
    "Estimate",
    "Examples",
    "Label",
    "LeftOut",
    "Training",
    "examples_of",
    "is_better",
    "labels_of_decisions",
    "merged",
    "read_labels",
    "train",
]
