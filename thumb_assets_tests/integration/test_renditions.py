"""The stage `renditions`: stills in several widths and formats, never enlarged, each proven and known again."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from click.testing import CliRunner
from PIL import Image

from thumb_assets.cli import main
from thumb_assets.settings.load import load_settings
from thumb_assets.stages import STAGES
from thumb_assets.store.outputs import output_files, remove_outputs
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import contract_problems
from thumb_assets_tests.support.drawing import read_frame_index
from thumb_assets_tests.support.running import register, run_stages

_STAGES = ("videos", "frames", "shots", "candidate_frames", "sharpness", "selections", "stills", "renditions")


def test_each_size_and_format_shows_the_frame_of_its_row(
    data_dir: Path, tmp_path: Path, synthetic_videos: Callable[[str], Path]
) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    overrides = ["renditions.widths=[160,640]", 'renditions.formats=["jpeg","webp","avif"]', "stills.max_bytes=9000"]
    settings = load_settings(overrides=overrides)
    results = run_stages(data_dir, [video_id], _STAGES, settings=settings)
    assert results[video_id, "renditions"].status == "done", results[video_id, "renditions"].message
    store = TableStore(data_dir)
    table, stills = store.read("renditions", video_id), store.read("stills", video_id).to_pylist()
    assert contract_problems("renditions", table) == []
    assert table.num_rows == 6 * len(stills) > 0
    assert {(row["width"], row["height"]) for row in table.to_pylist()} == {(160, 90), (320, 180)}  # not 640
    assert max(row["num_bytes"] for row in [*table.to_pylist(), *stills]) <= 9000
    for row in table.to_pylist():
        with Image.open(store.renditions_dir(video_id) / row["file_name"]) as image:
            assert (image.format, image.size) == (row["format"].upper(), (row["width"], row["height"]))
            assert read_frame_index(np.asarray(image)) == row["frame_index"]
    verdicts = {
        name: check(video_id, "renditions", store, settings) for name, check in STAGES["renditions"].all_checks.items()
    }
    assert all(verdict.is_passed for verdict in verdicts.values()), verdicts

    # Found somewhere under another name, each is known again; one that was worked on is not the same.
    found = []
    for row in table.to_pylist()[:6]:
        found.append(tmp_path / f"found-{row['format']}-{row['width']}")
        found[-1].write_bytes((store.renditions_dir(video_id) / row["file_name"]).read_bytes())
    done = CliRunner().invoke(main, ["verify", *map(str, found), "--data-dir", str(data_dir)])
    assert (done.exit_code, done.output.count("same")) == (0, 6), done.output
    with Image.open(found[0]) as image:
        exif = image.getexif()
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(found[0], "JPEG", exif=exif)
    done = CliRunner().invoke(main, ["verify", str(found[0]), "--data-dir", str(data_dir)])
    assert (done.exit_code, "edited" in done.output) == (1, True), done.output

    # A file of another frame is found out.
    first, second = (store.renditions_dir(video_id) / name for name in _two_of_one_kind(table.to_pylist()))
    first.write_bytes(second.read_bytes())
    verdict = STAGES["renditions"].checks["frame_number_mapping"](video_id, "renditions", store, settings)
    assert not verdict.is_passed
    assert any("differs from the frame" in line for line in verdict.sample)
    assert first in output_files(store, video_id)
    remove_outputs(store, video_id)
    assert not first.exists()


def _two_of_one_kind(rows: list[dict]) -> tuple[str, str]:
    names = [row["file_name"] for row in rows if (row["width"], row["format"]) == (160, "webp")]
    return names[0], names[1]
