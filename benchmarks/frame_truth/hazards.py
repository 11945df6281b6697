"""The videos of the table, one hazard each, and what each hazard is in half a sentence."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from thumb_assets_tests.support.synthetic import RECIPES, make

DEFAULT_FOLDER = Path(__file__).resolve().parents[3] / "shared" / "video"

_SYNTHETIC = {
    "cfr": "constant rate, the plain case",
    "vfr": "variable rate: gaps of 20, 40 and 300 ms",
    "b_frames": "frames stored in another order than shown",
    "open_gop": "leading frames that lean on the group before",
    "long_gop": "a single sync frame in the whole video",
    "rotated_90": "stored turned by 90 degrees",
    "rotated_180": "stored upside down",
    "rotated_270": "stored turned by 270 degrees",
    "edit_list_start": "the first stamp is not zero",
    "edit_list_trimmed": "an edit list hides the first ten stored frames",
    "hevc_10_bit": "HEVC with 10 bits",
    "vp9": "VP9 in WebM",
    "mpeg_ts": "MPEG-TS without an index, beginning at 10 s",
    "mpeg2_interlaced": "interlaced MPEG-2",
    "raw_h264": "no container: no stamps, no seeking",
    "mirrored": "left and right exchanged by the display matrix",
    "mirrored_90": "mirrored and turned by the display matrix",
    "h264_top_first": "two moments woven into each picture, top field first",
    "h264_bottom_first": "two moments woven into each picture, bottom field first",
    "cropped": "a crop on all four sides in the stream, of uneven width",
    "clean_aperture": "a crop on all four sides in MP4's `clap` alone",
    "clean_aperture_turned": "the same, stored turned",
    "pixel_crop": "a crop on all four sides in Matroska's PixelCrop alone",
    "pixel_crop_interlaced": "the same of interlaced H.264",
    "hdr_pq": "HDR with the PQ curve, BT.2020",
    "hdr_hlg": "HDR with the HLG curve, BT.2020",
    "wide_gamut": "BT.2020 primaries with the usual curve",
    "hevc_12_bit": "HEVC with 12 bits",
    "full_range": "luma on the whole scale",
    "sd_tagged_709": "small pictures tagged as HD's matrix",
    "h264_422": "chroma at full height",
    "h264_rgb": "H.264 that stores RGB",
    "grey": "H.264 without chroma",
    "odd_size": "uneven width and height",
    "motion_jpeg": "JPEG pictures in AVI, full range",
    "mpeg4_avi": "MPEG-4 with B-frames in AVI, which stores no display stamps",
    "prores": "ProRes, 10 bits, 4:2:2",
    "av1": "AV1 in Matroska",
    "vp9_alt_ref": "VP9 with packets that show nothing",
    "vp8": "VP8 in WebM",
    "gif": "an animated GIF",
    "fragmented": "an MP4 in fragments",
    "two_streams": "two video streams, the smaller one first",
    "with_cover": "cover art larger than the video",
    "cover_unflagged": "cover art that no flag tells from a video, in MP4",
    "cover_unflagged_mkv": "cover art that no flag tells from a video, first in Matroska",
    "animated_avif": "an animated AVIF, whose first stream is a single picture",
    "grey_raw": "grey of a lossless codec without a range",
    "rgb_16_bit_quicktime": "uncompressed QuickTime of 16 bits a pixel",
    "same_pts": "every second stamp repeats the one before",
    "size_change": "the picture's size changes on the way",
    "aspect_change": "the shape of the pixels changes on the way",
    "growing_call": "a recorded call that begins small and grows",
    "turned_call": "a recorded call in which the phone is turned",
    "anamorphic_tall": "pixels taller than wide",
    "anamorphic": "pixels wider than tall",
    "one_frame": "one frame in all",
    "duplicates": "every picture three times",
    "portrait": "taller than wide",
    "untagged_hd": "HD without any colour tag",
    "multi_shot": "six shots, one of them black",
    "truncated": "the last 40 % of the file are missing",
    "corrupted": "three packets are destroyed",
}
_CLIPS = {
    "testvideo.mp4": "several shots with fades to black and a watermark",
    "fades.mp4": "MPEG-4 that is all fades",
    "issue-195-aspect-ratio.mp4": "anamorphic television with several shots",
    "nasa_13013.mp4": "two video streams of different rate and size",
    "big_buck_bunny_0_30.webm": "VP8 animation with hard cuts and a title card",
    "pos_video.mp4": "several shots at a variable rate",
    "rotate-buck-bunny.mp4": "turned by 90 degrees, first stamp at 0.083 s",
    "sample_edit_list.mp4": "phone video: 10-bit HLG, turned, an edit list with stamps below zero, variable rate",
    "traffic_camera_vfr.mp4": "a traffic camera, 40 and 80 ms in turn",
    "cursed-vfr.mp4": "gaps of 5 ms to 1.6 s",
    "sample.video.mp4": "10-bit HLG at a variable rate",
    "av1_video.mkv": "AV1 in Matroska",
    "h265_10bits.mp4": "tiny 10-bit HEVC",
    "bbb_642x642_768kbps_30fps_vp9.webm": "square VP9 of an uneven number of blocks",
    "test-025.ts": "interlaced MPEG-2 off the air; begins at 19,208 s with pictures that cannot be decoded",
    "edts.mp4": "an edit list over B-frames",
    "iibbibb_editlist_videoonly.mp4": "one frame a second, 4:4:4, an edit list that hides the first frame",
    "bbb_800x640_768kbps_30fps_avc_2b_firstpts_10_sec.mp4": "the first stamp is 10 s",
    "corrupted.mp4": "damaged from the middle on",
    "silent-black-10s.mp4": "all black",
    "one-by-one-person-detection.mp4": "139 s of a fixed camera",
    "long_1080p_lowbitrate.mp4": "363 s of 1080p, tried up to frame 3000",
    "car-detection.mp4": "a surveillance camera at 12.5 frames a second",
    "flower.mp4": "a flower in time-lapse",
    "cockatoo.mp4": "H.264 with 4:4:4 chroma",
    "sar_2x1.mp4": "pixels twice as wide as tall",
    "transparency.webm": "VP9 with transparency",
}
# Of one clip decoding the whole takes minutes: how far it is tried, and how often.
_LIMITS = {"long_1080p_lowbitrate.mp4": (3000, 4)}
_NUM_TRIED = 8


@dataclass(frozen=True)
class Hazard:
    """One row's video.

    Attributes:
        drawn_index: frame_index -> the index in its pixels; None where it carries none that is known beforehand.
        is_small: whether all of its frames, in full size, take little time and space.
        num_tried: how many frames are tried.
        exclusive_end: none is tried from this frame on; None for the whole video.
    """

    name: str
    sentence: str
    path: Path
    drawn_index: Callable[[int], int] | None = None
    is_small: bool = False
    num_tried: int = _NUM_TRIED
    exclusive_end: int | None = None


def synthetic_hazards(folder: Path, *, names: tuple[str, ...] = ()) -> Iterator[Hazard]:
    """The readable recipes, their videos written into the folder; only those of the names where any are given."""
    for name, recipe in RECIPES.items():
        if recipe.is_readable and (not names or name in names):
            drawn_index = recipe.drawn_index if recipe.num_frames is not None else None
            sentence = _SYNTHETIC.get(name, name.replace("_", " "))
            yield Hazard(name, sentence, make(name, folder), drawn_index, is_small=True)


def real_hazards(folder: Path, *, names: tuple[str, ...] = ()) -> Iterator[Hazard]:
    """The readable clips of a folder with its MANIFEST.tsv; none where there is no such folder."""
    manifest = folder / "MANIFEST.tsv"
    if not manifest.is_file():
        return
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["decoded_frames"]]
    for row in sorted(rows, key=lambda each: each["file"]):
        name = row["file"]
        if not names or name in names:
            end, num_tried = _LIMITS.get(name, (None, _NUM_TRIED))
            sentence = _CLIPS.get(name, row["good_for"])
            yield Hazard(name, sentence, folder / name, num_tried=num_tried, exclusive_end=end)
