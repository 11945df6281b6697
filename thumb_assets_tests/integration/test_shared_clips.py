"""Real clips with every hazard met so far; see the manifest beside them."""

import csv
import random
from pathlib import Path

import pytest

from thumb_assets.errors import BadInputError
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.fetch import FrameFetcher
from thumb_assets_tests.support.decoded import identities_of

# The manifest's count where ours differs, and why.
EXCEPTIONS = {
    # Two video streams: the manifest counts the first (325 frames), we take FFmpeg's best, stream 3.
    "nasa_13013.mp4": 390,
    # The manifest stops at the first error; our loop goes on behind it.
    "corrupted.mp4": 49,
}
UNREADABLE = {"sample_malformed_free_box.mp4", "long_edit_list_audioonly.mp4"}
LONG = "long_1080p_lowbitrate.mp4"
NUM_CLIPS = 29
NUM_FETCHED = 4


def manifest(shared_dir: Path) -> dict[str, dict[str, str]]:
    with (shared_dir / "video" / "MANIFEST.tsv").open(newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file, delimiter="\t")}


@pytest.mark.slow
def test_every_clip_gives_its_frames_and_fetches_are_exact(shared_dir):
    rows = manifest(shared_dir)
    assert len(rows) == NUM_CLIPS
    wrong = {}
    for name in sorted(rows.keys() - UNREADABLE - {LONG}):
        path = shared_dir / "video" / name
        identities = identities_of(path)
        expected = EXCEPTIONS.get(name, int(rows[name]["decoded_frames"]))
        if len(identities) != expected:
            wrong[name] = f"{len(identities)} frames, not {expected}"
        picks = random.Random(name).sample(range(len(identities)), NUM_FETCHED)
        with FrameFetcher(path, identities) as fetcher:
            found = [frame.frame_index for frame, _ in fetcher.fetch_many([*picks, len(identities) - 1])]
        if found != sorted({*picks, len(identities) - 1}):
            wrong[name] = f"fetched {found}"
    assert wrong == {}


@pytest.mark.slow
def test_the_long_clip_gives_its_frames(shared_dir):
    assert len(identities_of(shared_dir / "video" / LONG)) == int(manifest(shared_dir)[LONG]["decoded_frames"])


@pytest.mark.parametrize("name", sorted(UNREADABLE))
def test_unreadable_clips_give_one_line(shared_dir, name):
    with pytest.raises(BadInputError) as caught:
        VideoDecoder(shared_dir / "video" / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_headers_match_the_manifest(shared_dir):
    rows = manifest(shared_dir)
    for name in sorted(rows.keys() - UNREADABLE - {"nasa_13013.mp4"}):
        with VideoDecoder(shared_dir / "video" / name) as decoder:
            header = decoder.header
        row = rows[name]
        assert f"{header.geometry.width}x{header.geometry.height}" == row["size"], name
        assert header.pix_fmt == row["pix_fmt"], name
        assert header.geometry.rotation_degrees == int(row["rotation"]), name


def test_the_phone_clip_is_upright(shared_dir):
    # Sky above, roof below: the upper third is brighter than the lower in the upright picture, not in any other.
    with VideoDecoder(shared_dir / "video" / "sample_edit_list.mp4") as decoder:
        luma = next(iter(decoder)).luma(96).astype(float)
    height, width = luma.shape
    assert height > width
    assert luma[: height // 5].mean() > luma[-height // 5 :].mean() + 40
