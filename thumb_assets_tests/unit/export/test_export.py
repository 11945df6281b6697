"""Written files, their content, and the remains of a failure."""

import errno
import fcntl
import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from thumb_assets.errors import StorageError, VerificationError
from thumb_assets.export.figures import contact_sheet, score_timeline
from thumb_assets.export.metadata import encode_still, read_still_metadata
from thumb_assets.export.plan import plan_stills
from thumb_assets.export.verify import verify_count
from thumb_assets.export.write import write_stills
from thumb_assets.folders import recover_folder, replaced_folder
from thumb_assets.settings.stages import StillsSettings
from thumb_assets.tables.checks import verify_contract
from thumb_assets.tables.conform import table_from_rows
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.fetch import FrameFetcher
from thumb_assets_tests.support.decoded import identities_of, selections_of
from thumb_assets_tests.support.drawing import read_frame_index
from thumb_assets_tests.unit.export.conftest import VIDEO_ID, VIDEO_SHA256


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_each_still_shows_its_frame_at_full_size(exported):
    assert verify_contract("stills", exported.stills).is_passed
    assert len(contents(exported.folder)) == 3 + 1
    for row in exported.stills.to_pylist():
        with Image.open(exported.folder / row["file_name"]) as still:
            assert still.size == (row["width"], row["height"]) == (320, 180)
            assert still.mode == "RGB"
            assert read_frame_index(np.asarray(still)) == row["frame_index"]
        assert row["mapping_verified"]


def test_facts_can_be_read_back(exported):
    selections = {row["frame_index"]: row for row in exported.selections.to_pylist()}
    for row in exported.stills.to_pylist():
        facts = read_still_metadata(exported.folder / row["file_name"])
        selection = selections[row["frame_index"]]
        names = ("video_id", "frame_index", "pts", "pts_seconds", "combined_score", "rank")
        assert {name: facts[name] for name in names} == {name: selection[name] for name in names}
        assert facts["luma_hash"] == row["luma_hash"]
        assert facts["video_sha256"] == VIDEO_SHA256
        assert facts["source_file_name"] == "b_frames.mp4"


def test_other_programs_find_description_software_and_profile(exported):
    path = exported.folder / exported.stills["file_name"][0].as_py()
    with Image.open(path) as still:
        still.load()
        if still.format == "PNG":
            description, software = still.info["Description"], still.info["Software"]
        else:
            exif = still.getexif()
            description, software = exif[ExifTags.Base.ImageDescription], exif[ExifTags.Base.Software]
            assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment].startswith(b"ASCII\0\0\0{")
        profile = ImageCms.ImageCmsProfile(io.BytesIO(still.info["icc_profile"]))
        assert "sRGB" in ImageCms.getProfileDescription(profile)
    assert description == "b_frames.mp4, frame 7, at 0.280 s, rank 2, score 0.8750"
    assert software.startswith("thumb_assets ")


def test_names_outside_ascii_survive(tmp_path):
    facts = {"source_file_name": "Fußball 🎬 \udcff.mp4", "frame_index": 1}
    for kind in ("jpeg", "png"):
        path = tmp_path / f"a.{kind}"
        path.write_bytes(encode_still(np.zeros((8, 8, 3), np.uint8), format=kind, quality=90, facts=facts))
        assert read_still_metadata(path) == facts


