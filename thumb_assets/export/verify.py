"""Proves that stills are the frames they claim to be and that there are as many as selections. Writes nothing."""

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image

from thumb_assets.errors import VerificationError
from thumb_assets.export.metadata import QUALITY, encode_still, read_still_metadata
from thumb_assets.export.pixels import RgbArray, bit_depth_of, pixels_of, read_png16
from thumb_assets.export.plan import still_file_name
from thumb_assets.settings.stages import Verification, VideoSettings
from thumb_assets.tables.checks import Verdict
from thumb_assets.tables.outputs import cover_of
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.fetch import FrameFetcher, FrameIdentities
from thumb_assets.video.frame import Frame

# Mean absolute error, in levels of 0..255, between a JPEG and the frame compressed the same way. The right frame gives
# exactly 0 (52 frames of 26 clips at quality 30, 75, 95, 100); the next frame of moving video 0.10 or more (78 pairs;
# less only where next to nothing moves). Without compressing again no bound works: at quality 75 a right frame is off
# by up to 2.4, at 95 by 0.9, while the next frame of a calm scene adds only 0.05 to that.
# Above 0 only to forgive another build of libjpeg.
MAX_JPEG_ERROR = 0.05
# Second bytes of a JPEG's markers: the picture's data; APP1, APP2 and COM.
_MARKER, _START_OF_SCAN, _METADATA = 0xFF, 0xDA, (0xE1, 0xE2, 0xFE)
# The same of any square of so many pixels: where one is painted over, the mean of a large picture hardly moves. Builds
# of libjpeg differ by a level here and there.
MAX_SQUARE_ERROR, _SQUARE = 2.0, 8
_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")


def verify_count(selections: pa.Table, stills: pa.Table, *, folder: Path) -> Verdict:
    """Verifies that selections, rows of stills and files in the folder are the same set.

    Args:
        selections, stills: tables of the contract, of one video.
        folder: `stills/{video_id}`; may be missing where nothing was selected.
    """
    expected = {row["frame_index"]: row for row in selections.to_pylist()}
    rows = {row["frame_index"]: row for row in stills.to_pylist()}
    problems = [f"frame {index} was selected and has no still" for index in sorted(expected.keys() - rows.keys())]
    problems += [f"frame {index} has a still and was not selected" for index in sorted(rows.keys() - expected.keys())]
    for index in sorted(expected.keys() & rows.keys()):
        problems += _row_problems(expected[index], rows[index])
    cover = cover_of(rows.values())
    found, num_strays = folder_problems(rows.values(), folder, others=() if cover is None else (cover[0],))
    problems += found or _cover_problems(rows.values(), folder)  # the cover is one of the stills
    num_checked = len(expected.keys() | rows.keys()) + num_strays
    return Verdict.of("Selections, rows and files are the same set.", num_checked=num_checked, problems=problems)


def require_passed(path: Path, *verdicts: Verdict, what: str) -> None:
    """Refuses what did not pass.

    Args:
        path: the video.
        what: was written, for the message.

    Raises:
        VerificationError: names the first problem of the first verdict that failed.
    """
    for verdict in verdicts:
        if not verdict.is_passed:
            failed = f"{verdict.num_failed} of {verdict.num_checked} {what} failed"
            raise VerificationError(f"{path}: {failed}: {verdict.sample[0]}")


def folder_problems(
    rows: Iterable[Mapping[str, Any]], folder: Path, *, others: Iterable[str] = ()
) -> tuple[list[str], int]:
    """Differences between rows with `file_name` and `num_bytes` and the files of a folder, which may be missing.

    Args:
        others: names of files that may lie there without a row.

    Returns:
        One line per problem, and how many files have no row.
    """
    expected = {row["file_name"]: row["num_bytes"] for row in rows}
    # Files that begin with a dot are the desktop's (.DS_Store), not ours.
    found = folder.iterdir() if folder.is_dir() else ()
    files = {path.name: path for path in found if not path.name.startswith(".")}
    strays = sorted(files.keys() - expected.keys() - set(others))
    problems = [f"{name} is in the table and not in the folder" for name in sorted(expected.keys() - files.keys())]
    problems += [f"{name} is in the folder and not in the table" for name in strays]
    for name, num_bytes in expected.items():
        path = files.get(name)
        if path is not None and (not path.is_file() or path.stat().st_size != num_bytes):
            problems.append(f"{name} is not a file of {num_bytes} bytes")
    return problems, len(strays)


