"""Black bars from the file on: found, cut off the stills and crops, recorded, proven, and out of the scores."""

from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from thumb_assets.export.metadata import read_still_metadata
from thumb_assets.export.verify import verify_mapping
from thumb_assets.export.verify_crops import verify_crops_mapping
from thumb_assets.settings.load import load_settings
from thumb_assets.stages import STAGES
from thumb_assets.stages.kit.work import identities_of
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.checks import Verdict
from thumb_assets.video.geometry import NO_BARS, Bars
from thumb_assets_tests.support.bars import NUM_FRAMES, barred, numbered
from thumb_assets_tests.support.drawing import RgbArray, draw_frame, read_frame_index
from thumb_assets_tests.support.encoding import Encoding, Tags, encode
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages

LETTERBOX, UNEVEN = Bars(top=31, bottom=29), Bars(20, 11, 8, 25)
CROPS = 'crops.aspect_ratios=["1:1"]'
COARSE = {"preset": "veryfast", "crf": "32"}
DEEP = {"codec": "libx265", "pix_fmt": "yuv420p10le", "options": {"preset": "ultrafast", "x265-params": "log-level=1"}}


def worked(
    data_dir: Path, path: Path, *overrides: str, stages: tuple[str, ...] = (*WITHOUT_MODELS, "crops")
) -> tuple[TableStore, str]:
    (video_id,) = register(data_dir, [path])
    results = run_stages(data_dir, [video_id], stages, settings=load_settings(overrides=[CROPS, *overrides]))
    assert {result.status for result in results.values()} <= {"done"}, results
    return TableStore(data_dir), video_id


def bars_found(store: TableStore, video_id: str) -> Bars:
    return Bars.from_row(store.read("videos", video_id).to_pylist()[0])


def checked(store: TableStore, video_id: str) -> list[Verdict]:
    settings = load_settings(overrides=[CROPS])
    return [
        check(video_id, name, store, settings) for name in ("stills", "crops") for check in STAGES[name].checks.values()
    ]


def turned(picture: RgbArray) -> RgbArray:
    return np.rot90(picture, -1)


@pytest.mark.parametrize(
    ("bars", "draw", "encoding"),
    [
        (LETTERBOX, {}, Encoding()),
        (Bars(left=41, right=43), {}, Encoding()),
        (UNEVEN, {"level": 16}, Encoding()),
        (UNEVEN, {"noise": 9}, Encoding(options=COARSE)),
        (LETTERBOX, {}, Encoding(pix_fmt="yuvj420p")),
        (UNEVEN, {}, Encoding(rotation_degrees=90)),
        (UNEVEN, {}, Encoding(**DEEP)),
        (LETTERBOX, {}, Encoding(**DEEP, colours=Tags(9, 18, 9))),
    ],
)
def test_bars_are_cut_off_to_the_pixel(
    tmp_path: Path, data_dir: Path, bars: Bars, draw: dict[str, int], encoding: Encoding
) -> None:
    pictures = [barred(picture, bars, **draw) for picture in numbered()]
    stored = [turned(picture) for picture in pictures] if encoding.rotation_degrees else pictures
    store, video_id = worked(data_dir, encode(tmp_path / "barred.mp4", stored, encoding))
    assert bars_found(store, video_id) == bars
    stills = store.read("stills", video_id).to_pylist()
    assert stills
    for row in stills:
        box = (row["x"], row["y"], row["width"], row["height"])
        assert box == (bars.left, bars.top, 320, 180)
        path = store.stills_dir(video_id) / row["file_name"]
        picture = np.asarray(Image.open(path))
        assert picture.shape == (180, 320, 3)
        assert read_frame_index(picture) == row["frame_index"]
        assert min(picture[0].mean(), picture[-1].mean(), picture[:, 0].mean(), picture[:, -1].mean()) > 40
        assert read_still_metadata(path)["still_box"] == list(box)
    for row in store.read("crops", video_id).to_pylist():
        facts = read_still_metadata(store.crops_dir(video_id) / row["file_name"])
        assert (row["width"], row["height"]) == (180, 180)
        assert facts["still_box"] == [bars.left, bars.top, 320, 180]
    assert all(verdict.is_passed for verdict in checked(store, video_id))


def test_pixels_that_are_not_square(tmp_path: Path, data_dir: Path) -> None:
    pictures = [barred(picture[:, ::2], Bars(21, 12, 21, 12)) for picture in numbered()]
    path = encode(tmp_path / "wide.mp4", pictures, Encoding(sample_aspect_ratio=Fraction(2)))
    store, video_id = worked(data_dir, path)
    found = bars_found(store, video_id)
    assert (found.top, found.bottom) == (12, 12)
    assert abs(found.left - 42) <= 2
    assert abs(found.right - 42) <= 2
    assert all(verdict.is_passed for verdict in checked(store, video_id))
    for row in store.read("stills", video_id).to_pylist():
        assert row["width"] == 404 - found.left - found.right


