"""The library page's questions, asked of a real catalog."""

from pathlib import Path

import pytest

from thumb_assets.desk.library_view import Filters, cards, counts, reviewable, window
from thumb_assets.errors import MissingInputError
from thumb_assets.select.reasons import LAST_RESORT_MARK
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.decisions import decide
from thumb_assets.store.outcomes import Outcome, record_outcomes
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import table_from_rows
from thumb_assets_tests.unit.store.builders import FOOTER, row, table, write_video

CLEAR, CLOSE, LAST, NOTHING, BROKEN = "a-clear-1", "b-close-1", "c-last-1", "d-nothing-1", "e-broken-1"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> TableStore:
    """Five videos: a clear choice, a close one, a last resort, nothing kept, and one that cannot be opened."""
    store = TableStore(tmp_path_factory.mktemp("library"))
    for video_id, seconds in ((CLEAR, 30.0), (CLOSE, 90.0), (LAST, 700.0), (NOTHING, 4000.0)):
        write_video(store, video_id, num_selections=0 if video_id == NOTHING else 2)
        path = f"/videos/{video_id[2:-2]}.MP4"
        put(store, "videos", video_id, [row("videos", 0, video_id, duration_seconds=seconds, source_path=path)])
        store.delete("decisions", video_id)
        done = [Outcome(video_id, stage, "done", None, None, 1, path) for stage in ("videos", "selections")]
        record_outcomes(store, video_id, done)
    for video_id, second in ((CLEAR, 0.2), (CLOSE, 0.8), (LAST, 0.1)):
        reason = f"rank 1 of 2{LAST_RESORT_MARK}too dark" if video_id == LAST else "rank 1 of 2"
        scores = [(0, 1, 0.9), (1, 2, second)]
        rows = [
            row("selections", index, video_id, rank=rank, combined_score=score, reason=reason)
            for index, rank, score in scores
        ]
        put(store, "selections", video_id, rows)
    for name in ("faces", "texts"):
        store.delete(name, CLOSE)
    put(store, "candidate_frames", CLEAR, [row("candidate_frames", 0, CLEAR, state_start_frame_index=None)])
    put(
        store, "rejections", NOTHING, [row("rejections", i, NOTHING, stage="reject", reason="too_dark") for i in (0, 1)]
    )
    broken = Outcome(
        BROKEN, "videos", "failed", "/videos/broken.mp4: is no video; replace it", True, None, "/videos/broken.mp4"
    )
    blocked = Outcome(BROKEN, "frames", "failed", "not run: videos failed", True, None, "/videos/broken.mp4", "videos")
    record_outcomes(store, BROKEN, [broken, blocked])
    decide(store, CLOSE, {1: "cover", 2: "ban"})
    Catalog(store.catalog_path).rebuild(store)
    return store


def put(store: TableStore, name: str, video_id: str, rows: list[dict[str, object]]) -> None:
    store.write(name, table_from_rows(name, rows), video_id=video_id, footer=FOOTER)


def found(store: TableStore, **options: object) -> list[str]:
    order = options.pop("order", "name")
    answer = window(Catalog(store.catalog_path), Filters(**options), order=order)  # type: ignore[arg-type]
    assert answer.num_videos == len(answer.videos)
    return [video["video_id"] for video in answer.videos]


def test_every_video_that_was_tried_is_there_in_the_order_of_names(library: TableStore) -> None:
    assert found(library) == [CLEAR, CLOSE, LAST, NOTHING, BROKEN]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"state": "failed"}, [BROKEN]),
        ({"state": "nothing"}, [NOTHING]),
        ({"state": "done"}, [CLEAR, CLOSE, LAST]),
        ({"state": "unfinished"}, []),
        ({"problem": "stage:videos"}, [BROKEN]),
        ({"problem": "stage:frames"}, []),
        ({"problem": "last_resort"}, [LAST]),
        ({"is_decided": "yes"}, [CLOSE]),
        ({"is_decided": "no", "state": "done"}, [CLEAR, LAST]),
        ({"has_faces": "yes"}, [CLEAR, LAST, NOTHING]),
        ({"has_text": "no"}, [CLOSE, BROKEN]),
        ({"is_screen": "yes"}, [CLOSE, LAST, NOTHING]),
        ({"least_seconds": 60, "most_seconds": 700}, [CLOSE]),
        ({"words": "videos mp4 CLO"}, [CLOSE]),
        ({"words": "%"}, []),
    ],
)
def test_filters(library: TableStore, filters: dict[str, object], expected: list[str]) -> None:
    assert found(library, **filters) == expected


def test_doubtful_videos_come_first(library: TableStore) -> None:
    assert found(library, order="doubtful", is_decided="") == [NOTHING, BROKEN, LAST, CLOSE, CLEAR]
    review = reviewable(Catalog(library.catalog_path))
    assert review.ids == [NOTHING, LAST, CLOSE, CLEAR]
    assert review.decided == {CLOSE}


def test_a_card_says_what_became_of_a_video(library: TableStore) -> None:
    by_id = {
        card["video_id"]: card for card in cards(Catalog(library.catalog_path), [BROKEN, NOTHING, CLOSE, "gone-1"])
    }
    assert list(by_id) == [BROKEN, NOTHING, CLOSE]
    assert by_id[BROKEN]["reason"] == "is no video; replace it"
    assert by_id[BROKEN]["cover"] is None
    assert by_id[NOTHING]["reason"] == "nothing in this video is worth keeping: 2 of 2 candidates too dark"
    assert by_id[CLOSE]["decisions"] == {"cover": 1, "ban": 1}
    assert by_id[CLOSE]["num_selections"] == 2


def test_a_window_is_a_part_of_the_order(library: TableStore) -> None:
    part = window(Catalog(library.catalog_path), Filters(), start=3, num_videos=1)
    assert part.num_videos == 5
    assert [video["video_id"] for video in part.videos] == [NOTHING]


def test_what_is_worked_on_now_is_found(library: TableStore) -> None:
    found_now = window(Catalog(library.catalog_path), Filters(state="running"), running=[LAST, "gone-1"])
    assert [video["video_id"] for video in found_now.videos] == [LAST]
    assert window(Catalog(library.catalog_path), Filters(state="running")).num_videos == 0


def test_a_video_is_in_work_while_its_lock_is_held(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    lock = store.video_lock("a-1")
    lock.acquire()
    (tmp_path / "locks" / "left-by-a-kill-1").touch()
    assert store.videos_in_work() == ["a-1"]
    lock.release()
    assert store.videos_in_work() == []


def test_numbers_of_the_filters(library: TableStore) -> None:
    assert counts(Catalog(library.catalog_path)) == {
        "states": {"done": 3, "failed": 1, "nothing": 1},
        "failed_stages": {"videos": 1},
        "num_last_resort": 1,
    }


def test_a_name_cannot_turn_the_reading_order_around(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    store.write(
        "videos", table("videos", 1, "a-1", source_path="/v/a\u202egpj.mp4\n<b>"), video_id="a-1", footer=FOOTER
    )
    Catalog(store.catalog_path).rebuild(store)
    assert cards(Catalog(store.catalog_path), ["a-1"])[0]["name"] == r"a\u202egpj.mp4\n<b>"


def test_without_a_catalog_there_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError):
        window(Catalog(tmp_path / "catalog.sqlite"), Filters())
