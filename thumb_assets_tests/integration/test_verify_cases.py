"""`thumb-assets verify` on hundreds of files: stills, crops, renditions in every format, left alone and worked on."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from thumb_assets.errors import ThumbAssetsError
from thumb_assets.export.metadata import encode_still, read_still_metadata
from thumb_assets.export.pixels import bit_depth_of, pixels_of
from thumb_assets.export.renditions import SIZE, resized
from thumb_assets.library.origin import verify_file
from thumb_assets.settings.load import load_settings
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore
from thumb_assets.video.decode import VideoDecoder
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages

_STAGES = (*WITHOUT_MODELS, "crops", "renditions")
# What `verify` says of a picture of which nothing can be said: exit code 3.
UNKNOWN = "unknown"
FORMATS = {"jpeg": "jpeg", "png": "png", "png of 16 bits": "png", "webp": "webp", "avif": "avif"}
# 36 cases each.
RUNS = [*(("multi_shot", name) for name in FORMATS), ("mma_demo.mp4", "jpeg"), ("IronMan.mp4", "webp")]


@dataclass(frozen=True)
class Found:
    """One picture of ours: its file, facts and pixels, and those of other frames in its place.

    Attributes:
        neighbour: of the next frame.
        distant: of a frame of another moment.
    """

    kind: str
    path: Path
    facts: dict[str, Any]
    rgb: np.ndarray
    neighbour: np.ndarray
    distant: np.ndarray


def found_in(data_dir: Path, video: Path, video_id: str) -> Iterator[Found]:
    """The first still, and the crop and rendition of the last one."""
    files = {}
    for kind in ("stills", "crops", "renditions"):
        every = sorted(path for path in (data_dir / kind / video_id).rglob("*_f*.*"))
        files[kind] = every[0 if kind == "stills" else -1]
    named = {kind: read_still_metadata(path) for kind, path in files.items()}
    with VideoDecoder(video) as decoder:
        frames = list(decoder)
    for kind, path in files.items():
        index, bit_depth = named[kind]["frame_index"], bit_depth_of(path)
        neighbour = index + 1 if index + 1 < len(frames) else index - 1
        # Half a video away, as long as frames with motion between them are not of the same moment.
        distant = (index + len(frames) // 2) % len(frames)
        rgb, *others = (_part(frames[each], named[kind], bit_depth) for each in (index, neighbour, distant))
        rgb = rgb if bit_depth == 16 else np.asarray(Image.open(path).convert("RGB"))
        yield Found(kind, path, named[kind], rgb, *others)


def _part(frame, facts: dict[str, Any], bit_depth: int) -> np.ndarray:
    rgb = pixels_of(frame.part(*facts["still_box"]), bit_depth)
    if SIZE in facts:
        return resized(rgb, tuple(facts[SIZE]))
    if "crop_box" in facts:
        x, y, width, height = facts["crop_box"]
        rgb = rgb[y : y + height, x : x + width]
    return np.ascontiguousarray(rgb)


def written(path: Path, rgb: np.ndarray, found: Found, *, quality: int = 90) -> Path:
    suffix = found.path.suffix[1:]
    image_format = {"jpg": "jpeg"}.get(suffix, suffix)
    path.write_bytes(encode_still(rgb, format=image_format, quality=quality, facts=found.facts))
    return path


def with_more_metadata(found: Found, path: Path) -> Path:
    """The same pixels in the same coding, with metadata of somebody else beside ours."""
    if found.path.suffix == ".png" and found.rgb.dtype == np.uint8:
        with Image.open(found.path) as image:
            texts = PngInfo()
            for name, text in {**image.text, "Copyright": "somebody"}.items():
                texts.add_text(name, text)
            image.save(path, pnginfo=texts)
    elif found.path.suffix == ".jpg":  # a comment before all else
        data, comment = found.path.read_bytes(), b"seen on the web"
        path.write_bytes(data[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + data[2:])
    else:  # bytes that no reader of the format looks at
        shutil.copy(found.path, path)
        path.chmod(0o600)
    return path


def with_changed_block(rgb: np.ndarray) -> np.ndarray:
    """Eight by eight pixels in another tone, where people would paint something over."""
    changed, white = rgb.copy(), np.iinfo(rgb.dtype).max
    y, x = rgb.shape[0] // 3 // 8 * 8, rgb.shape[1] // 3 // 8 * 8
    block = changed[y : y + 8, x : x + 8]
    changed[y : y + 8, x : x + 8] = np.where(block > white // 2, block - white // 4, block + white // 4)
    return changed


def cases(found: Found, folder: Path) -> Iterator[tuple[str, Path, str]]:
    """Yields what was done, the file, and the verdict that it deserves."""
    suffix, rgb = found.path.suffix, found.rgb
    height, width = rgb.shape[:2]
    eight = (rgb >> 8).astype(np.uint8) if rgb.dtype == np.uint16 else rgb
    yield "copied", Path(shutil.copy(found.path, folder / f"found on the web{suffix}")), "same"
    yield "metadata added", with_more_metadata(found, folder / f"more{suffix}"), "same"
    stripped = folder / f"stripped{suffix}"
    Image.fromarray(eight).save(stripped)
    yield "metadata stripped", stripped, UNKNOWN
    lower = written(folder / f"lower{suffix}", (rgb >> 3) << 3 if suffix == ".png" else rgb, found, quality=40)
    yield "other quality", lower, "edited"
    yield "block changed", written(folder / f"block{suffix}", with_changed_block(rgb), found), "edited"
    smaller = np.asarray(Image.fromarray(eight).resize((width * 2 // 3, height * 2 // 3)))
    yield "resized", written(folder / f"small{suffix}", smaller, found), "edited"
    by_hand = np.ascontiguousarray(eight[height // 8 : height * 7 // 8, width // 6 : width * 9 // 10])
    yield "cut by hand", written(folder / f"cut{suffix}", by_hand, found), "edited"
    mirrored = np.asarray(ImageOps.mirror(Image.fromarray(eight)))
    yield "mirrored", written(folder / f"mirrored{suffix}", mirrored, found), "edited"
    yield "neighbour", written(folder / f"neighbour{suffix}", found.neighbour, found), "other"
    yield "distant", written(folder / f"distant{suffix}", found.distant, found), "other"
    noise = np.random.default_rng(7).integers(0, 256, eight.shape, np.uint8)
    yield "another picture", written(folder / f"noise{suffix}", noise, found), "other"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "image_format"), RUNS)
def test_every_picture_is_told_for_what_it_is(request, tmp_path, data_dir, name, image_format):
    if name.endswith(".mp4"):
        source = request.getfixturevalue("shared_dir") / "footage" / name
    else:
        source = request.getfixturevalue("synthetic_videos")(name)
    video = Path(shutil.copy(source, tmp_path / f"film{source.suffix}"))
    bit_depth = 16 if "16" in image_format else 8
    wanted = [f"stills.format={FORMATS[image_format]}", f"stills.bit_depth={bit_depth}", 'crops.aspect_ratios=["1:1"]']
    kinds = ["renditions.widths=[256]", f'renditions.formats=["{FORMATS[image_format]}"]', "selection.top_k=2"]
    (video_id,) = register(data_dir, [video])
    run_stages(data_dir, [video_id], _STAGES, settings=load_settings(overrides=[*wanted, *kinds]))
    store, library = TableStore(data_dir), Library(data_dir)
    mistakes, num_cases = [], 0
    pictures = list(found_in(data_dir, video, video_id))
    for found in pictures:
        folder = tmp_path / found.kind
        folder.mkdir()
        for what, path, expected in cases(found, folder):
            verdict, num_cases = _verdict(path, store, library), num_cases + 1
            if verdict[0] != expected:
                mistakes.append((found.kind, what, expected, verdict))
    # The library's file is replaced by another video: nothing can be said of what was made of the former one.
    with video.open("ab") as file:
        file.write(b"\0" * 16)
    for found in pictures:
        verdict, num_cases = _verdict(found.path, store, library), num_cases + 1
        if verdict[0] != UNKNOWN:
            mistakes.append((found.kind, "video replaced", UNKNOWN, verdict))
    assert mistakes == []
    assert num_cases == 36


def _verdict(path: Path, store: TableStore, library: Library) -> tuple[str, str]:
    try:
        origin = verify_file(path, store, library)[1]
    except ThumbAssetsError as error:
        return UNKNOWN, str(error)
    return origin.verdict, origin.reason
