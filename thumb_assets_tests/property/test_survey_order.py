"""A survey says the same whatever the order in which videos were measured, and however often it is asked."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from thumb_assets.select.measure import CandidateArrays, joined
from thumb_assets.settings.selection import SelectionSettings
from thumb_assets.store.candidate_cache import CandidateCache
from thumb_assets.store.parquet import TableStore
from thumb_assets.survey.alike import alike_frames, groups_of_alike
from thumb_assets.survey.frames import frames_of
from thumb_assets.survey.reference import reference_of
from thumb_assets_tests.unit.survey.builders import BLACK, MODEL, write_video

shown = st.lists(st.sampled_from(["intro", "outro", "logo", BLACK, "x1", "x2"]), min_size=1, max_size=5)


@st.composite
def libraries(draw):
    number = draw(st.integers(2, 5))
    models = [None, MODEL, {**MODEL, "model_name": "another"}]
    return {f"video-{place:08x}": (draw(shown), draw(st.sampled_from(models))) for place in range(number)}


def parts_of(store: TableStore) -> tuple[list[CandidateArrays], dict[str, dict[str, str]]]:
    """Each video's measurements alone."""
    parts = [CandidateCache(store, [video_id]).candidates() for video_id in store.video_ids("selections")]
    footers = {name: dict(footer) for part in parts for name, footer in part.clip_footers.items()}
    return [part.measured for part in parts if part.measured is not None], footers


@settings(max_examples=25)
@given(library=libraries(), order=st.randoms(use_true_random=False), max_exact=st.sampled_from([0, 1000]))
def test_order_changes_nothing(library, order, max_exact) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = TableStore(Path(folder))
        for video_id, (shows, model) in library.items():
            write_video(store, video_id, shows, model=model)
        parts, footers = parts_of(store)
        told = []
        for _ in range(2):
            order.shuffle(parts)
            measured = joined(parts)
            found = frames_of(measured, footers, settings=SelectionSettings())
            alike = alike_frames(found, min_cosine=0.95, max_hash_distance=8, num_neighbours=3, max_exact=max_exact)
            reference = reference_of(measured, footers, min_videos=2)
            told.append(
                (
                    found.video_ids,
                    [column.tolist() for column in (alike.left, alike.right, alike.cosines, alike.distances)],
                    [group.tolist() for group in groups_of_alike(alike)],
                    None if reference is None else {name: v.tolist() for name, v in reference.values.items()},
                    None if reference is None else dict(reference.clip),
                )
            )
        assert told[0] == told[1]
        pairs = set(zip(alike.left.tolist(), alike.right.tolist(), strict=True))
        assert all(found.videos[left] != found.videos[right] for left, right in pairs)
        assert sorted(frame for group in groups_of_alike(alike) for frame in group.tolist()) == sorted(
            {frame for pair in pairs for frame in pair}
        )
