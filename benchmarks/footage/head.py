"""A learned head over the components: a logistic model of good against bad frames, measured against the weights."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.footage.choices import Choices
from benchmarks.footage.measures import Counts
from thumb_assets.select.measure import CandidateArrays
from thumb_assets.select.ranks import groups_of, percentile_ranks, quantiles_of_groups
from thumb_assets.settings.load import load_settings

FloatArray = npt.NDArray[np.float64]
# Percentiles within the video of these values; with a minus less is better.
FEATURES = (
    "laplacian_variance",
    "clip_score",
    "luma_std",
    "-motion",
    "acutance",
    "luma_entropy",
    "-text_share",
    "-unlike_luma",
)
# The head's score stands in for this value, which counts by the weight of `stillness`.
_PLACE = "motion"
_WEIGHTS = ("sharpness", "clip", "iqa", "contrast")
# By name of a way of asking the head: settings under which its score counts.
WAYS: Mapping[str, tuple[str, ...]] = {
    "alone": ("selection.weights.stillness=1", *(f"selection.weights.{name}=0" for name in _WEIGHTS)),
    "and weights": ("selection.weights.stillness=0.65",),
}


def features_of(candidates: CandidateArrays) -> FloatArray:
    """(N, F) float64 in 0..1, by FEATURES; 0.5 where a value is not known.

    `unlike_luma` is the distance of the mean luma from the video's median.
    """
    groups = groups_of(candidates.offsets)
    luma = candidates["luma_mean"]
    usual = quantiles_of_groups(luma, 0.5, offsets=candidates.offsets)
    columns = []
    for feature in FEATURES:
        name = feature.removeprefix("-")
        values = np.abs(luma - usual[groups]) if name == "unlike_luma" else candidates[name]
        columns.append(percentile_ranks(-values if feature.startswith("-") else values, groups=groups))
    return np.nan_to_num(np.stack(columns, axis=1), nan=0.5)


def counts_of_head(choices: Choices, sources: Sequence[str]) -> dict[str, list[Counts]]:
    """Counts by clip, by name: of a head fitted on all clips, and of one fitted on the other sources."""
    features, clip_of = features_of(choices.candidates), groups_of(choices.candidates.offsets)
    is_good, is_bad = _labels(choices)
    names, source_of = np.unique(sources, return_inverse=True)
    left_out = np.zeros(len(features))
    for place in range(len(names)):
        is_out = source_of[clip_of] == place
        left_out[is_out] = _fitted(features, is_good & ~is_out, is_bad & ~is_out, clip_of, features[is_out])
    scores = {"all clips": _fitted(features, is_good, is_bad, clip_of, features), "left out": left_out}
    counts = {}
    for way, overrides in WAYS.items():
        settings = load_settings(overrides=overrides).selection
        for of, own in scores.items():
            # Stillness is less motion.
            counts[f"learned head {way}, {of}"] = choices.with_values({_PLACE: -own}).counts(settings)
    return counts


def _labels(choices: Choices) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Marks candidates that show a wanted moment, and those that nobody would take."""
    is_good, is_bad = [], []
    for video, clip in enumerate(choices.clips):
        for frame in choices.candidates.frame_indices[choices.candidates.span(video)].tolist():
            is_bad.append(clip.why_bad(frame) is not None)
            is_good.append(clip.moment_of(frame) is not None and not is_bad[-1])
    return np.array(is_good, np.bool_), np.array(is_bad, np.bool_)


def _fitted(
    features: FloatArray,
    is_good: npt.NDArray[np.bool_],
    is_bad: npt.NDArray[np.bool_],
    clip_of: npt.NDArray[np.unsignedinteger],
    wanted: FloatArray,
) -> FloatArray:
    """The head's scores (n,) of these features, 0..1; each clip counts the same, however many candidates it has."""
    from sklearn.linear_model import LogisticRegression

    is_used = is_good | is_bad
    weights = 1.0 / np.bincount(clip_of[is_used], minlength=int(clip_of.max()) + 1)[clip_of[is_used]]
    model = LogisticRegression(class_weight="balanced").fit(features[is_used], is_good[is_used], sample_weight=weights)
    return np.asarray(model.predict_proba(wanted)[:, 1], np.float64)
