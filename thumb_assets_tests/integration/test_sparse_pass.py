"""The sparse pass from end to end: every still is the frame it says, and a file that cannot be trusted is decoded."""

import io
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from thumb_assets.errors import SettingsError, VerificationError
from thumb_assets.export.figures import score_timeline
from thumb_assets.pipeline.result import StageResult
from thumb_assets.settings.load import Settings, load_settings
from thumb_assets.stages.kit.work import identities_of
from thumb_assets.store.parquet import TableStore
from thumb_assets.video.fetch import FrameFetcher
from thumb_assets_tests.support.drawing import RgbArray
from thumb_assets_tests.support.encoding import Encoding, encode
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages
from thumb_assets_tests.support.synthetic import draw_frame, read_frame_index

# Shots that begin inside groups of 24 frames, one of them without a sync frame of its own.
_CUTS = (0, 60, 100, 126, 138, 190)
_NUM_FRAMES = 240
_X264 = {"preset": "veryfast", "crf": "16", "x264-params": "scenecut=0"}
_COUNTED = ("export.verification=count", "sparse.min_sync_frames=5", 'crops.aspect_ratios=["1:1"]')


def _sparse(*overrides: str) -> Settings:
    return load_settings("sparse", [*_COUNTED, "selection.top_k=8", "selection.min_gap_seconds=0", *overrides])


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames that know their index, in ten groups of pictures."""
    frames = [draw_frame(i, shot_index=sum(i >= cut for cut in _CUTS) - 1) for i in range(_NUM_FRAMES)]
    encoding = Encoding(options=_X264, gop_size=24, num_b_frames=2)
    return encode(tmp_path_factory.mktemp("sparse") / "groups.mp4", frames, encoding)


def _run(data_dir: Path, path: Path, settings: Settings) -> dict[str, StageResult]:
    (video_id,) = register(data_dir, [path])
    results = run_stages(data_dir, [video_id], (*WITHOUT_MODELS, "crops"), settings=settings)
    assert [result.message for result in results.values() if result.status != "done"] == []
    return {stage: result for (_, stage), result in results.items()}


def _full_tables(data_dir: Path, path: Path) -> dict[str, StageResult]:
    return _run(data_dir / "full", path, load_settings(overrides=['crops.aspect_ratios=["1:1"]']))


@pytest.mark.parametrize("share", ["0.5", "1", "0"])
def test_every_still_shows_its_frame(video: Path, data_dir: Path, share: str) -> None:
    results = _run(data_dir, video, _sparse(f"sparse.max_decoded_share={share}"))
    store = TableStore(data_dir)
    stills = results["stills"].tables["stills"].to_pylist()
    assert len(stills) >= 4
    for still in stills:
        with Image.open(store.stills_root / still["video_id"] / still["file_name"]) as picture:
            assert read_frame_index(_rgb(picture)) == still["frame_index"]
    assert store.footer("frames", stills[0]["video_id"])["decoding"] == "sparse"  # type: ignore[index]
    assert results["crops"].tables["crops"].num_rows == len(stills)


def _rgb(picture: Image.Image) -> RgbArray:
    return np.asarray(picture.convert("RGB"))


def test_frames_are_those_of_the_full_pass_where_they_were_decoded(video: Path, data_dir: Path) -> None:
    sparse, full = _run(data_dir, video, _sparse()), _full_tables(data_dir, video)
    rows, truth = (each["frames"].tables["frames"].to_pylist() for each in (sparse, full))
    assert len(rows) == len(truth) == _NUM_FRAMES
    decoded = [row for row in rows if row["luma_hash"] is not None]
    assert {*range(0, _NUM_FRAMES, 24)} <= {row["frame_index"] for row in decoded}
    assert len(decoded) < _NUM_FRAMES / 2
    for row, true in zip(rows, truth, strict=True):
        same = ["frame_index", "pts", "pts_seconds", "is_keyframe", "field_order"]
        if row["luma_hash"] is not None:
            same += ["luma_hash", "chroma_hash", "luma_mean", "luma_std", "laplacian_variance"]
        assert {name: row[name] for name in same} == {name: true[name] for name in same}
    videos = [each["videos"].tables["videos"].to_pylist() for each in (sparse, full)]
    assert videos[0] == [{**videos[1][0], "source_path": videos[0][0]["source_path"]}]


def test_shots_are_found_where_the_budget_allows_it(video: Path, data_dir: Path) -> None:
    shots = _run(data_dir, video, _sparse("sparse.max_decoded_share=1"))["shots"].tables["shots"].to_pylist()
    starts = [shot["start_frame_index"] for shot in shots]
    assert len(starts) == len(_CUTS) - 1  # 126 to 138 is shorter than a shot may be
    assert all(min(abs(start - cut) for start in starts) <= 3 for cut in _CUTS if cut != 138)
    assert (shots[0]["start_frame_index"], shots[-1]["exclusive_end_frame_index"]) == (0, _NUM_FRAMES)


def test_stages_can_be_run_again_alone(video: Path, data_dir: Path) -> None:
    settings = _sparse()
    first = _run(data_dir, video, settings)
    video_id = first["stills"].tables["stills"].column("video_id")[0].as_py()
    results = run_stages(data_dir, [video_id], ("sharpness", "selections", "stills"), settings=settings)
    assert {result.status for result in results.values()} == {"done"}
    assert results[video_id, "stills"].tables["stills"].equals(first["stills"].tables["stills"])
    picture = score_timeline(
        first["frames"].tables["frames"],
        candidates=first["candidate_frames"].tables["candidate_frames"],
        shots=first["shots"].tables["shots"],
        selections=first["selections"].tables["selections"],
        sharpness=first["sharpness"].tables["sharpness"],
    )
    with Image.open(io.BytesIO(picture)) as image:
        assert image.size == (1040, 380)


def test_a_frame_without_a_hash_is_refused_at_once(video: Path, data_dir: Path) -> None:
    frames = _run(data_dir, video, _sparse())["frames"].tables["frames"]
    missing = frames.column("luma_hash").to_pylist().index(None)
    with (
        FrameFetcher(video, identities_of(frames)) as fetcher,
        pytest.raises(VerificationError, match=f"frame {missing} was not decoded by the sparse pass"),
    ):
        fetcher.fetch(missing)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("mpeg_ts", "keeps no index"), ("cfr", "only 4 sync frames"), ("open_gop", "sync frame")],
)
def test_an_index_that_cannot_be_trusted_is_told(
    name: str, reason: str, synthetic_videos: Callable[[str], Path], data_dir: Path
) -> None:
    path = synthetic_videos(name)
    results = _run(data_dir, path, _sparse())
    note = str(results["frames"].metrics["note"])
    assert reason in note
    assert note.startswith("sparse pass not possible: ")
    assert note.endswith("; decoded every frame")
    frames = results["frames"].tables["frames"]
    footer = TableStore(data_dir).footer("frames", frames.column("video_id")[0].as_py()) or {}
    assert footer["decoding"] == "every_frame"
    assert reason in footer["fallback_reason"]
    full = _full_tables(data_dir, path)
    for stage in ("frames", "shots", "candidate_frames"):
        assert results[stage].tables[stage].equals(full[stage].tables[stage])


def test_a_damaged_sync_frame_is_met(video: Path, data_dir: Path) -> None:
    damaged, data = data_dir / "damaged.mp4", bytearray(video.read_bytes())
    with av.open(str(video)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        (position, size) = next((packet.pos, packet.size) for packet in packets if packet.is_keyframe and packet.pts)
    for offset in range(position + size // 2, position + size - 4, 7):  # the headers stay right
        data[offset] ^= 0x5A
    damaged.write_bytes(data)
    assert "damage" in str(_run(data_dir, damaged, _sparse())["frames"].metrics["note"])


@pytest.mark.parametrize("name", ["issue-195-aspect-ratio.mp4", "pos_video.mp4"])
def test_shared_clips(name: str, shared_dir: Path, data_dir: Path) -> None:
    results = _run(data_dir, shared_dir / "video" / name, _sparse())
    assert "note" not in results["frames"].metrics
    assert results["stills"].tables["stills"].num_rows >= 3  # each counted from frame 0


def test_every_frame_cannot_be_scored_without_being_decoded() -> None:
    with pytest.raises(SettingsError, match="needs every frame"):
        load_settings("sparse", ["iqa.scope=every_frame"])