def verify_mapping(
    path: Path,
    stills: pa.Table,
    *,
    identities: FrameIdentities,
    folder: Path,
    video_settings: VideoSettings | None = None,
    by: Verification = "decode",
) -> Verdict:
    """Verifies that every still shows the frame of its row.

    Compared are stamp and hash of the row with what the decode pass recorded, the file's own hash, name and facts with
    the row; the picture itself was compared when it was written (`write_proven`). Unless that is enough, each frame is
    decoded again, by PyAV on the CPU whatever made the stills, and compared with its row and with the picture on disk.

    Args:
        path: the video.
        stills: table of the contract, of that video.
        identities: what the decode pass recorded.
        by: `file` does not open the video. `count` decodes from the first frame and counts, trusting no seek and no
            recorded stamp; as slow as decoding the video.

    Raises:
        BadInputError: the video cannot be opened.
    """
    rows = {row["frame_index"]: row for row in stills.to_pylist()}
    if by == "file":
        found = {frame_index: list(record_problems(row, identities)) for frame_index, row in rows.items()}
    else:
        again = frames_again(path, rows, identities, video_settings, is_counted=by == "count")
        found = {index: list(_still_problems(rows[index], frame, identities, folder)) for index, frame in again}
    for frame_index, row in rows.items():
        found[frame_index] += _written_problems(row, folder / row["file_name"])
    problems = [f"frame {frame_index}: {problem}" for frame_index, each in found.items() for problem in each]
    num_failed = sum(map(bool, found.values()))
    return Verdict.of(
        "Every still shows the frame of its row.", num_checked=len(rows), problems=problems, num_failed=num_failed
    )


def frames_again(
    path: Path,
    frame_indices: Iterable[int],
    identities: FrameIdentities,
    video_settings: VideoSettings | None,
    *,
    is_counted: bool,
) -> Iterator[tuple[int, Frame | None]]:
    """Decodes each frame again, ascending, always on the CPU; None where the video does not give it."""
    awaited = sorted(frame_indices)
    video_settings = (video_settings or VideoSettings()).model_copy(update={"hwaccel": "none"})
    if is_counted and awaited:
        wanted = set(awaited)
        with VideoDecoder(path, video_settings) as decoder:
            for frame in decoder:
                if frame.frame_index in wanted:
                    wanted.discard(frame.frame_index)
                    yield frame.frame_index, frame
                if not wanted:
                    break
        yield from ((frame_index, None) for frame_index in sorted(wanted))
    elif awaited:
        with FrameFetcher(path, identities, video_settings) as fetcher:
            for frame_index in awaited:
                yield frame_index, _fetch_or_none(fetcher, frame_index)


def _fetch_or_none(fetcher: FrameFetcher, frame_index: int) -> Frame | None:
    try:
        return fetcher.fetch(frame_index)[0]
    except VerificationError:
        return None


def _still_problems(
    row: Mapping[str, Any], frame: Frame | None, identities: FrameIdentities, folder: Path
) -> Iterator[str]:
    if frame is None:
        yield "the video does not give the recorded frame again"
        return
    yield from frame_problems(row, frame, identities)
    path = folder / row["file_name"]
    shown = still_of(frame, row)
    if shown is None:
        yield f"the part {list(box_of(row))} reaches out of the frame"
        return
    yield from picture_problems(row, pixels_of(shown, bit_depth_of(path)), path)


def _written_problems(row: Mapping[str, Any], path: Path) -> Iterator[str]:
    yield from hash_problems(row, path)
    if path.is_file():
        yield from _fact_problems(row, path)


