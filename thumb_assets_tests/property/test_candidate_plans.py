"""The plan against the rules spelt out frame by frame, and the predictor against the plan."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from thumb_assets.candidates import CandidatePredictor, plan_candidates
from thumb_assets.settings import CandidatesSettings
from thumb_assets.tables.measurements import SAMPLING_METHODS
from thumb_assets_tests.unit.test_candidates import frames_table, shots_table

# Steps of 0 and below are the repeated and falling stamps of damaged files; all are exact binary fractions, as are
# the intervals, so that the rules below meet their borders exactly.
steady_steps = st.sampled_from([0.125])
wild_steps = st.sampled_from([0.125, 0.25, 0.0, -0.5, 3.0, 1e9])


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
            frames_table(self.seconds, self.keyframes), shots_table(self.starts, num_frames), settings
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
        use_shots=draw(st.booleans()),
        use_keyframes=draw(st.booleans()),
        every_num_frames=draw(st.sampled_from([None, 1, 7])),
    )


def shot_rule(latest, start, exclusive_end, settings):
    inside = range(start, exclusive_end)
    due = [i for i in inside if latest[i] >= latest[start] + settings.shot_offset_seconds]
    return due[0] if due else start + (exclusive_end - start) // 2


def uniform_rule(latest, interval):
    """Every interval in turn, jumping over those that end before the next frame."""
    found, k = set(), 0
    for frame_index, seconds in enumerate(latest):
        if latest[0] + (k + 0.5) * interval <= seconds:
            found.add(frame_index)
            k = int((seconds - latest[0]) / interval + 0.5)
    return found


def expected_methods(video: Video, settings: CandidatesSettings) -> dict[int, list[str]]:
    latest = [max(video.seconds[: i + 1]) for i in range(len(video.seconds))]
    interval, n = settings.uniform_interval_seconds, settings.every_num_frames
    per_shot = [shot_rule(latest, *shot, settings) for shot in video.shots]
    asked = {
        "shot": set(per_shot) if settings.use_shots else set(),
        "uniform": set() if interval is None else uniform_rule(latest, interval),
        "keyframe": set(video.keyframes) if settings.use_keyframes else set(),
        "every": set() if n is None else set(range(0, len(latest), n)),
        "pinned": set(),
    }
    if not any(asked.values()):
        asked["shot"] = {per_shot[0]}
    return {i: [name for name in SAMPLING_METHODS if i in asked[name]] for i in sorted(set().union(*asked.values()))}


def predict(video: Video, settings: CandidatesSettings, lateness: list[int]) -> dict[int, int]:
    """frame_index -> how many frames before it the engine was, when it was wanted (0: the frame at hand)."""
    predictor = CandidatePredictor(settings)
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
    last = predictor.finish(due.get(num_frames, ()))
    assert not wanted.keys() & set(last)
    return wanted | {i: num_frames - i for i in last}


lateness_lists = st.lists(st.integers(0, 12), min_size=8, max_size=8)


@given(videos(), candidates_settings())
def test_plan_is_what_the_rules_say(video, settings):
    table = video.plan(settings)
    found = dict(zip(table["frame_index"].to_pylist(), table["sampling_methods"].to_pylist(), strict=True))
    assert found == expected_methods(video, settings)


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


@given(videos(), candidates_settings(), lateness_lists)
def test_predictor_wants_all_of_the_plan(video, settings, lateness):
    planned = video.plan(settings)["frame_index"].to_pylist()
    assert set(planned) <= predict(video, settings, lateness).keys()


@given(videos(steps=steady_steps, min_shot_frames=5), candidates_settings(), st.integers(0, 2))
def test_long_shots_announced_before_their_frame_need_no_look_back(video, settings, late):
    """At 8 frames/s an offset of 0.5 s is 4 frames, and 0.25 s are 2."""
    settings = settings.model_copy(update={"shot_offset_seconds": max(settings.shot_offset_seconds, 0.25)})
    wanted = predict(video, settings, [late] * 8)
    planned = video.plan(settings)["frame_index"].to_pylist()
    assert len(video.seconds) < 5 or all(wanted[i] == 0 for i in planned)


@given(videos(steps=steady_steps, min_shot_frames=5), candidates_settings())
def test_prediction_is_the_plan_when_shots_are_long_and_announced_at_once(video, settings):
    settings = settings.model_copy(update={"use_shots": True})
    assert sorted(predict(video, settings, [0] * 8)) == video.plan(settings)["frame_index"].to_pylist()