def test_a_picture_without_our_facts_is_named(tmp_path):
    for name in ("a.jpg", "a.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
        with pytest.raises(VerificationError, match=name):
            read_still_metadata(tmp_path / name)
    (tmp_path / "b.jpg").write_text("no picture")
    with pytest.raises(VerificationError, match=r"b\.jpg"):
        read_still_metadata(tmp_path / "b.jpg")


@pytest.mark.parametrize("quality", [1, 75, 95, 100])
def test_noise_can_be_written_at_every_quality(quality):
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    data = encode_still(noise, format="jpeg", quality=quality, facts={})
    assert Image.open(io.BytesIO(data)).layer[1][1:3] == (1, 1)  # chroma is not subsampled


def test_the_same_export_gives_the_same_bytes(unexported):
    unexported.export()
    first = contents(unexported.folder)
    unexported.export()
    assert contents(unexported.folder) == first


def test_a_new_export_replaces_and_never_mixes(unexported):
    unexported.export()
    unexported.export(unexported.select(1, 2))
    names = [name for name in contents(unexported.folder) if not name.startswith("cover.")]
    assert sorted(name.split("_")[1] for name in names) == ["f00000001", "f00000002"]
    assert [path.name for path in unexported.stills_dir.iterdir()] == [VIDEO_ID]


def test_a_cover_of_another_still_or_none_is_found(exported, tmp_path):
    folder = shutil.copytree(exported.folder, tmp_path / "copied")
    (cover,) = folder.glob("cover.*")
    stills = {row["rank"]: row["file_name"] for row in exported.stills.to_pylist()}
    assert cover.read_bytes() == (folder / stills[1]).read_bytes()
    cover.unlink()
    missing = verify_count(exported.selections, exported.stills, folder=folder)
    assert "cover" in missing.sample[0]
    shutil.copyfile(folder / stills[2], cover)
    other = verify_count(exported.selections, exported.stills, folder=folder)
    assert "is not the still of rank 1" in other.sample[0]


def test_a_name_stays_where_only_score_and_rank_change(unexported):
    before = unexported.export()
    rows = unexported.selections.to_pylist()
    for row in rows:
        row |= {"rank": len(rows) + 1 - row["rank"], "combined_score": row["combined_score"] / 2}
    after = unexported.export(table_from_rows("selections", rows))
    assert after["file_name"].to_pylist() == before["file_name"].to_pylist()
    for row in after.to_pylist():
        assert read_still_metadata(unexported.folder / row["file_name"])["rank"] == row["rank"]


def test_no_selection_leaves_an_empty_folder(unexported):
    unexported.export()
    stills = unexported.export(unexported.select())
    assert stills.num_rows == 0
    assert contents(unexported.folder) == {}


def test_a_failure_in_the_middle_leaves_the_old_stills(unexported):
    unexported.export()
    before = contents(unexported.folder)
    hashes = unexported.identities.luma_hash
    hashes[33] = "0" * 32  # the third of three frames is not found again
    with pytest.raises(VerificationError, match="frame 33"):
        unexported.export()
    assert contents(unexported.folder) == before
    assert [path.name for path in unexported.stills_dir.iterdir()] == [VIDEO_ID]


def test_a_frame_of_another_stamp_or_never_delivered_is_refused(unexported, tmp_path):
    plan = plan_stills(unexported.selections, video_id=VIDEO_ID, width=320, height=180)
    with FrameFetcher(unexported.path, unexported.identities) as fetcher:
        frames = list(fetcher.fetch_many([7, 20, 33]))
    with pytest.raises(VerificationError, match="never came"):
        write_stills(plan, frames=frames[:2], folder=tmp_path, provenance={})
    with pytest.raises(VerificationError, match="not asked for"):
        write_stills(plan[:2], frames=frames, folder=tmp_path, provenance={})
    frames[0][0].pts += 1
    with pytest.raises(VerificationError, match="planned were"):
        write_stills(plan, frames=frames, folder=tmp_path, provenance={})


def test_a_full_disk_is_transient_and_leaves_the_old_folder(tmp_path):
    target = tmp_path / "a-1"
    target.mkdir()
    (target / "old").write_text("old")

    def fill_the_disk():
        with replaced_folder(target) as folder:
            (folder / "new").write_text("new")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StorageError, match="No space left") as caught:
        fill_the_disk()
    assert not caught.value.is_permanent
    assert contents(target) == {"old": b"old"}
    assert [path.name for path in tmp_path.iterdir()] == ["a-1"]