def test_without_the_setting_they_stay(tmp_path: Path, data_dir: Path) -> None:
    path = encode(tmp_path / "barred.mp4", [barred(picture, LETTERBOX) for picture in numbered()])
    store, video_id = worked(data_dir, path, "stills.trim_bars=false")
    assert bars_found(store, video_id) == LETTERBOX
    for row in store.read("stills", video_id).to_pylist():
        assert (row["x"], row["y"], row["width"], row["height"]) == (0, 0, 320, 240)
    assert all(verdict.is_passed for verdict in checked(store, video_id))


def test_the_sparse_pass_and_16_bits_do_the_same(tmp_path: Path, data_dir: Path) -> None:
    pictures = [barred(picture, UNEVEN) for picture in numbered()]
    path = encode(tmp_path / "barred.mp4", [*pictures] * 4, Encoding(gop_size=24))
    ways = ["stills.format=png", "stills.bit_depth=16", "sparse.is_on=true", "sparse.min_sync_frames=5"]
    store, video_id = worked(data_dir, path, *ways)
    assert store.footer("frames", video_id)["decoding"] == "sparse"
    assert bars_found(store, video_id) == UNEVEN
    assert all(verdict.is_passed for verdict in checked(store, video_id))
    assert {(row["width"], row["height"]) for row in store.read("stills", video_id).to_pylist()} == {(320, 180)}


def test_a_part_recorded_wrongly_fails_the_checks(tmp_path: Path, data_dir: Path) -> None:
    path = encode(tmp_path / "barred.mp4", [barred(picture, UNEVEN) for picture in numbered()])
    store, video_id = worked(data_dir, path)
    stills, identities = store.read("stills", video_id), identities_of(store.read("frames", video_id))
    of_stills = partial(verify_mapping, path, identities=identities, folder=store.stills_dir(video_id))
    crops = store.read("crops", video_id)
    of_crops = partial(verify_crops_mapping, path, crops, identities=identities, folder=store.crops_dir(video_id))
    assert of_stills(stills).is_passed
    assert of_crops(stills=stills).is_passed
    for change in ({"x": 1}, {"y": -1}, {"width": -1}, {"height": 2}, {"x": 100_000}, {"x": -21}):
        rows = [row | {name: row[name] + by for name, by in change.items()} for row in stills.to_pylist()]
        wrong = pa.Table.from_pylist(rows, schema=stills.schema)
        assert of_stills(wrong).num_failed == len(rows), change
        assert of_crops(stills=wrong).num_failed == len(rows), change


def dark(picture: RgbArray) -> RgbArray:
    return (picture // 14).astype(np.uint8)


def test_dark_videos_and_nights_lose_nothing(tmp_path: Path, data_dir: Path) -> None:
    night = [np.concatenate([np.zeros((60, 320, 3), np.uint8), draw_frame(i)]) for i in range(NUM_FRAMES)]
    for moment, picture in enumerate(night):  # the roofs before the sky are not all of one height
        for house in range(8):
            picture[60 : 60 + (house * 37 + 2) % 50, house * 40 + 4 : house * 40 + 36] = 0
        picture[20, (5 * moment) % 320] = 200
    fade = [(picture * min(1.0, i / 40)).astype(np.uint8) for i, picture in enumerate(numbered())]
    for name, pictures in {"night": night, "dark": [dark(each) for each in numbered()], "fade": fade}.items():
        store, video_id = worked(data_dir, encode(tmp_path / f"{name}.mp4", pictures))
        assert bars_found(store, video_id) == NO_BARS, name
        assert all(row["x"] == row["y"] == 0 for row in store.read("stills", video_id).to_pylist())


def scored(data_dir: Path, path: Path) -> dict[int, dict[str, float]]:
    store, video_id = worked(data_dir, path)
    rows = {row["frame_index"]: row for row in store.read("appearance", video_id).to_pylist()}
    for row in store.read("sharpness", video_id).to_pylist():
        rows[row["frame_index"]] |= row
    return rows


def test_scores_are_those_of_the_picture_between_the_bars(tmp_path: Path, data_dir: Path) -> None:
    # Dark and black pictures come first, in which nothing is known of bars yet: those are fetched and scored again.
    plain = [draw_frame(0, kind="black")] * 5 + [dark(picture) for picture in numbered()[5:20]] + numbered()[20:]
    lossless = Encoding(options={"preset": "ultrafast", "qp": "0"})
    without = scored(data_dir, encode(tmp_path / "plain.mp4", plain, lossless))
    inside = partial(barred, bars=Bars(32, 32, 32, 32))
    between = scored(data_dir, encode(tmp_path / "barred.mp4", [inside(each) for each in plain], lossless))
    assert without.keys() == between.keys()
    assert min(without) < 20
    for frame_index, expected in without.items():
        found = between[frame_index]
        for name in ("luma_mean", "luma_std", "dark_share", "luma_entropy", "laplacian_variance", "bar_share"):
            assert found[name] == pytest.approx(expected[name], rel=0.02, abs=0.02), (frame_index, name)
        assert found["difference_hash"] == expected["difference_hash"]
