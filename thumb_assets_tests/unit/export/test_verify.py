"""Every way a still can be wrong, made on purpose, is caught; so is each one when the checksum is made to agree."""

import hashlib
import shutil
from dataclasses import replace
from typing import get_args

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from thumb_assets.errors import VerificationError
from thumb_assets.export.metadata import encode_still, read_still_metadata
from thumb_assets.export.verify import verify_count, verify_mapping
from thumb_assets.export.write import write_proven
from thumb_assets.settings.stages import Verification
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.rendition import render


def rgb_of(exported, frame_index):
    with VideoDecoder(exported.path) as decoder:
        return next(frame.rgb() for frame in decoder if frame.frame_index == frame_index)


def files(exported):
    return [exported.folder / name for name in exported.stills["file_name"].to_pylist()]


def rewrite(path, rgb, quality=95):
    """The file with another picture and its own facts."""
    kind = "png" if path.suffix == ".png" else "jpeg"
    facts = read_still_metadata(path)
    path.write_bytes(encode_still(rgb, format=kind, quality=quality, facts=facts))


def with_rows(stills, change):
    rows = stills.to_pylist()
    change(rows)
    return pa.Table.from_pylist(rows, schema=stills.schema)


def restamp(exported):
    """Makes size and checksum of the rows agree with the files, as an export that went wrong would."""

    def change(rows):
        for row in rows:
            data = (exported.folder / row["file_name"]).read_bytes()
            row["num_bytes"], row["file_sha256"] = len(data), hashlib.sha256(data).hexdigest()

    exported.stills = with_rows(exported.stills, change)


def mapping(exported, **options):
    return verify_mapping(
        exported.path, exported.stills, identities=exported.identities, folder=exported.folder, **options
    )


def count(exported):
    return verify_count(exported.selections, exported.stills, folder=exported.folder)


ALL_WAYS = get_args(Verification)


@pytest.mark.parametrize("by", ALL_WAYS)
def test_what_was_exported_passes(exported, by):
    for verdict in (count(exported), mapping(exported, by=by)):
        assert verdict.is_passed
        assert (verdict.num_checked, verdict.num_failed, verdict.sample) == (3, 0, ())


def neighbour(exported):
    rewrite(files(exported)[1], rgb_of(exported, 21))


def rotate(exported):
    path = files(exported)[1]
    rewrite(path, np.ascontiguousarray(np.rot90(rgb_of(exported, 20), 2)))


def quarter_turn(exported):
    rewrite(files(exported)[1], np.ascontiguousarray(np.rot90(rgb_of(exported, 20))))


def other_picture(exported):
    rewrite(files(exported)[1], np.random.default_rng(0).integers(0, 256, (180, 320, 3), np.uint8))


def one_block(exported):
    rgb = rgb_of(exported, 20).copy()
    rgb[100:140, 100:140] = 0
    rewrite(files(exported)[1], rgb)


def swap_channels(exported):
    rewrite(files(exported)[1], np.ascontiguousarray(rgb_of(exported, 20)[..., ::-1]))


def other_colours(exported, **changes):
    """The same frame through another rule of colour."""
    with VideoDecoder(exported.path) as decoder:
        frame = next(frame for frame in decoder if frame.frame_index == 20)
        colours = replace(decoder.header.look.colours, **changes)
    rewrite(files(exported)[1], render(frame._picture, "rgb8", width=320, height=180, colours=colours))


def other_matrix(exported):
    other_colours(exported, matrix=1)


def other_range(exported):
    other_colours(exported, is_full_range=True)


def mirror(exported):
    rewrite(files(exported)[1], np.ascontiguousarray(rgb_of(exported, 20)[:, ::-1]))


def swap_files(exported):
    first, second, _ = files(exported)
    data = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(data)


def truncate(exported):
    path = files(exported)[1]
    path.write_bytes(path.read_bytes()[:2000])


def without_facts(exported):
    path = files(exported)[1]
    Image.fromarray(rgb_of(exported, 20)).save(path, quality=95, subsampling="4:4:4")


def shift_everything(exported):
    """An export that is one frame late throughout: pictures of k + 1 under the name and facts of k."""
    for path, frame_index in zip(files(exported), (7, 20, 33), strict=True):
        rewrite(path, rgb_of(exported, frame_index + 1))


PICTURES = [
    neighbour,
    rotate,
    quarter_turn,
    other_picture,
    one_block,
    swap_channels,
    other_matrix,
    other_range,
    mirror,
    swap_files,
    truncate,
    without_facts,
    shift_everything,
]


@pytest.mark.parametrize(("by", "is_restamped"), [("file", False), ("decode", False), ("decode", True)])
@pytest.mark.parametrize("mutate", PICTURES)
def test_a_wrong_picture_is_caught(exported, mutate, by, is_restamped):
    mutate(exported)
    if is_restamped:
        restamp(exported)
    verdict = mapping(exported, by=by)
    num_wrong = {swap_files: 2, shift_everything: 3}.get(mutate, 1)
    assert (verdict.is_passed, verdict.num_failed) == (False, num_wrong)
    assert verdict.sample