def box_of(row: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """The part that a row names: left and top edge, width and height."""
    return row["x"], row["y"], row["width"], row["height"]


def still_of(frame: Frame, row: Mapping[str, Any]) -> Frame | None:
    """The part of a frame that a row of `stills` says was kept; None where the frame has no such part."""
    try:
        return frame.part(*box_of(row))
    except ValueError:
        return None


def shown_still(frame: Frame, still: Mapping[str, Any]) -> Frame:
    """The part of a frame that its still shows.

    Raises:
        VerificationError: the frame is not that of the still any more.
    """
    shown = still_of(frame, still)
    if shown is None or frame.luma_hash != still["luma_hash"]:
        raise VerificationError(
            f"{still['video_id']}: frame {frame.frame_index} is not the one of its still any more; "
            "run the stages from `videos` on again"
        )
    return shown


def record_problems(row: Mapping[str, Any], identities: FrameIdentities) -> Iterator[str]:
    """Differences between a row and what the decode pass recorded of its frame."""
    index = row["frame_index"]
    if not index < len(identities):
        yield f"only {len(identities)} frames were recorded"
    elif row["pts"] != identities.pts[index] or row["luma_hash"] != identities.luma_hash[index]:
        yield "the row has another luma_hash or pts than the recorded frame"


def frame_problems(row: Mapping[str, Any], frame: Frame, identities: FrameIdentities) -> Iterator[str]:
    """Differences between a frame decoded again and the recorded one that the row names."""
    index = row["frame_index"]
    if not index < len(identities) or not identities.is_match(frame, index):
        yield "the frame decoded again is not the one recorded"
    if frame.luma_hash != row["luma_hash"] or frame.pts != row["pts"]:
        yield "the row has another luma_hash or pts than the frame decoded again"


def picture_problems(row: Mapping[str, Any], rgb: RgbArray, path: Path) -> Iterator[str]:
    """Differences between a file, where it is there, and the picture that it should show.

    Args:
        rgb: (H, W, 3) RGB, uint8 or uint16 as the file.
    """
    if rgb.shape[:2] != (row["height"], row["width"]):
        yield f"the row says {row['width']}x{row['height']}, the frame is {rgb.shape[1]}x{rgb.shape[0]}"
    difference = picture_difference(path, rgb) if path.is_file() else None
    if difference:
        yield f"{path.name} {difference}"


def hash_problems(row: Mapping[str, Any], path: Path) -> Iterator[str]:
    """Problems of a file that is missing or not the row's."""
    if not path.is_file():
        yield f"{path.name} is missing"
    elif hashlib.sha256(path.read_bytes()).hexdigest() != row["file_sha256"]:
        yield f"{path.name} has another SHA-256 than its row"


def _fact_problems(row: Mapping[str, Any], path: Path) -> Iterator[str]:
    try:
        # Before bars were cut off a still named no part.
        facts = {"still_box": [0, 0, row["width"], row["height"]]} | read_still_metadata(path)
        expected_name = _expected_name(facts, path.suffix[1:])
    except VerificationError as error:
        yield str(error)
        return
    except (KeyError, TypeError, ValueError):
        yield f"{path.name} lacks facts"
        return
    for name in ("video_id", "frame_index", "pts", "rank", "luma_hash"):
        if facts.get(name) != row[name]:
            yield f"{path.name} says {name} {facts.get(name)!r}, its row {row[name]!r}"
    yield from box_problems(facts, row, path, name="still_box")
    if expected_name != path.name:
        yield f"{path.name} would be named {expected_name} by its facts"


def box_problems(facts: Mapping[str, Any], row: Mapping[str, Any], path: Path, *, name: str) -> Iterator[str]:
    """Differences between a row's part of a picture and the one that the file names."""
    box = list(box_of(row))
    if facts.get(name) != box:
        yield f"{path.name} says {name} {facts.get(name)!r}, its row {box!r}"


def _cover_problems(rows: Iterable[Mapping[str, Any]], folder: Path) -> Iterator[str]:
    """The cover is the still of rank 1, byte by byte."""
    cover = cover_of(rows)
    if cover is None:
        return
    name, row = cover
    try:
        sha256 = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    except OSError as error:
        yield f"{name} cannot be read: {error.strerror}"
        return
    if sha256 != row["file_sha256"]:
        yield f"{name} is not the still of rank {row['rank']}, {row['file_name']}"


def _row_problems(selection: Mapping[str, Any], still: Mapping[str, Any]) -> Iterator[str]:
    for name in ("video_id", "rank", "pts"):
        if selection[name] != still[name]:
            yield f"frame {still['frame_index']}: {name} {selection[name]!r} was selected, {still[name]!r} written"
    expected_name = _expected_name(selection, still["file_name"].rpartition(".")[2])
    if expected_name != still["file_name"]:
        yield f"frame {still['frame_index']}: the file is {still['file_name']}, the selection asks for {expected_name}"


def _expected_name(facts: Mapping[str, Any], extension: str) -> str:
    return still_file_name(
        facts["video_id"],
        frame_index=facts["frame_index"],
        pts_seconds=facts["pts_seconds"],
        extension=extension,
    )


def picture_difference(path: Path, rgb: RgbArray) -> str | None:
    """Difference between the picture in a file and a frame; None if the file shows that frame.

    A PNG has to be equal. Any other has to be equal, within MAX_JPEG_ERROR and in each square within MAX_SQUARE_ERROR,
    to the frame compressed in the same way: a JPEG with the file's own quantisation tables and chroma 4:4:4, WebP and
    AVIF by the quality among their facts.

    Args:
        rgb: (H, W, 3) RGB, the frame decoded again; uint8, or uint16 for a file of 16 bits per channel.
    """
    try:
        with Image.open(path) as image:
            problem = _kind_problem(image, path, rgb)
            if problem is not None:
                return problem
            tables = getattr(image, "quantization", {})
            is_png = image.format == "PNG"
            again = _compressed(rgb, tables) if tables else b""
            if again and _shown_by(again) == _shown_by(path.read_bytes()):
                return None  # as both decode to the same picture, neither need be
            picture = read_png16(path) if rgb.dtype == np.uint16 else np.asarray(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return f"cannot be read as a picture ({error})"
    if is_png:
        num_different = int((picture != rgb).any(axis=2).sum())
        return f"differs from the frame in {num_different} pixels" if num_different else None
    try:
        again = again or _compressed_by_facts(rgb, path)
    except VerificationError as error:
        return f"cannot be compared ({error})"
    expected = np.asarray(Image.open(io.BytesIO(again))).astype(np.int16)
    return _too_different(np.abs(picture.astype(np.int16) - expected).mean(axis=2))


def _too_different(differences: npt.NDArray[np.float64]) -> str | None:
    """By how much a picture differs, as a whole or in the square that differs most; None where it is little.

    Args:
        differences: (H, W) absolute ones, in levels.
    """
    if differences.mean() > MAX_JPEG_ERROR:
        return f"differs from the frame by {differences.mean():.2f} levels"
    rows, columns = (np.arange(0, length, _SQUARE) for length in differences.shape)
    sums = np.add.reduceat(np.add.reduceat(differences, rows, axis=0), columns, axis=1)
    areas = np.outer(*(np.diff([*starts, end]) for starts, end in zip((rows, columns), differences.shape, strict=True)))
    means = sums / areas
    row, column = np.unravel_index(int(means.argmax()), means.shape)
    worst = float(means[row, column])
    place = f"{_SQUARE * int(column)},{_SQUARE * int(row)}"
    return f"differs from the frame by {worst:.0f} levels around {place}" if worst > MAX_SQUARE_ERROR else None


def _kind_problem(image: Image.Image, path: Path, rgb: RgbArray) -> str | None:
    """Reason why a picture cannot be compared with the frame at all."""
    bit_depth, expected_depth = bit_depth_of(path), 8 * rgb.dtype.itemsize
    if bit_depth != expected_depth:
        return f"has {bit_depth} bits per channel, not {expected_depth}"
    if image.size != (rgb.shape[1], rgb.shape[0]):
        return f"is {image.size[0]}x{image.size[1]}, the frame {rgb.shape[1]}x{rgb.shape[0]}"
    if image.mode != "RGB":
        return f"has mode {image.mode}, not RGB"
    return None if image.format in _FORMATS else f"is a {image.format}, none of {', '.join(_FORMATS)}"


def _compressed_by_facts(rgb: npt.NDArray[Any], path: Path) -> bytes:
    quality = read_still_metadata(path).get(QUALITY)
    if not isinstance(quality, int) or not 1 <= quality <= 100:
        raise VerificationError(f"{path.name} does not say its quality")
    with Image.open(path) as image:
        name = str(image.format).lower()
    return encode_still(rgb, format=name, quality=quality, facts={})


def _compressed(rgb: npt.NDArray[Any], tables: dict[int, list[int]]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", qtables=tables, subsampling="4:4:4")
    return buffer.getvalue()


def _shown_by(jpeg: bytes) -> list[bytes]:
    """The segments of a JPEG that decide its pixels: all but Exif, XMP, ICC profile, comment (ITU-T T.81, annex B)."""
    segments: list[bytes] = []
    place = 2
    while place + 4 <= len(jpeg) and jpeg[place] == _MARKER:
        kind, end = jpeg[place + 1], place + 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
        if kind == _START_OF_SCAN:
            return [*segments, jpeg[place:]]
        if kind not in _METADATA:
            segments.append(jpeg[place:end])
        place = end
    return [jpeg]