def test_a_folder_that_cannot_be_made_is_transient(unexported):
    unexported.stills_dir.write_text("a file where the folder should be")
    with pytest.raises(StorageError, match="cannot be"):
        unexported.export()


@pytest.fixture(params=["locks", "age"])
def abandon(request, monkeypatch):
    """Makes a folder look as a killed process leaves it; on systems without locks only its age tells."""

    def age(path):
        os.utime(path, (0, 0))

    def refuse(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    if request.param == "locks":
        return lambda path: None
    monkeypatch.setattr(fcntl, "flock", refuse)
    return age


def test_a_crash_between_the_two_renames_is_put_right(unexported, abandon):
    unexported.export()
    before = contents(unexported.folder)
    old, new = (unexported.stills_dir / f"{kind}-{VIDEO_ID}-0123456789abcdef" for kind in (".old", ".tmp"))
    unexported.folder.rename(old)
    new.mkdir()
    abandon(old)
    abandon(new)
    unexported.identities.luma_hash[33] = "0" * 32
    with pytest.raises(VerificationError):  # even when the next export fails
        unexported.export()
    assert contents(unexported.folder) == before
    assert [path.name for path in unexported.stills_dir.iterdir()] == [VIDEO_ID]


def test_a_folder_is_abandoned_though_its_number_is_that_of_a_running_process(unexported):
    # A number is used again, by a thread too, and two machines or containers count apart.
    (unexported.stills_dir / f".tmp-{VIDEO_ID}-{os.getppid()}").mkdir(parents=True)
    unexported.export()
    assert [path.name for path in unexported.stills_dir.iterdir()] == [VIDEO_ID]


def test_a_folder_in_work_is_left_alone(tmp_path, abandon):
    target = tmp_path / "a-1"
    (target / "old").mkdir(parents=True)
    with replaced_folder(target) as folder:
        recover_folder(target)
        (folder / "new").mkdir()
    assert [path.name for path in target.iterdir()] == ["new"]


def test_an_old_folder_in_work_is_left_alone(tmp_path, monkeypatch):
    target, rename, seen = tmp_path / "a-1", Path.rename, []
    target.mkdir()

    def recover_in_between(path, to):
        if to == target:
            recover_folder(target)
            seen.append(target.exists())
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", recover_in_between)
    with replaced_folder(target) as folder:
        (folder / "new").mkdir()
    assert seen == [False]
    assert [path.name for path in tmp_path.iterdir()] == ["a-1"]
    assert [path.name for path in target.iterdir()] == ["new"]


def test_a_folder_that_was_replaced_while_it_was_waited_for_is_held_anew(tmp_path, monkeypatch):
    target, flock, other = tmp_path / "a-1", fcntl.flock, []
    (target / "old").mkdir(parents=True)

    def late(handle, kind):
        is_of_target = target.exists() and os.path.samestat(os.fstat(handle), target.stat())
        if is_of_target and not other:
            other.append(handle)
            target.rename(tmp_path / "elsewhere")
            target.mkdir()
        flock(handle, kind)

    def recover_in_between(path, to):
        if to == target:
            recover_folder(target)
        return rename(path, to)

    rename = Path.rename
    monkeypatch.setattr(fcntl, "flock", late)
    with replaced_folder(target) as folder:
        (folder / "new").mkdir()
        monkeypatch.setattr(Path, "rename", recover_in_between)
    assert other
    assert [path.name for path in target.iterdir()] == ["new"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-1", "elsewhere"]


def test_a_new_folder_that_a_cleaner_took_is_made_again(tmp_path, monkeypatch):
    flock, cleaned = fcntl.flock, []

    def late(handle, kind):
        if not cleaned:
            cleaned.append(handle)
            recover_folder(tmp_path / "a-1")
        flock(handle, kind)

    monkeypatch.setattr(fcntl, "flock", late)
    with replaced_folder(tmp_path / "a-1") as folder:
        (folder / "new").mkdir()
    assert cleaned
    assert [path.name for path in tmp_path.iterdir()] == ["a-1"]
    assert [path.name for path in (tmp_path / "a-1").iterdir()] == ["new"]


def test_folders_of_other_videos_are_left_alone(unexported):
    other = f".tmp-{VIDEO_ID}-7-0123456789abcdef"
    (unexported.stills_dir / other).mkdir(parents=True)
    unexported.export()
    assert {path.name for path in unexported.stills_dir.iterdir()} == {VIDEO_ID, other}


def test_a_file_that_cannot_seek_is_exported_by_counting(synthetic_videos, unexported):
    raw = synthetic_videos("raw_h264")
    identities = identities_of(raw)
    selections = selections_of(VIDEO_ID, [20, 7], identities=identities, ticks_per_second=1_200_000)
    unexported.path = raw
    stills = unexported.export(selections, identities=identities)
    assert set(stills["export_method"].to_pylist()) == {"sequential"}


def test_figures_are_pictures(unexported):
    stills = unexported.export()
    sheet = Image.open(io.BytesIO(contact_sheet(unexported.folder, stills, unexported.selections)))
    assert 2 * 320 < sheet.width <= 1040  # Dagster's dialog; the third still is in a second row
    assert sheet.height > 2 * 200
    frames, shots, candidates = tables_of(unexported)
    tables = {"candidates": candidates, "shots": shots, "selections": unexported.selections}
    line = score_timeline(frames, **tables, title="a")
    assert Image.open(io.BytesIO(line)).size == (1040, 380)
    assert score_timeline(frames, **tables, title="a") == line


def test_figures_without_rows_are_pictures(unexported):
    stills = unexported.export(unexported.select())
    empty = unexported.select()
    assert Image.open(io.BytesIO(contact_sheet(unexported.folder, stills, empty)))
    frames, shots, candidates = tables_of(unexported)
    assert score_timeline(frames, candidates=candidates.slice(0, 0), shots=shots, selections=empty)


def test_an_export_survives_a_moved_library(unexported, tmp_path):
    moved = tmp_path / "elsewhere.mp4"
    shutil.copy(unexported.path, moved)
    unexported.path = moved
    stills = unexported.export(settings=StillsSettings(format="png"))
    facts = read_still_metadata(unexported.folder / stills["file_name"][0].as_py())
    assert facts["source_file_name"] == "elsewhere.mp4"


def tables_of(exported):
    with VideoDecoder(exported.path) as decoder:
        rows = [
            {
                "video_id": VIDEO_ID,
                "frame_index": frame.frame_index,
                "pts": frame.pts,
                "pts_seconds": frame.pts_seconds,
                "duration_seconds": 0.04,
                "is_keyframe": frame.is_keyframe,
                "field_order": frame.field_order,
                "is_corrupt": frame.is_corrupt,
                "luma_hash": frame.luma_hash,
                "chroma_hash": frame.chroma_hash,
                "luma_mean": None,
                "luma_std": None,
                "laplacian_variance": float(frame.frame_index) if frame.frame_index else None,
                "frame_difference": None,
                "largest_colour_share": None,
            }
            for frame in decoder
        ]
    names = ("video_id", "frame_index", "pts", "pts_seconds")
    no_state = dict.fromkeys(("state_start_frame_index", "state_exclusive_end_frame_index"))
    candidates = [
        {name: row[name] for name in names} | {"shot_index": 0, "sampling_methods": ["shot"]} | no_state
        for row in rows[::10]
    ]
    shot = {"video_id": VIDEO_ID, "start_pts": 0, "detector": "x", "transition": "cut", "detector_score": None}
    shots = [
        shot | {"shot_index": i, "start_frame_index": 20 * i, "exclusive_end_frame_index": 20 * i + 20}
        for i in range(2)
    ]
    return (
        table_from_rows("frames", rows),
        table_from_rows("shots", shots),
        table_from_rows("candidate_frames", candidates),
    )
