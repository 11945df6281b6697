"""The stage `previews` from the file on: which frames the tiles show, the files, their proof, read by others."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pytest
import webvtt
from click.testing import CliRunner
from PIL import Image

from thumb_assets.cli import main
from thumb_assets.export.previews.verify import verify_previews_mapping
from thumb_assets.pipeline.stages import default_stages
from thumb_assets.settings.load import load_settings
from thumb_assets.stages import STAGES
from thumb_assets.stages.kit.work import identities_of
from thumb_assets.store.mirror import MirroredOutputs
from thumb_assets.store.outputs import output_files, remove_outputs
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.remote import RemoteFolder
from thumb_assets.tables.conform import contract_problems
from thumb_assets.tables.previews import KINDS
from thumb_assets_tests.support.drawing import draw_frame, read_frame_index
from thumb_assets_tests.support.encoding import RATE, Encoding, encode
from thumb_assets_tests.support.running import register, run_stages

STAGES_HERE = ("videos", "frames", "shots", "candidate_frames", "sharpness", "selections", "previews", "catalog")
ALL_KINDS = 'previews.kinds=["sprites","trickplay","bif","animation","contact_sheet"]'
SETTINGS = (ALL_KINDS, "previews.interval_seconds=2", "previews.widths=[160,240]", "previews.columns=2")
MORE = ("previews.rows=2", "previews.animation_width=240", "previews.contact_tiles=4")
# Intervals of two seconds; of each, what is planted at its middle, where a fixed grid looks.
PLANTED = ("black", "dissolve", "blurred", "none", "black", "dissolve", "blurred", "cut", "none", "black")
INTERVAL_FRAMES = 2 * RATE


def planted_frame(index: int) -> np.ndarray:
    """A good frame but around the middle of the interval."""
    interval, within = divmod(index, INTERVAL_FRAMES)
    what, distance = PLANTED[interval], abs(within - INTERVAL_FRAMES // 2)
    shot = sum(what in {"dissolve", "cut"} for what in PLANTED[:interval])
    after = draw_frame(index, shot_index=shot + 1)
    if what == "cut":
        return after if within >= INTERVAL_FRAMES // 2 else draw_frame(index, shot_index=shot)
    if what == "dissolve":
        share = np.clip((within - INTERVAL_FRAMES // 2 + 6) / 12, 0, 1)
        strip = draw_frame(index)[:20]
        mixed = (1 - share) * draw_frame(index, shot_index=shot).astype(float) + share * after
        mixed[:20] = strip
        return mixed.round().astype(np.uint8)
    is_bad = what != "none" and distance <= 8
    return draw_frame(index, shot_index=shot, kind=what if is_bad else "sharp")


def is_bad(index: int) -> bool:
    interval, within = divmod(index, INTERVAL_FRAMES)
    what, distance = PLANTED[interval], within - INTERVAL_FRAMES // 2
    reach = {"none": -1, "dissolve": 5, "cut": 0}.get(what, 8)
    return abs(distance) <= reach and what != "none"


@pytest.fixture(scope="session")
def planted_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    frames = [planted_frame(index) for index in range(len(PLANTED) * INTERVAL_FRAMES)]
    path = tmp_path_factory.mktemp("planted") / "planted.mp4"
    return encode(path, frames, Encoding(gop_size=25, options={"preset": "ultrafast", "crf": "16"}))


@pytest.fixture(scope="session")
def made(planted_video: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    data_dir = tmp_path_factory.mktemp("data")
    (video_id,) = register(data_dir, [planted_video])
    results = run_stages(data_dir, [video_id], STAGES_HERE, settings=load_settings(overrides=[*SETTINGS, *MORE]))
    assert {result.status for result in results.values()} == {"done"}, [
        each.message for each in results.values() if each.message
    ]
    return video_id, data_dir


def rows_of(made: tuple[str, Path], kind: str, width: int | None = None) -> list[dict]:
    rows = TableStore(made[1]).read("previews", made[0]).to_pylist()
    return [row for row in rows if row["kind"] == kind and width in {None, row["width"]}]


def picture_at(made: tuple[str, Path], row: dict) -> np.ndarray:
    with Image.open(TableStore(made[1]).previews_dir(made[0]) / row["file_name"]) as image:
        return np.asarray(image.convert("RGB"))[row["y"] : row["y"] + row["height"], row["x"] : row["x"] + row["width"]]


def test_no_tile_is_bad_where_the_interval_has_a_good_frame(made: tuple[str, Path]) -> None:
    tiles = rows_of(made, "sprite", 240)
    assert [row["start_seconds"] for row in tiles] == [2.0 * number for number in range(len(PLANTED))]
    assert [row["frame_index"] // INTERVAL_FRAMES for row in tiles] == list(range(len(PLANTED)))
    assert [row["frame_index"] for row in tiles if is_bad(row["frame_index"])] == []
    fixed = [INTERVAL_FRAMES * number + INTERVAL_FRAMES // 2 for number in range(len(PLANTED))]
    assert sum(map(is_bad, fixed)) == 8  # of 10: what a grid of fixed moments takes


def test_each_tile_shows_the_frame_that_its_row_names(made: tuple[str, Path]) -> None:
    for kind in ("sprite", "trickplay", "contact_sheet"):
        for row in rows_of(made, kind):
            assert read_frame_index(picture_at(made, row)) == row["frame_index"], row


def test_pictures_come_from_the_pass(made: tuple[str, Path], planted_video: Path, data_dir: Path) -> None:
    settings = load_settings(overrides=[*SETTINGS, *MORE, 'previews.kinds=["sprites","bif"]'])
    (video_id,) = register(data_dir, [planted_video])
    first = run_stages(data_dir, [video_id], STAGES_HERE, settings=settings)[video_id, "previews"]
    assert (first.metrics["num_frames"], first.metrics["num_frames_decoded_again"]) == (len(PLANTED), 0)
    store = TableStore(data_dir)
    before = {path.name: path.read_bytes() for path in store.previews_dir(video_id).iterdir()}
    again = run_stages(data_dir, [video_id], ["previews"], settings=settings, is_recomputed=True)[video_id, "previews"]
    assert again.metrics["num_frames_decoded_again"] == len(PLANTED)
    assert {path.name: path.read_bytes() for path in store.previews_dir(video_id).iterdir()} == before
    # Other selections make nothing stale where no animation shows them.
    others = load_settings(overrides=[*SETTINGS, *MORE, 'previews.kinds=["sprites","bif"]', "selection.top_k=1"])
    chosen = run_stages(data_dir, [video_id], ["selections", "previews"], settings=others)
    assert not chosen[video_id, "selections"].is_unchanged
    assert chosen[video_id, "previews"].is_unchanged


def test_webvtt_is_read_by_another_reader(made: tuple[str, Path]) -> None:
    folder = TableStore(made[1]).previews_dir(made[0])
    for width in (160, 240):
        cues = webvtt.read(str(folder / f"sprites-{width}.vtt"))
        rows = rows_of(made, "sprite", width)
        assert len(cues) == len(rows) == len(PLANTED)
        for cue, row in zip(cues, rows, strict=True):
            assert cue.start_in_seconds == int(row["start_seconds"])
            assert cue.end_in_seconds == int(row["end_seconds"])
            name, _, place = cue.text.partition("#xywh=")
            x, y, wide, high = map(int, place.split(","))
            with Image.open(folder / name) as sheet:
                tile = np.asarray(sheet)[y : y + high, x : x + wide]
            assert read_frame_index(tile) == row["frame_index"]


def read_bif(data: bytes) -> tuple[int, list[tuple[int, bytes]]]:
    """Written from Roku's description, by another way than the code's: the index is walked until its end mark."""
    assert data[:8] == bytes([0x89, 0x42, 0x49, 0x46, 0x0D, 0x0A, 0x1A, 0x0A])
    version, num, milliseconds = struct.unpack("<3I", data[8:20])
    assert (version, data[20:64]) == (0, bytes(44))
    entries, place = [], 64
    while True:
        number, begin = struct.unpack("<2I", data[place : place + 8])
        entries.append((number, begin))
        place += 8
        if number == 0xFFFFFFFF:
            break
    assert (len(entries) - 1, entries[-1][1]) == (num, len(data))
    assert entries[0][1] == place
    pictures = [
        (number, data[begin : entries[position + 1][1]]) for position, (number, begin) in enumerate(entries[:-1])
    ]
    return milliseconds, pictures


def test_bif_is_read_by_another_reader(made: tuple[str, Path]) -> None:
    for width in (160, 240):
        data = (TableStore(made[1]).previews_dir(made[0]) / f"index-{width}.bif").read_bytes()
        milliseconds, pictures = read_bif(data)
        assert milliseconds == 2000
        rows = rows_of(made, "bif", width)
        assert [number for number, _ in pictures] == [row["tile_index"] for row in rows]
        for (_, jpeg), row in zip(pictures, rows, strict=True):
            picture = np.asarray(Image.open(io.BytesIO(jpeg)))
            assert picture.shape == (row["height"], row["width"], 3)
            assert read_frame_index(picture) == row["frame_index"]


def test_trickplay_lies_where_jellyfin_looks(made: tuple[str, Path]) -> None:
    folder = TableStore(made[1]).previews_dir(made[0]) / "trickplay"
    assert sorted(path.name for path in folder.iterdir()) == ["160 - 2x2", "240 - 2x2"]
    sheets = sorted((folder / "240 - 2x2").iterdir())
    assert [path.name for path in sheets] == ["0.jpg", "1.jpg", "2.jpg"]
    assert {Image.open(path).size for path in sheets} == {(480, 270)}  # the last one has two tiles and two black places


def test_the_animation_shows_the_best_moments(made: tuple[str, Path]) -> None:
    folder = TableStore(made[1]).previews_dir(made[0])
    selected = {row["frame_index"] for row in TableStore(made[1]).read("selections", made[0]).to_pylist()}
    rows = rows_of(made, "animation_webp")
    assert [row["frame_index"] for row in rows] == sorted(row["frame_index"] for row in rows)
    shown = {row["frame_index"] for row in rows}
    assert selected <= shown
    assert len(shown) == len(rows) <= 12 * len(selected)
    with Image.open(folder / "preview.webp") as image:
        assert (image.n_frames, image.size) == (len(rows), (240, 135))
        for number in (0, 7, len(rows) - 1):
            image.seek(number)
            assert read_frame_index(np.asarray(image.convert("RGB"))) == rows[number]["frame_index"]
    with av.open(str(folder / "preview.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert [read_frame_index(frame) for frame in frames] == [row["frame_index"] for row in rows]


def test_the_checks_of_the_asset_find_a_wrong_tile(made: tuple[str, Path]) -> None:
    video_id, other = made
    store, settings = TableStore(other), load_settings(overrides=[*SETTINGS, *MORE])
    checks = STAGES["previews"].all_checks
    verdicts = {name: check(video_id, "previews", store, settings) for name, check in checks.items()}
    assert all(verdict.is_passed for verdict in verdicts.values()), verdicts
    table = store.read("previews", video_id)
    assert contract_problems("previews", table) == []
    assert set(table.column("kind").to_pylist()) == set(KINDS)
    # The row of one tile names the frame after.
    rows = table.to_pylist()
    for row in rows:
        if (row["kind"], row["width"], row["tile_index"]) in {("sprite", 160, 3), ("bif", 240, 4)}:
            row["frame_index"] += 1
    wrong = pa.Table.from_pylist(rows, schema=table.schema)
    (video,) = store.read("videos", video_id).to_pylist()
    verdict = verify_previews_mapping(
        Path(video["source_path"]),
        wrong,
        identities=identities_of(store.read("frames", video_id)),
        folder=store.previews_dir(video_id),
    )
    assert not verdict.is_passed
    assert verdict.num_failed == 2
    assert any("tile 3 differs" in line for line in verdict.sample)


def test_it_is_off_unless_asked_for_and_removed_with_the_rest(
    made: tuple[str, Path], tmp_path: Path, synthetic_videos: Callable[[str], Path]
) -> None:
    assert "previews" not in default_stages(load_settings())
    assert "previews" in default_stages(load_settings(overrides=[ALL_KINDS]))
    (video_id,) = register(tmp_path, [synthetic_videos("cfr")])
    settings = load_settings(overrides=['previews.kinds=["trickplay","bif"]'])
    results = run_stages(tmp_path, [video_id], STAGES_HERE, settings=settings)
    assert results[video_id, "previews"].status == "done"
    store = TableStore(tmp_path)
    assert {path.name for path in output_files(store, video_id)} >= {"0.jpg", "index-320.bif"}
    remove_outputs(store, video_id)
    assert not store.previews_dir(video_id).exists()
    assert not store.has("previews", video_id)


def test_a_sparse_pass_gives_tiles_of_the_frames_it_decoded(planted_video: Path, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [planted_video])
    overrides = ['previews.kinds=["sprites"]', "previews.interval_seconds=2", "sparse.is_on=true"]
    results = run_stages(data_dir, [video_id], STAGES_HERE, settings=load_settings(overrides=overrides))
    assert results[video_id, "previews"].status == "done", results[video_id, "previews"].message
    frames = TableStore(data_dir).read("frames", video_id)
    assert frames.column("luma_hash").null_count > 0
    rows = rows_of((video_id, data_dir), "sprite")
    assert len(rows) == len(PLANTED)
    assert all(read_frame_index(picture_at((video_id, data_dir), row)) == row["frame_index"] for row in rows)


def test_another_machine_gets_the_files_with_their_folders(made: tuple[str, Path], tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "other").mkdir()
    shared = RemoteFolder((tmp_path / "elsewhere").as_uri())
    store, other = TableStore(made[1]), TableStore(tmp_path / "other")
    MirroredOutputs(shared, store).push(made[0])
    MirroredOutputs(shared, other).pull(made[0])
    before, after = (
        {path.relative_to(each.previews_dir(made[0])): path.read_bytes() for path in _files(each, made[0])}
        for each in (store, other)
    )
    assert before == after
    assert Path("trickplay/160 - 2x2/0.jpg") in after


def _files(store: TableStore, video_id: str) -> list[Path]:
    return [path for path in store.previews_dir(video_id).rglob("*") if path.is_file()]


def test_show_names_the_files(made: tuple[str, Path]) -> None:
    done = CliRunner().invoke(main, ["show", made[0], "--data-dir", str(made[1])])
    assert done.exit_code == 0, done.output
    folder = TableStore(made[1]).previews_dir(made[0])
    assert f"{folder}/sprites-160.vtt" in done.output.replace("\n", "")
