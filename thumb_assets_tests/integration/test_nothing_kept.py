"""Videos of which nothing is worth keeping, through the commands: no stills, no failure, and the reason everywhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import CliRunner

from thumb_assets.cli import main
from thumb_assets.report.facts import gather
from thumb_assets.report.page import render
from thumb_assets.settings.load import load_settings
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.drawing import draw_frame
from thumb_assets_tests.support.encoding import RATE, encode
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages

STAGES = ",".join([*WITHOUT_MODELS, "crops", "chapters"])
SETTINGS = ("video.is_isolated=false", 'crops.aspect_ratios=["1:1"]', "chapters.is_on=true")
NOTHING = "nothing in this video is worth keeping: "
GOOD = range(4 * RATE, 5 * RATE)


def plain(level: int, num_frames: int = 2 * RATE) -> list[np.ndarray]:
    return [np.full((180, 320, 3), level, np.uint8)] * num_frames


def colour_bars() -> Iterator[np.ndarray]:
    """Two seconds of FFmpeg's smptebars."""
    graph = av.filter.Graph()
    source = graph.add("smptebars", f"size=320x180:rate={RATE}:duration=2")
    sink = graph.add("buffersink")
    source.link_to(sink)
    graph.configure()
    for _ in range(2 * RATE):
        yield graph.pull().to_ndarray(format="rgb24")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("nothing")
    good = [draw_frame(index, width=320, height=180) for index in GOOD]
    frames = {
        "black": plain(0),
        "blank": plain(250),
        "bars": list(colour_bars()),
        "late": [*plain(0, GOOD.start), *good, *plain(0, 2 * RATE)],
        "one": plain(250, 1),
    }
    return {name: encode(folder / f"{name}.mp4", pictures) for name, pictures in frames.items()}


def thumb_assets(*arguments: object) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def run(data_dir: Path, *paths: Path, overrides: tuple[str, ...] = ()) -> str:
    settings = [part for override in (*SETTINGS, *overrides) for part in ("--set", override)]
    return thumb_assets("run", *paths, "--stages", STAGES, "--data-dir", data_dir, *settings)


def test_the_reason_is_said_by_every_command(videos: dict[str, Path], data_dir: Path) -> None:
    output = run(data_dir, *videos.values())
    for name, reason in {"black": "too dark", "blank": "too flat", "bars": "test pattern"}.items():
        said = rf"{name}-\w+: {NOTHING}(\d+) of \1 candidates {reason}"
        assert re.search(rf"^{said}$", output, re.MULTILINE), output
        assert re.search(f"{NOTHING}.*{reason}", thumb_assets("show", name, "--data-dir", data_dir))
        why = thumb_assets("show", name, "--why", "--data-dir", data_dir)
        assert re.search(rf"^{NOTHING}.*{reason}$", why, re.MULTILINE)
        assert "selection.keep_least_bad" in why
    assert "5 videos done, 0 failed" in output
    assert re.search(r"^late-\w+ +1 ", output, re.MULTILINE)
    assert re.search(r"^one-\w+ +1 ", output, re.MULTILINE)
    store = TableStore(data_dir)
    facts = gather(store)
    assert sorted(video_id.partition("-")[0] for video_id in facts.nothing_kept) == ["bars", "black", "blank"]
    page = render(facts, store, now=0.0)
    assert all(f"<td>{why}</td>" in page for why in facts.nothing_kept.values())
    rows = Catalog(store.catalog_path).query("SELECT reason, num_candidates FROM nothing_kept ORDER BY reason")
    assert [row["reason"] for row in rows] == ["test_pattern", "too_dark", "too_flat"]


def test_nothing_comes_after_nothing_and_the_next_run_has_nothing_to_do(
    videos: dict[str, Path], data_dir: Path
) -> None:
    run(data_dir, videos["black"])
    store = TableStore(data_dir)
    (video_id,) = store.video_ids("selections")
    assert [store.read(name, video_id).num_rows for name in ("selections", "stills", "crops")] == [0, 0, 0]
    assert store.read("chapters", video_id).num_rows == 1
    assert store.footer("selections", video_id)["nothing_kept"].startswith(NOTHING)
    assert list(store.stills_dir(video_id).iterdir()) == []
    again = run(data_dir, videos["black"])
    num_stages = len(STAGES.split(","))
    assert f"{num_stages - 1} of {num_stages - 1} stages were unchanged" in again  # the catalog is always looked at
    assert NOTHING in again
    assert "no damage found" in thumb_assets("check", "--data-dir", data_dir)


def test_a_cover_of_before_is_gone_and_the_setting_brings_it_back(videos: dict[str, Path], data_dir: Path) -> None:
    output = run(data_dir, videos["black"], overrides=("selection.keep_least_bad=true",))
    assert re.search(r"^black-\w+ +1 ", output, re.MULTILINE)
    assert "1 video kept only as a last resort: black-" in output
    store = TableStore(data_dir)
    (video_id,) = store.video_ids("selections")
    assert any(path.stem.endswith("cover") for path in store.stills_dir(video_id).iterdir())
    asked = ("--set", "selection.keep_least_bad=false", "--data-dir", data_dir)
    assert re.search(r"^black-\w+ +[\d(].* - *$", thumb_assets("what-if", *asked), re.MULTILINE)
    run(data_dir, videos["black"], overrides=("selection.keep_least_bad=false",))
    assert list(store.stills_dir(video_id).iterdir()) == []
    assert list(store.crops_dir(video_id).iterdir()) == []


def test_a_good_second_of_a_black_video_is_all_that_is_chosen(videos: dict[str, Path], data_dir: Path) -> None:
    run(data_dir, videos["late"])
    store = TableStore(data_dir)
    (video_id,) = store.video_ids("selections")
    frames = store.read("selections", video_id).column("frame_index").to_pylist()
    assert frames
    assert set(frames) <= set(GOOD)


def test_what_people_pin_is_chosen_all_the_same(videos: dict[str, Path], data_dir: Path) -> None:
    run(data_dir, videos["black"])
    thumb_assets("pin", "black", 13, "--data-dir", data_dir)
    assert NOTHING not in run(data_dir, videos["black"])
    store = TableStore(data_dir)
    (video_id,) = store.video_ids("selections")
    assert store.read("stills", video_id).column("frame_index").to_pylist() == [13]


@pytest.mark.parametrize("name", ["silent-black-10s.mp4", "fades.mp4", "edts.mp4"])
def test_real_files_that_show_nothing(name: str, shared_dir: Path, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [shared_dir / "video" / name])
    results = run_stages(data_dir, [video_id], [*WITHOUT_MODELS[: WITHOUT_MODELS.index("selections") + 1]],
                         settings=load_settings())  # fmt: skip
    assert str(results[(video_id, "selections")].metrics["nothing_kept"]).startswith(NOTHING)
