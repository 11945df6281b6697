"""The plan against the rules spelt out frame by frame, and the predictor against the plan."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from thumb_assets.candidates.plan import plan_candidates
from thumb_assets.candidates.predictor import CandidatePredictor
from thumb_assets.settings.stages import CandidatesSettings
from thumb_assets.tables.measurements import SAMPLING_METHODS
from thumb_assets_tests.unit.test_candidates import frames_table, shots_table

# Steps of 0 and below are the repeated and falling stamps of damaged files; all are exact binary fractions, as are
# the intervals, so that the rules below meet their borders exactly.
steady_steps = st.sampled_from([0.125])
LAST_SECONDS = 0.125
wild_steps = st.sampled_from([0.125, 0.25, 0.0, -0.5, 3.0, 2.0**20])


@dataclass(frozen=True)
class Video:
    seconds: list[float]
    starts: list[int]
    keyframes: frozenset[int]

    @property
    def shots(self) -> list[tuple[int, int]]:
        return list(zip(self.starts, [*self.starts[1:], len(self.seconds)], strict=True))

    def plan(self, settings):
        num_frames = len(self.seconds)
        return plan_candidates(
            frames_table(self.seconds, self.keyframes, LAST_SECONDS), shots_table(self.starts, num_frames), settings
        )


@st.composite
def videos(draw, steps=wild_steps, min_shot_frames=1):
    num_frames = draw(st.integers(1, 60))
    seconds = [draw(st.sampled_from([0.0, 10.5, -2.0]))]
    seconds += [0.0] * (num_frames - 1)
    for frame_index, step in enumerate(draw(st.lists(steps, min_size=num_frames - 1, max_size=num_frames - 1)), 1):
        seconds[frame_index] = seconds[frame_index - 1] + step
    starts = [0]
    for cut in sorted(draw(st.sets(st.integers(1, 59), max_size=8))):
        if cut - starts[-1] >= min_shot_frames and num_frames - cut >= min_shot_frames:
            starts.append(cut)
    keyframes = draw(st.frozensets(st.integers(0, num_frames - 1), max_size=5))
    return Video(seconds, starts, keyframes)


@st.composite
def candidates_settings(draw):
    return CandidatesSettings(
        shot_offset_seconds=draw(st.sampled_from([0.0, 0.25, 0.5])),
        uniform_interval_seconds=draw(st.sampled_from([None, 0.0625, 0.5, 2.0, 64.0])),
        min_num_candidates=draw(st.sampled_from([0, 1, 8])),
        shot_end_seconds=draw(st.sampled_from([None, 0.125, 0.25])),
        use_shots=draw(st.booleans()),
        use_keyframes=draw(st.booleans()),
        every_num_frames=draw(st.sampled_from([None, 1, 7])),
    )


def on_screen(bounds, moment):
    """The last frame that has appeared by then."""
    return max(i for i in range(len(bounds) - 1) if i == 0 or bounds[i] <= moment)


def shot_rule(bounds, start, exclusive_end, settings):
    begin, end = bounds[start], bounds[exclusive_end]
    due = begin + settings.shot_offset_seconds
    moment = due if due < end else begin + (end - begin) / 2
    return min(max(on_screen(bounds, moment), start), exclusive_end - 1)


def shot_end_rule(bounds, start, exclusive_end, settings, asked):
    margin = settings.shot_end_seconds
    moment = bounds[exclusive_end] - margin
    is_near = any(
        moment - 0.6 - 1e-6 <= bounds[i] <= moment + margin * 0.4 + 1e-6 for i in asked if start <= i < exclusive_end
    )
    if is_near or moment <= bounds[start]:
        return set()
    return {min(max(on_screen(bounds, moment), start), exclusive_end - 1)}


def uniform_rule(bounds, settings):
    """Every interval in turn, jumping over those that lie in one frame."""
    begin, duration, interval = bounds[0], bounds[-1] - bounds[0], settings.uniform_interval_seconds
    is_short = duration < settings.min_num_candidates * interval
    if is_short and duration:
        interval = duration / settings.min_num_candidates
    found, k = set(), 0
    for frame_index, end in enumerate(bounds[1:]):
        if bounds[frame_index] <= begin + (k + 0.5) * interval < end:
            found.add(frame_index)
            k = math.ceil((end - begin) / interval - 0.5)
    rest = duration % interval
    if not is_short and interval / 4 <= rest <= interval / 2:
        found.add(on_screen(bounds, begin + duration - rest / 2))
    return found


def expected_methods(video: Video, settings: CandidatesSettings) -> dict[int, list[str]]:
    bounds = [max(video.seconds[: i + 1]) for i in range(len(video.seconds))]
    bounds.append(bounds[-1] + LAST_SECONDS)
    n = settings.every_num_frames
    per_shot = [shot_rule(bounds, *shot, settings) for shot in video.shots]
    asked = {
        "shot": set(per_shot) if settings.use_shots else set(),
        "shot_end": set(),
        "uniform": set() if settings.uniform_interval_seconds is None else uniform_rule(bounds, settings),
        "keyframe": set(video.keyframes) if settings.use_keyframes else set(),
        "every": set() if n is None else set(range(0, len(video.seconds), n)),
        "pinned": set(),
        "state": set(),
        "cue": set(),
    }
    if settings.use_shots and settings.shot_end_seconds is not None:
        others = set().union(*asked.values())
        shown = [end - begin for begin, end in pairwise(bounds[:-1])]
        steps = sorted(step for step in shown if step > 0)
        usual = float(np.percentile(steps, 25)) if steps else 0.0
        is_held = any(each >= min(2.0, max(0.5, 4 * usual)) for each in shown)
        asked["shot_end"] = {len(shown)} if is_held else set()
        asked["shot_end"] |= set().union(*(shot_end_rule(bounds, *shot, settings, others) for shot in video.shots))
    if not any(asked.values()):
        asked["shot"] = {per_shot[0]}
    return {i: [name for name in SAMPLING_METHODS if i in asked[name]] for i in sorted(set().union(*asked.values()))}


def predict(
    video: Video, settings: CandidatesSettings, lateness: list[int], duration: float | None = None
) -> dict[int, int]:
    """frame_index -> how many frames before it the engine was, when it was wanted (0: the frame at hand)."""
    predictor = CandidatePredictor(settings, duration_seconds=duration)
    num_frames = len(video.seconds)
    due: dict[int, list[int]] = {}
    for start, late in zip(video.starts[1:], lateness, strict=False):
        due.setdefault(min(start + late, num_frames), []).append(start)
    wanted: dict[int, int] = {}
    for frame_index, seconds in enumerate(video.seconds):
        answer = predictor.observe(
            frame_index,
            pts_seconds=seconds,
            is_keyframe=frame_index in video.keyframes,
            shot_starts=due.get(frame_index, ()),
        )
        assert answer == sorted(answer)
        assert not wanted.keys() & set(answer)
        wanted |= {i: frame_index - i for i in answer}
    last = predictor.finish(due.get(num_frames, ()), last_seconds=LAST_SECONDS)
    assert not wanted.keys() & set(last)
    return wanted | {i: num_frames - i for i in last}


lateness_lists = st.lists(st.integers(0, 12), min_size=8, max_size=8)


@given(videos(), candidates_settings())
def test_plan_is_what_the_rules_say(video, settings):
    table = video.plan(settings)
    found = dict(zip(table["frame_index"].to_pylist(), table["sampling_methods"].to_pylist(), strict=True))
    expected = expected_methods(video, settings)
    extra = found.keys() - expected.keys()
    assert {frame: found[frame] for frame in expected} == expected
    # A short video is filled up to the least number.
    assert not extra or len(found) == min(settings.min_num_candidates, len(video.seconds))


@given(videos(), candidates_settings())
def test_every_candidate_lies_in_its_shot(video, settings):
    rows = video.plan(settings).to_pylist()
    assert rows
    for row in rows:
        start, exclusive_end = video.shots[row["shot_index"]]
        assert start <= row["frame_index"] < exclusive_end
        assert row["pts_seconds"] == video.seconds[row["frame_index"]]
        assert row["sampling_methods"]


@given(videos(), candidates_settings())
def test_every_shot_has_a_candidate_when_shots_are_on(video, settings):
    table = video.plan(settings.model_copy(update={"use_shots": True}))
    assert set(table["shot_index"].to_pylist()) == set(range(len(video.starts)))


@given(videos(), candidates_settings(), lateness_lists, st.sampled_from([None, 0.0, 1.0, 1e6]))
def test_predictor_wants_all_of_the_plan(video, settings, lateness, duration):
    planned = video.plan(settings)["frame_index"].to_pylist()
    assert set(planned) <= predict(video, settings, lateness, duration).keys()


@given(videos(steps=steady_steps, min_shot_frames=5), candidates_settings(), st.integers(0, 2))
def test_frames_are_wanted_soon_when_shots_are_announced_soon(video, settings, late):
    """At 8 frames/s an end of 0.25 s is 2 frames, and what is on screen at a moment is known a frame later."""
    settings = settings.model_copy(update={"shot_offset_seconds": max(settings.shot_offset_seconds, 0.25)})
    duration = len(video.seconds) * 0.125
    wanted = predict(video, settings, [late] * 8, duration)
    planned = video.plan(settings)["frame_index"].to_pylist()
    is_filled = len(planned) <= settings.min_num_candidates
    assert is_filled or len(video.seconds) < 5 or all(wanted[i] <= 3 + late for i in planned)


@given(videos(steps=steady_steps, min_shot_frames=5), candidates_settings())
def test_prediction_is_the_plan_when_shots_are_long_and_announced_at_once(video, settings):
    settings = settings.model_copy(update={"use_shots": True})
    wanted = predict(video, settings, [0] * 8, len(video.seconds) * 0.125)
    assert sorted(wanted) == video.plan(settings)["frame_index"].to_pylist()
