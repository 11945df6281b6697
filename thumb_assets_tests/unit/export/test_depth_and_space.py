"""Stills of 16 bits, what a file says of its own making, and the disk that is too small."""

import shutil
from typing import get_args

import cv2
import numpy as np
import pytest
from PIL import Image

from thumb_assets.errors import SettingsError, StorageError
from thumb_assets.export.metadata import read_still_metadata, srgb_profile
from thumb_assets.export.space import space_for_video
from thumb_assets.export.verify import verify_mapping
from thumb_assets.settings.load import load_settings
from thumb_assets.settings.stages import ExportSettings, StillsSettings, Verification
from thumb_assets.video.decode import VideoDecoder
from thumb_assets_tests.support.decoded import identities_of

DEEP = StillsSettings(format="png", bit_depth=16)


@pytest.fixture
def deep(unexported, synthetic_videos):
    unexported.path = synthetic_videos("hevc_10_bit")
    unexported.identities = identities_of(unexported.path)
    unexported.selections = unexported.select(20, 7, 33)
    unexported.stills = unexported.export(settings=DEEP)
    return unexported


def check(exported):
    return verify_mapping(exported.path, exported.stills, identities=exported.identities, folder=exported.folder)


def test_a_deep_still_keeps_what_ten_bits_hold(deep):
    path = deep.folder / deep.stills["file_name"][0].as_py()
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert (picture.dtype, picture.shape) == (np.uint16, (180, 320, 3))
    with VideoDecoder(deep.path) as decoder:
        frame = next(frame for frame in decoder if frame.frame_index == 7)
    assert (picture[..., ::-1] == frame.rgb16()).all()
    assert len(np.unique(picture)) > 256
    assert np.abs(picture[..., ::-1] / 257 - frame.rgb()).max() <= 0.52


def test_a_deep_still_carries_its_facts_and_profile(deep):
    path = deep.folder / deep.stills["file_name"][0].as_py()
    assert read_still_metadata(path)["frame_index"] == 7
    with Image.open(path) as image:
        image.load()
        assert image.info["icc_profile"] == srgb_profile()
        assert "frame 7" in image.info["Description"]


def test_a_deep_still_is_proven_and_a_wrong_one_caught(deep):
    assert check(deep).is_passed
    first, second = (deep.folder / name.as_py() for name in deep.stills["file_name"][:2])
    picture = cv2.imread(str(first), cv2.IMREAD_UNCHANGED)
    picture[100, 100, 1] ^= 1
    cv2.imwrite(str(first), picture)
    assert check(deep).num_failed == 1
    shutil.copy(first, second)
    assert check(deep).num_failed == 2


def test_a_shallow_picture_for_a_deep_frame_is_judged_by_its_own_depth(deep):
    # The file is a true picture of the frame, if a poorer one; that it is not the file of the row is what is wrong.
    path = deep.folder / deep.stills["file_name"][0].as_py()
    Image.open(path).convert("RGB").save(path)
    verdict = check(deep)
    assert verdict.num_failed == 1
    assert "SHA-256" in " ".join(verdict.sample)


def test_sixteen_bits_need_png():
    with pytest.raises(SettingsError, match="needs format png"):
        load_settings(overrides=["stills.bit_depth=16"])
    assert load_settings(overrides=["stills.bit_depth=16", "stills.format=png"]).stills.bit_depth == 16


@pytest.mark.parametrize("settings", [DEEP, StillsSettings(format="png"), StillsSettings()], ids=str)
def test_the_estimate_covers_what_is_written(deep, settings):
    stills = deep.export(settings=settings)
    parts = [f"stills.{name}={getattr(settings, name)}" for name in ("format", "bit_depth")]
    with VideoDecoder(deep.path) as decoder:
        needed = space_for_video(decoder.header, load_settings(overrides=parts))
    assert sum(stills["num_bytes"].to_pylist()) < needed.final_bytes
    assert needed.temporary_bytes == 0


def test_files_say_how_they_were_made(unexported):
    stills = unexported.export()
    for name, method in zip(stills["file_name"].to_pylist(), stills["export_method"].to_pylist(), strict=True):
        facts = read_still_metadata(unexported.folder / name)
        assert (facts["decoded_on"], facts["export_method"]) == ("cpu", method)


@pytest.mark.parametrize("by", get_args(Verification))
def test_every_way_of_proving_is_run(unexported, by):
    stills = unexported.export(export_settings=ExportSettings(verification=by))
    assert stills["mapping_verified"].to_pylist() == [True] * 3


def test_too_little_room_is_one_line_before_any_work(unexported):
    before = sorted(unexported.stills_dir.rglob("*"))
    with pytest.raises(StorageError, match="MB are free, but 3 stills need up to") as caught:
        unexported.export(export_settings=ExportSettings(min_free_bytes=10**18))
    assert "\n" not in str(caught.value)
    assert not caught.value.is_permanent
    assert sorted(unexported.stills_dir.rglob("*")) == before


def test_the_program_needs_room_for_its_pictures(synthetic_videos):
    settings = load_settings(overrides=["export.backend=ffmpeg"])
    with VideoDecoder(synthetic_videos("cfr")) as decoder:
        needed = space_for_video(decoder.header, settings)
    assert needed.temporary_bytes == 9 * 320 * 180 * 3 // 2
