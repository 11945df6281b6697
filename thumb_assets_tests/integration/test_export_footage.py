"""Datasets of real files: encoded copies stay together, candidates are decoded, tags say the licence."""

import re
import shlex
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from thumb_assets.export.metadata import read_still_metadata
from thumb_assets.settings.load import load_settings
from thumb_assets.store.collections import collect
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.integration.test_export_cli import export, fingerprint, refused, thumb_assets
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages

_ROOT = Path(__file__).resolve().parents[2]
NUM_OTHERS = 5
RATE, SECONDS = 10, 6
SETTINGS = load_settings(overrides=["candidates.screens=off"])
TAGS = {"copyright": "CC BY-SA 4.0", "artist": "Ana, of the tags"}


def footage(
    seed: int, size: tuple[int, int], *, seconds: tuple[int, int] = (0, SECONDS)
) -> Iterator[NDArray[np.uint8]]:
    """Three shots of drawn ground that the camera passes over."""
    width, height = size
    for frame in range(seconds[0] * RATE, seconds[1] * RATE):
        shot = 3 * frame // (SECONDS * RATE)
        random = np.random.default_rng([seed, shot])
        ground = Image.fromarray(random.integers(20, 235, (9, 24, 3)).astype(np.uint8)).resize((960, 360))
        left = 2 * (frame % (2 * RATE))
        yield np.asarray(ground.crop((left, 0, left + 640, 360)).resize((width, height), Image.Resampling.BICUBIC))