@pytest.mark.parametrize("quality", [30, 75, 95, 100])
def test_the_right_picture_passes_at_every_quality_and_the_next_one_at_none(unexported, quality):
    unexported.stills = unexported.export()
    path = files(unexported)[1]
    rewrite(path, rgb_of(unexported, 20), quality)
    restamp(unexported)
    assert mapping(unexported).is_passed
    rewrite(path, rgb_of(unexported, 21), quality)
    restamp(unexported)
    assert not mapping(unexported).is_passed


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_a_file_that_shows_another_picture_is_never_taken_for_written(exported, tmp_path, kind):
    right, wrong = rgb_of(exported, 20), rgb_of(exported, 21)
    data = encode_still(right, format=kind, quality=95, facts={})
    path = tmp_path / f"still.{kind}"
    assert write_proven(path, data, shows=right) == hashlib.sha256(path.read_bytes()).hexdigest()
    for of_another, picture in ((data, wrong), (data[:-2000], right), (data, right[:-8])):
        with pytest.raises(VerificationError, match="still"):
            write_proven(path, of_another, shows=picture)


@pytest.mark.parametrize("by", ALL_WAYS)
def test_rows_moved_by_one_frame_are_caught(exported, by):
    def change(rows):
        for row in rows:
            row["frame_index"] += 1

    exported.stills = with_rows(exported.stills, change)
    verdict = mapping(exported, by=by)
    assert (verdict.is_passed, verdict.num_failed) == (False, 3)


@pytest.mark.parametrize("by", ALL_WAYS)
def test_identities_moved_by_one_frame_are_caught(exported, by):
    hashes = exported.identities.luma_hash
    hashes[:] = [*hashes[1:], hashes[0]]
    verdict = mapping(exported, by=by)
    assert (verdict.is_passed, verdict.num_failed) == (False, 3)


def test_a_frame_beyond_the_end_is_caught(exported):
    exported.stills = with_rows(exported.stills, lambda rows: rows[2].update(frame_index=99))
    for by in ALL_WAYS:
        assert mapping(exported, by=by).num_failed == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("luma_hash", "0" * 32), ("pts", 1), ("rank", 9), ("video_id", "other"), ("file_sha256", "0" * 64), ("width", 9)],
)
def test_a_row_that_disagrees_is_caught(exported, name, value):
    exported.stills = with_rows(exported.stills, lambda rows: rows[1].update({name: value}))
    assert [mapping(exported, by=by).num_failed for by in ("file", "decode")] == [1, 1]


def test_another_video_is_caught(exported, synthetic_videos):
    exported.path = synthetic_videos("vfr")
    assert mapping(exported).num_failed == 3


def test_a_missing_file_is_caught(exported):
    files(exported)[1].unlink()
    assert [mapping(exported, by=by).num_failed for by in ("file", "decode")] == [1, 1]
    verdict = count(exported)
    assert not verdict.is_passed
    assert "not in the folder" in verdict.sample[0]


def test_a_missing_folder_is_caught(exported):
    shutil.rmtree(exported.folder)
    assert count(exported).num_failed == 3


def test_an_extra_file_is_caught_and_the_desktops_own_is_not(exported):
    (exported.folder / ".DS_Store").write_text("x")
    assert count(exported).is_passed
    (exported.folder / "extra.jpg").write_bytes(files(exported)[0].read_bytes())
    verdict = count(exported)
    assert verdict.sample == ("extra.jpg is in the folder and not in the table",)


@pytest.mark.parametrize(
    ("frame_indices", "words"), [((20, 7), "was not selected"), ((20, 7, 33, 5), "has no still"), ((7, 20, 33), "rank")]
)
def test_other_selections_are_caught(exported, frame_indices, words):
    exported.selections = exported.select(*frame_indices)
    verdict = count(exported)
    assert not verdict.is_passed
    assert words in " ".join(verdict.sample)


def test_a_renamed_file_is_caught(exported):
    path = files(exported)[1]
    path.rename(path.with_name("x" + path.suffix))
    exported.stills = with_rows(exported.stills, lambda rows: rows[1].update(file_name="x" + path.suffix))
    assert not count(exported).is_passed
    assert not mapping(exported).is_passed


def test_an_emptied_file_is_caught_by_the_count(exported):
    files(exported)[1].write_bytes(b"")
    assert count(exported).num_failed == 1


def test_the_sample_is_short(exported):
    exported.selections = exported.select(*range(30))
    verdict = count(exported)
    assert verdict.num_failed >= 29
    assert len(verdict.sample) == 5
