"""Names and estimates, without files."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thumb_assets.errors import ContractError
from thumb_assets.export.plan import estimate_num_bytes, plan_stills, still_file_name
from thumb_assets.settings.stages import StillsSettings

NAME = re.compile(r"(?P<video>.+)_f(\d{8})_t(-?\d+\.\d{3})\.jpg")


def name_of(pts_seconds=1.68, frame_index=42):
    return still_file_name("a-1", frame_index=frame_index, pts_seconds=pts_seconds, extension="jpg")


@pytest.mark.parametrize(
    ("pts_seconds", "part"),
    [
        (0.0, "_t00000.000."),
        (19207.87, "_t19207.870."),
        (123456.7, "_t123456.700."),
        (-0.4667, "_t-0000.467."),
        (-0.0001, "_t00000.000."),
    ],
)
def test_seconds_in_a_name(pts_seconds, part):
    assert part in name_of(pts_seconds)


@given(st.floats(-1e5, 1e6), st.integers(0, 10**8 - 1))
def test_a_name_can_be_read_back(pts_seconds, frame_index):
    match = NAME.fullmatch(name_of(pts_seconds, frame_index))
    assert match
    assert int(match[2]) == frame_index
    assert float(match[3]) == pytest.approx(pts_seconds, abs=0.0006)


def test_names_sort_by_frame():
    names = [name_of(frame_index=index, pts_seconds=index / 25) for index in range(0, 2000, 7)]
    assert names == sorted(names)


def test_plan_is_by_frame_and_keeps_the_rows(unexported):
    plan = plan_stills(unexported.selections, video_id="b-frames-0123abcd", width=320, height=180)
    assert [(still.frame_index, still.rank) for still in plan] == [(7, 2), (20, 1), (33, 3)]
    assert plan[0].file_name == "b-frames-0123abcd_f00000007_t00000.280.jpg"


def test_plan_refuses_rows_of_another_video(unexported):
    with pytest.raises(ContractError, match="hold a row of b-frames"):
        plan_stills(unexported.selections, video_id="other", width=320, height=180)


def test_estimate_grows_with_pixels_and_quality_and_is_above_what_is_written(exported):
    def estimate(width=320, **settings):
        return estimate_num_bytes(
            plan_stills(
                exported.selections,
                video_id="b-frames-0123abcd",
                width=width,
                height=180,
                settings=StillsSettings(**settings),
            )
        )

    assert estimate() < estimate(640)
    assert estimate(jpeg_quality=75) < estimate(jpeg_quality=95) < estimate(format="png")
    is_png = exported.stills["file_name"][0].as_py().endswith(".png")
    assert sum(exported.stills["num_bytes"].to_pylist()) < estimate(format="png" if is_png else "jpeg")
    assert estimate_num_bytes([]) == 0
