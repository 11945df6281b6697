"""The frame that stands for an interval, from tables alone."""

import pyarrow as pa

from thumb_assets.select.tiles import Grid, choose_tiles
from thumb_assets.settings.selection import RejectSettings
from thumb_assets.tables.conform import table_from_rows


def frames_table(rows: list[tuple[float, float, dict]]) -> pa.Table:
    """A `frames` table: (pts_seconds, duration_seconds, other values) by frame."""
    usual = {
        "video_id": "a-00000000",
        "is_keyframe": True,
        "field_order": "progressive",
        "is_corrupt": False,
        "luma_hash": "00",
        "chroma_hash": None,
        "luma_mean": 120.0,
        "luma_std": 40.0,
        "laplacian_variance": 100.0,
        "frame_difference": 1.0,
        "largest_colour_share": None,
    }
    return table_from_rows(
        "frames",
        [
            {**usual, "frame_index": index, "pts": index, "pts_seconds": at, "duration_seconds": shown, **others}
            for index, (at, shown, others) in enumerate(rows)
        ],
    )


def chosen(rows: list[tuple[float, float, dict]], interval_seconds: float = 10.0) -> list[int]:
    tiles = choose_tiles(frames_table(rows), None, interval_seconds=interval_seconds, reject=RejectSettings())
    assert [tile.tile_index for tile in tiles] == list(range(len(tiles)))
    return [tile.frame_index for tile in tiles]


def test_the_sharpest_frame_that_breaks_no_rule_stands_for_its_interval():
    steady = [(index / 5, 0.2, {"laplacian_variance": 100.0 + index % 7}) for index in range(100)]
    sharpest = max(range(50), key=lambda index: (steady[index][2]["laplacian_variance"], -index))
    assert chosen(steady)[0] == sharpest
    black = {"luma_mean": 2.0, "luma_std": 1.0, "laplacian_variance": 9000.0}
    steady[sharpest] = (*steady[sharpest][:2], black)
    assert chosen(steady)[0] != sharpest


def test_where_all_finalists_are_bad_every_frame_of_the_interval_is_looked_at():
    # A bad frame's merit is less than any other's, so the one good frame of a slot is its finalist; a flash is known by
    # its surroundings alone, and is the sharpest of each slot here.
    rows = []
    for index in range(100):
        is_flash = index % 12 == 6
        others = {"luma_mean": 200.0, "laplacian_variance": 500.0} if is_flash else {}
        rows.append((index / 5, 0.2, others))
    assert all(index % 12 != 6 for index in chosen(rows))


def test_a_frame_that_is_still_shown_stands_for_the_intervals_after_it():
    rows = [(0.0, 0.1, {}), (0.1, 34.9, {}), (35.0, 0.1, {})]
    assert chosen(rows) == [0, 1, 1, 2]


def test_nothing_decoded_gives_no_tiles_and_what_was_not_decoded_is_no_tile():
    assert choose_tiles(frames_table([]), None, interval_seconds=1.0, reject=RejectSettings()) == []
    unknown = dict.fromkeys(("luma_hash", "luma_mean", "luma_std", "laplacian_variance", "frame_difference"))
    rows = [(index / 5, 0.2, {} if index % 10 == 3 else unknown) for index in range(40)]
    assert chosen(rows, 2.0) == [3, 13, 23, 33]


def test_slots_are_counted_through_the_video_and_rounded_stamps_do_not_fall_behind():
    grid = Grid(2.0)
    assert [grid.slot_at(second) for second in (0.0, 0.5, 1.99, 1.9999999, 2.0)] == [0, 1, 3, 4, 4]