def write(path: Path, frames: Iterator[NDArray[np.uint8]], *, codec: str = "libx264", **options: str) -> Path:
    with av.open(str(path), "w") as container:
        stream = None
        for number, pixels in enumerate(frames):
            if stream is None:
                stream = container.add_stream(codec, rate=RATE, options={"threads": "1", **options})
                stream.width, stream.height, stream.pix_fmt = pixels.shape[1], pixels.shape[0], "yuv420p"
                container.metadata.update(TAGS if path.stem == "first" else {})
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels))
            picture.pts, picture.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(picture))
        assert stream is not None
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video, a smaller and worse copy of it, a part cut out of it, and others; run without models."""
    data = tmp_path_factory.mktemp("footage") / "data"
    (data / "videos").mkdir(parents=True)
    first = footage(1, (320, 180))
    paths = [write(data / "videos" / "first.mp4", first, preset="ultrafast", crf="18")]
    copy, cut = footage(1, (256, 144)), footage(1, (480, 270), seconds=(2, 5))
    paths.append(write(data / "videos" / "copy.webm", copy, codec="libvpx", b="150k", deadline="realtime"))
    paths.append(write(data / "videos" / "cut.mp4", cut, preset="ultrafast", crf="30"))
    for seed in range(2, 2 + NUM_OTHERS):
        other = footage(seed, (320, 180))
        paths.append(write(data / "videos" / f"other{seed}.mp4", other, preset="ultrafast", crf="23"))
    results = run_stages(data, register(data, paths), WITHOUT_MODELS, settings=SETTINGS)
    assert {result.status for result in results.values()} <= {"done", "skipped"}
    return data


def rows_of(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "stills.csv").assign(name=lambda rows: rows["source"].str.partition(".")[0])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("is_deduplicated", ["true", "false"])
def test_copies_never_straddle_the_split(data_dir: Path, tmp_path: Path, seed: int, is_deduplicated: str) -> None:
    shares = '{"train": 0.5, "test": 0.5}'
    options = ("--set", f"dataset.splits={shares}", "--set", f"dataset.is_deduplicated={is_deduplicated}")
    export("csv", tmp_path / "out", data_dir, "--seed", seed, *options)
    rows = rows_of(tmp_path / "out")
    copies = rows[rows["name"].isin(["first", "copy", "cut"])]
    assert len(set(copies["name"])) >= 2
    assert len(set(copies["group_id"])) == len(set(copies["split"])) == 1
    assert len(set(rows["group_id"])) == 1 + NUM_OTHERS
    assert set(rows["split"]) == {"train", "test"}
    assert len(set(zip(rows["group_id"], rows["split"], strict=True))) == 1 + NUM_OTHERS


def test_the_nearest_pair_over_the_border_is_no_copy(data_dir: Path, tmp_path: Path) -> None:
    result = export("folder", tmp_path / "out", data_dir)
    cosine = result.output.partition("most alike over the split: cosine ")[2].partition(",")[0]
    card = (tmp_path / "out/README.md").read_text()
    bits = int(re.search(rf"Cosine similarity {cosine} .*; (\d+) of the 64 bits", card)[1])  # type: ignore[index]
    survey = SETTINGS.survey
    assert float(cosine) < survey.still_min_cosine or bits > survey.still_max_hash_distance


def test_candidates_are_decoded_and_proven_as_stills_are(data_dir: Path, tmp_path: Path) -> None:
    options = ("--what", "candidates", "--set", "candidates.screens=off")
    for out in ("one", "two"):
        (tmp_path / out).mkdir()
        export("folder", tmp_path / out / "set", data_dir, *options)
    assert fingerprint(tmp_path / "one") == fingerprint(tmp_path / "two")
    out = tmp_path / "one" / "set"
    rows, store = rows_of(out), TableStore(data_dir)
    selected = rows[rows["is_selected"]]
    others = rows[~rows["is_selected"]]
    assert len(selected) >= NUM_OTHERS
    assert len(others) > 0
    assert others["rank"].isna().all()
    assert others["combined_score"].between(0, 1.2).all()
    assert others["sharpness_percentile"].notna().all()
    for row in rows.itertuples():
        facts = read_still_metadata(out / row.file_name)
        assert (facts["frame_index"], facts["luma_hash"]) == (row.frame_index, row.luma_hash)
        frames = store.read("frames", row.video_id)
        assert frames.column("luma_hash")[row.frame_index].as_py() == row.luma_hash
    floor = float(others["combined_score"].median())
    export("folder", out, data_dir, *options, "--min-score", floor)
    assert 0 < len(rows_of(out)) < len(rows)
    assert (rows_of(out)["combined_score"] >= floor).all()
    reasons = [store.read("rejections", video_id).to_pylist() for video_id in store.video_ids("rejections")]
    bad = {(row["video_id"], row["frame_index"]) for of in reasons for row in of if row["stage"] == "reject"}
    assert not bad & set(zip(rows["video_id"], rows["frame_index"], strict=True))


def test_a_collection_is_exported_and_nothing_else(data_dir: Path, tmp_path: Path) -> None:
    store = TableStore(data_dir)
    first, second, *_ = store.video_ids("selections")
    candidates = store.read("candidate_frames", first).column("frame_index").to_pylist()
    (other,) = store.read("candidate_frames", second).column("frame_index").to_pylist()[:1]
    no_candidate = next(frame for frame in range(60) if frame not in candidates)
    name = "Nächte & <b>“x”</b> 🌙"
    collect(store, name, first, [candidates[0], candidates[-1], no_candidate])
    collect(store, name, second, [other])
    options = ("--collection", name, "--set", "candidates.screens=off", "--set", "dataset.is_deduplicated=false")
    result = export("imagefolder", tmp_path / "out", data_dir, *options)
    assert "left out (1 video): frames of the collection are no candidates" in result.stderr
    rows = pd.concat(pd.read_parquet(path) for path in (tmp_path / "out").rglob("metadata.parquet"))
    found = sorted(zip(rows["video_id"], rows["frame_index"], strict=True))
    assert found == sorted([(first, candidates[0]), (first, candidates[-1]), (second, other)])
    assert "the collection N" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "there is no collection 'none'; known: 'N" in refused(
        "folder", tmp_path / "no", data_dir, "--collection", "none"
    )
    assert "candidates have none" in refused("csv", tmp_path / "no", data_dir, "--collection", name)


def test_candidates_of_a_file_that_is_gone_are_left_out(data_dir: Path, tmp_path: Path) -> None:
    path = data_dir / "videos" / "other2.mp4"
    path.rename(tmp_path / "other2.mp4")
    try:
        result = export("folder", tmp_path / "out", data_dir, "--what", "candidates")
        assert "left out (1 video): their files are gone, and candidates are decoded from them" in result.stderr
        assert "other2" not in set(rows_of(tmp_path / "out")["name"])
    finally:
        (tmp_path / "other2.mp4").rename(path)


def test_the_tags_of_a_file_say_its_licence(data_dir: Path, tmp_path: Path) -> None:
    export("csv", tmp_path / "out", data_dir, "--licence", "commercial", "--set", "dataset.is_deduplicated=false")
    rows = rows_of(tmp_path / "out")
    assert set(rows["name"]) == {"first"}
    assert set(rows["licence"]) == {"CC-BY-SA-4.0"}
    assert set(rows["author"]) == {TAGS["artist"]}


def test_stills_that_are_gone_are_made_again_by_the_command_that_is_named(data_dir: Path, tmp_path: Path) -> None:
    path = next(path for path in (data_dir / "stills").rglob("*_f*.jpg") if "other3" in path.name)
    path.unlink()
    line = refused("folder", tmp_path / "out", data_dir)
    command = line.rpartition("thumb-assets ")[2].split()
    assert command == ["run", "--stages", "stills"]
    again = thumb_assets(*command, "--data-dir", data_dir, "--set", "candidates.screens=off")
    assert again.exit_code == 0, again.output
    export("folder", tmp_path / "out", data_dir)


def test_every_command_of_the_page_works_and_what_it_writes_is_loaded_as_it_says(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THUMB_ASSETS_DATA_DIR", str(data_dir))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "hf-cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    pages = [(_ROOT / name).read_text(encoding="utf-8") for name in ("docs/export.md", "README.md")]
    commands = [line for page in pages for line in page.splitlines() if line.startswith("uv run thumb-assets export")]
    assert len(commands) >= 8
    store = TableStore(data_dir)
    for video_id in store.video_ids("selections"):
        collect(store, "night drives", video_id, store.read("selections", video_id).column("frame_index").to_pylist())
    for command in commands:
        result = thumb_assets(*shlex.split(command)[3:])
        assert result.exit_code == 0, (command, result.output)
    (code,) = re.findall(r"```python\n(.+?)```", pages[0], re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, "docs/export.md", "exec"), names)
    assert names["stills"].num_rows > 0
