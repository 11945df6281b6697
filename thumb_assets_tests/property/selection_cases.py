"""Videos as Hypothesis draws them: few distinct values, so that ties and exact thresholds come up often."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from thumb_assets.select.guidance import Guidance
from thumb_assets.settings.selection import (
    ComponentWeights,
    KeyframesSettings,
    RejectSettings,
    SelectionSettings,
    SimilaritySettings,
)
from thumb_assets_tests.unit.select.builders import (
    Case,
    appearance_table,
    candidates_table,
    clip_table,
    decisions_table,
    faces_table,
    frames_table,
    iqa_table,
    recurrences_table,
    sharpness_table,
    shots_table,
    unlike_hash,
)

NUM_FRAMES = 41
levels = st.integers(0, 6).map(float)
maybe_levels = st.none() | levels
# Cosines of 1, 0.995, 0.955, 0.878, 0.07 and -1 among them: on both sides of what a near-duplicate is.
ANGLES = (0.0, 0.1, 0.3, 0.5, 1.5, np.pi)
# 0, 3, 7, 8 bits from the first, and two that are unlike all.
HASHES = (0, 0b111, 0b1111111, 0b11111111, unlike_hash(1), unlike_hash(2))


@st.composite
def selection_settings(draw: Callable[..., Any]) -> SelectionSettings:
    """Any strategy with any of its numbers."""
    names = ("sharpness", "clip", "iqa", "stillness", "contrast", "text")
    weights = {name: draw(st.sampled_from([0.0, 0.3, 1.0])) for name in names}
    return SelectionSettings(
        strategy=draw(st.sampled_from(["best", "best", "keyframes"])),
        top_k=draw(st.integers(1, 6) | st.just("auto")),
        max_k=draw(st.integers(1, 8)),
        min_coverage_gain=draw(st.sampled_from([0.0, 0.03, 0.5])),
        min_share_of_best=draw(st.sampled_from([0.0, 0.4, 0.9])),
        keep_least_bad=draw(st.booleans()),
        min_gap_seconds=draw(st.sampled_from([0.0, 1.0, 3.0])),
        distinct_shots=draw(st.booleans()),
        diversify=draw(st.sampled_from(["facility_location", "mmr", "none"])),
        diversity_weight=draw(st.sampled_from([0.0, 0.3, 1.0])),
        window_seconds=draw(st.sampled_from([None, None, None, (2.0, 11.0), (100.0, 101.0)])),
        weights=ComponentWeights(**weights),
        reject=RejectSettings(max_share=draw(st.sampled_from([0.0, 0.15, 0.4, 1.0]))),
        similarity=SimilaritySettings(
            is_relative=False,
            max_cosine=draw(st.sampled_from([0.93, 0.99, 0.5])),
            min_hash_distance=draw(st.sampled_from([0, 4, 8])),
        ),
        keyframes=KeyframesSettings(threshold=draw(st.sampled_from(["fixed", "dynamic", "percentile"]))),
    )


@st.composite
def cases(draw: Callable[..., Any]) -> Case:
    """A video of 1 to 12 candidates, with any of the tables, and settings."""
    frames = sorted(draw(st.sets(st.integers(0, NUM_FRAMES - 1), min_size=1, max_size=12)))
    seconds = {frame_index: draw(st.sampled_from([frame_index / 2, 3.0])) for frame_index in frames}
    starts = [0, *sorted(draw(st.sets(st.integers(1, NUM_FRAMES - 1), max_size=4)))]
    shots = {frame_index: sum(start <= frame_index for start in starts) - 1 for frame_index in frames}

    def values(strategy: st.SearchStrategy[Any]) -> dict[int, Any]:
        return {frame_index: draw(strategy) for frame_index in frames}

    def maybe(make: Callable[[], Any]) -> Any:
        return make() if draw(st.booleans()) else None

    def sharpness() -> Any:
        luma_means = values(st.sampled_from([0.0, 100.0, 100.0, 255.0, None]))
        stds = values(levels.map(lambda value: 4 * value))
        return sharpness_table(values(maybe_levels), luma_means=luma_means, luma_stds=stds)

    def clip_scores() -> Any:
        angles = values(st.sampled_from(ANGLES))
        return clip_table(
            values(st.sampled_from([None, 0.0, 0.1, 0.2, 0.3])),
            embeddings={frame: (np.cos(angle), np.sin(angle)) for frame, angle in angles.items()},
            title_card_similarities=values(st.sampled_from([None, 0.0, 0.2, 0.45])),
        )

    def appearance() -> Any:
        angles = values(st.sampled_from(ANGLES))
        shares = st.sampled_from([0.0, 0.05, 0.2, 0.7])
        return appearance_table(
            frames,
            failed=draw(st.lists(st.sampled_from(frames), max_size=1)),
            hashes=values(st.sampled_from(HASHES)),
            descriptors={frame: (np.cos(angle), np.sin(angle)) for frame, angle in angles.items()},
            luma_entropy=values(st.sampled_from([2.0, 6.0, 7.0])),
            bright_share=values(shares),
            text_share=values(shares),
            bar_share=values(shares),
        )

    def frames_of_video() -> Any:
        # By a seed: hundreds of single draws would take most of the time.
        random = np.random.default_rng(draw(st.integers(0, 1000)))
        of_frame = [random.integers(0, 7, NUM_FRAMES) * 10.0 for _ in range(4)]
        is_corrupt, is_keyframe = random.integers(0, 10, (2, NUM_FRAMES)) == 0
        return frames_table(
            [seconds.get(frame_index, frame_index / 2) for frame_index in range(NUM_FRAMES)],
            luma_mean=of_frame[0],
            luma_std=of_frame[1],
            laplacian_variance=of_frame[2],
            frame_difference=[None, *of_frame[3][1:]],
            is_corrupt=is_corrupt.tolist(),
            is_keyframe=is_keyframe.tolist(),
        )

    iqa = maybe(lambda: iqa_table({"niqe": values(maybe_levels), "musiq": values(maybe_levels)}))
    faces = maybe(lambda: faces_table([(frame, draw(st.sampled_from([0.5, 1.0])), 500.0) for frame in frames]))
    recurring = draw(st.dictionaries(st.sampled_from(frames), st.integers(0, 4), max_size=4))
    decisions = draw(st.dictionaries(st.sampled_from(frames), st.sampled_from(["pin", "ban"]), max_size=3))
    transitions = {start: draw(st.sampled_from(["cut", "dissolve", "fade"])) for start in starts[1:]}
    directions = st.sampled_from([None, np.eye(2, dtype=np.float32)[:1], np.eye(2, dtype=np.float32)])
    return Case(
        candidates_table(seconds, shots),
        maybe(sharpness),
        maybe(clip_scores),
        iqa,
        {"niqe": True, "musiq": False},
        faces,
        frames=maybe(frames_of_video),
        shots=maybe(lambda: shots_table(starts, num_frames=NUM_FRAMES, transitions=transitions)),
        appearance=maybe(appearance),
        recurrences=maybe(lambda: recurrences_table(recurring)),
        decisions=decisions_table(decisions) if decisions else None,
        settings=draw(selection_settings()),
        guidance=Guidance(looking_for=draw(directions), avoid=draw(st.just(None) | directions)),
    )
