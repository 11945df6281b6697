"""Proves that stills are the frames they claim to be and that there are as many as selections. Writes nothing."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from thumb_assets.errors import VerificationError
from thumb_assets.export.compare import picture_difference
from thumb_assets.export.metadata import read_still_metadata
from thumb_assets.export.pixels import RgbArray, bit_depth_of, pixels_of
from thumb_assets.export.plan import still_file_name
from thumb_assets.settings.stages import Verification, VideoSettings
from thumb_assets.tables.checks import Verdict
from thumb_assets.tables.outputs import cover_of
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.fetch import FrameFetcher, FrameIdentities
from thumb_assets.video.frame import Frame


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
