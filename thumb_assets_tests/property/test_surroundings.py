"""Measures around many candidates at once are those around each of them alone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from thumb_assets.select.surroundings import surroundings
from thumb_assets_tests.unit.select.builders import candidates_table, frames_table, shots_table

# Eight frames a second: so many lie within 0.8 s to either side, and none but the next within 0.12 s of a difference.
SECONDS, REACH = 0.125, 6
levels = st.none() | st.sampled_from([0.0, 1.0, 2.5, 40.0, 41.3])


@st.composite
def videos(draw):
    """Measures of some frames, the candidates among them, and where shots begin."""
    number = draw(st.integers(1, 40))
    names = ("luma_mean", "luma_std", "laplacian_variance", "frame_difference")
    columns = {name: draw(st.lists(levels, min_size=number, max_size=number)) for name in names}
    places = st.sets(st.integers(0, number - 1), min_size=1)
    return number, columns, sorted(draw(places)), sorted({0, *draw(places)})


def share(value: float, others: np.ndarray) -> float:
    greatest = max(others[~np.isnan(others)], default=0)
    return value / greatest if greatest > 0 else 1.0


@given(videos())
def test_each_candidate_is_measured_by_its_own_span_of_frames(video):
    number, columns, indices, starts = video
    values = surroundings(
        candidates_table({index: index * SECONDS for index in indices}),
        frames=frames_table([index * SECONDS for index in range(number)], **columns),
        shots=shots_table(starts, num_frames=number),
    )
    means, contrasts, variances, differences = (np.array(column, np.float64) for column in columns.values())
    for place, index in enumerate(indices):
        start, end = max(at for at in starts if at <= index), min((at for at in starts if at > index), default=number)
        around = slice(max(index - REACH, start), min(index + REACH + 1, end))
        moves = differences[max(index, start + 1) : min(index + 2, end)]
        expected = {"greatest_motion": max(moves[~np.isnan(moves)], default=np.nan)}
        if not np.isnan(means[index]):
            expected["contrast_share"] = share(contrasts[index], contrasts[around])
            expected["sharpness_share"] = share(variances[index], variances[around])
            expected["brightness_jump"] = means[index] - np.nanmedian(means[around])
        for name in ("greatest_motion", "contrast_share", "sharpness_share", "brightness_jump"):
            np.testing.assert_equal(values[name][place], expected.get(name, np.nan), name)
