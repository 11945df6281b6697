"""Stills as WebP and AVIF, and their limit of bytes: the same picture, its facts, its profile, its proof."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from thumb_assets.errors import SettingsError
from thumb_assets.export.compare import picture_difference
from thumb_assets.export.metadata import encode_still, read_still_metadata
from thumb_assets.export.verify import verify_mapping
from thumb_assets.export.verify_file import origin_of
from thumb_assets.settings.load import load_settings
from thumb_assets.settings.stages import StillsSettings
from thumb_assets.video.fetch import FrameFetcher
from thumb_assets_tests.support.drawing import draw_frame, read_frame_index
from thumb_assets_tests.unit.export.conftest import VIDEO_SHA256

FORMATS = ("jpeg", "webp", "avif")


@pytest.mark.parametrize("kind", ["webp", "avif"])
def test_a_still_shows_its_frame_and_says_so(unexported, kind):
    stills = unexported.export(settings=StillsSettings(format=kind))
    verdict = verify_mapping(unexported.path, stills, identities=unexported.identities, folder=unexported.folder)
    assert verdict.is_passed, verdict.sample
    for row in stills.to_pylist():
        path = unexported.folder / row["file_name"]
        facts = read_still_metadata(path)
        assert (facts["frame_index"], facts["video_sha256"]) == (row["frame_index"], VIDEO_SHA256)
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == (kind.upper(), "RGB", (row["width"], row["height"]))
            assert image.getexif().get(0x0112, 1) == 1  # nothing has to be turned
            profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
            assert "sRGB" in ImageCms.getProfileName(profile)
            assert read_frame_index(np.asarray(image)) == row["frame_index"]
        found = path.rename(path.with_name("found"))
        assert origin_of(found, facts, unexported.path).verdict == "same"
        with Image.open(found) as image:
            image.resize((160, 90)).save(path, kind.upper(), exif=image.getexif().tobytes(), quality=60)
        assert origin_of(path, facts, unexported.path).verdict == "edited"
    assert (unexported.folder / f"cover.{kind}").is_file()


@pytest.mark.parametrize("kind", FORMATS)
def test_another_frame_is_found_out(unexported, tmp_path, kind):
    with FrameFetcher(unexported.path, unexported.identities) as fetcher:
        named, following = (fetcher.fetch(index)[0].rgb() for index in (20, 21))
    path = tmp_path / "still"
    path.write_bytes(encode_still(named, format=kind, quality=80, facts={"frame_index": 20}))
    assert picture_difference(path, named) is None
    assert "differs" in (picture_difference(path, following) or "")


@pytest.mark.parametrize("kind", FORMATS)
def test_a_limit_of_bytes_is_met_by_the_best_quality_that_does(kind, tmp_path):
    rgb = np.random.default_rng(1).integers(0, 256, (180, 320, 3), dtype=np.uint8)
    sizes = {
        quality: len(encode_still(rgb, format=kind, quality=quality, facts={"frame_index": 1}))
        for quality in range(90, 0, -5)
    }
    limit = sizes[55]
    data = encode_still(rgb, format=kind, quality=90, facts={"frame_index": 1}, max_bytes=limit)
    assert len(data) == max(size for size in sizes.values() if size <= limit)
    path = tmp_path / "still"
    path.write_bytes(data)
    assert picture_difference(path, rgb) is None
    with pytest.raises(SettingsError, match=r"more than stills\.max_bytes=1000 at any quality"):
        encode_still(rgb, format=kind, quality=90, facts={"frame_index": 1}, max_bytes=1000)


def test_png_has_no_quality_to_lower():
    with pytest.raises(SettingsError, match="max_bytes needs format jpeg, webp or avif"):
        load_settings(overrides=["stills.format=png", "stills.max_bytes=2000000"])


def test_the_same_input_gives_the_same_bytes():
    rgb = draw_frame(3)
    for kind in FORMATS:
        assert encode_still(rgb, format=kind, quality=80, facts={}) == encode_still(
            rgb, format=kind, quality=80, facts={}
        )
