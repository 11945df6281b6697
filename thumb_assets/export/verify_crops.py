"""Proves that crops are cut from the frames they claim to be and that every still has all of them. Writes nothing."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from thumb_assets.errors import VerificationError
from thumb_assets.export.crop_box import crop_size
from thumb_assets.export.metadata import read_still_metadata
from thumb_assets.export.pixels import bit_depth_of, pixels_of
from thumb_assets.export.plan import crop_file_name
from thumb_assets.export.verify import (
    box_problems,
    folder_problems,
    frame_problems,
    frames_again,
    hash_problems,
    picture_problems,
    record_problems,
    still_of,
)
from thumb_assets.settings.stages import Verification, VideoSettings
from thumb_assets.tables.checks import Verdict
from thumb_assets.video.fetch import FrameIdentities
from thumb_assets.video.frame import Frame


def verify_crops_count(
    stills: pa.Table, crops: pa.Table, *, folder: Path, aspect_ratios: Iterable[str] | None = None
) -> Verdict:
    """Verifies that every still has a crop of every aspect ratio, and that rows and files are the same set.

    Args:
        stills, crops: tables of the contract, of one video.
        folder: `crops/{video_id}`; may be missing where there are no stills.
        aspect_ratios: those asked for; None takes those that the table has.
    """
    of_frame = {row["frame_index"]: row for row in stills.to_pylist()}
    rows = {(row["frame_index"], row["aspect_ratio"]): row for row in crops.to_pylist()}
    ratios = {ratio for _, ratio in rows} if aspect_ratios is None else set(aspect_ratios)
    expected = {(frame_index, ratio) for frame_index in of_frame for ratio in ratios}
    if of_frame and not expected:  # nothing says which crops there should be, and a table that is empty is no proof
        expected = {(frame_index, "any ratio") for frame_index in of_frame}
    problems = [f"frame {index} has no crop of {ratio}" for index, ratio in sorted(expected - rows.keys())]
    problems += [
        f"frame {index} has a crop of {ratio} and should not" for index, ratio in sorted(rows.keys() - expected)
    ]
    for key in sorted(expected & rows.keys()):
        problems += _row_problems(of_frame[key[0]], rows[key])
    found, num_strays = folder_problems(rows.values(), folder)
    num_checked = len(expected | rows.keys()) + num_strays
    return Verdict.of(
        "Every still has its crops, and rows and files are the same set.",
        num_checked=num_checked,
        problems=[*problems, *found],
    )


def verify_crops_mapping(
    path: Path,
    crops: pa.Table,
    *,
    stills: pa.Table,
    identities: FrameIdentities,
    folder: Path,
    video_settings: VideoSettings | None = None,
    by: Verification = "decode",
) -> Verdict:
    """Verifies that every crop shows the part of the frame that its row names, as `verify_mapping` does of stills.

    Args:
        path: the video.
        crops, stills: tables of the contract, of that video.
        identities: what the decode pass recorded.
        by: as in `verify_mapping`; a frame that is decoded again is cut again.

    Raises:
        BadInputError: the video cannot be opened.
    """
    rows = {(row["frame_index"], row["aspect_ratio"]): row for row in crops.to_pylist()}
    still_of_frame = {row["frame_index"]: row for row in stills.to_pylist()}
    found: dict[tuple[int, str], list[str]] = {key: [] for key in rows}
    if by == "file":
        for key, row in rows.items():
            found[key] += record_problems(row, identities)
    else:
        again = frames_again(path, {key[0] for key in rows}, identities, video_settings, is_counted=by == "count")
        for frame_index, frame in again:
            still = still_of_frame.get(frame_index)
            for key in (key for key in rows if key[0] == frame_index):
                found[key] += _picture_problems(rows[key], frame, identities, folder, still=still)
    for key, row in rows.items():
        found[key] += _written_problems(row, folder / row["file_name"], still=still_of_frame.get(key[0]))
    return Verdict.of(
        "Every crop shows its part of the frame of its row.",
        num_checked=crops.num_rows,
        problems=[f"frame {key[0]}, {key[1]}: {problem}" for key, each in found.items() for problem in each],
        num_failed=sum(map(bool, found.values())),
    )


def _row_problems(still: Mapping[str, Any], crop: Mapping[str, Any]) -> Iterator[str]:
    where = f"frame {crop['frame_index']}, {crop['aspect_ratio']}"
    for name in ("video_id", "rank", "pts", "luma_hash"):
        if still[name] != crop[name]:
            yield f"{where}: {name} is {crop[name]!r}, the still's is {still[name]!r}"
    extension = crop["file_name"].rpartition(".")[2]
    expected = crop_file_name(still["file_name"], aspect_ratio=crop["aspect_ratio"], extension=extension)
    if expected != crop["file_name"]:
        yield f"{where}: the file is {crop['file_name']}, the still asks for {expected}"


def _picture_problems(
    row: Mapping[str, Any],
    frame: Frame | None,
    identities: FrameIdentities,
    folder: Path,
    *,
    still: Mapping[str, Any] | None,
) -> Iterator[str]:
    if frame is None:
        yield "the video does not give the recorded frame again"
        return
    yield from frame_problems(row, frame, identities)
    shown = None if still is None else still_of(frame, still)
    if shown is None:
        yield "the frame has no part like the still's"
        return
    path = folder / row["file_name"]
    rgb = pixels_of(shown, bit_depth_of(path))
    cut = rgb[row["y"] : row["y"] + row["height"], row["x"] : row["x"] + row["width"]]
    yield from picture_problems(row, cut, path)


def _written_problems(row: Mapping[str, Any], path: Path, *, still: Mapping[str, Any] | None) -> Iterator[str]:
    yield from hash_problems(row, path)
    if still is None:
        yield "has no still"
        return
    width, height = still["width"], still["height"]
    if crop_size(width, height, row["aspect_ratio"]) != (row["width"], row["height"]):
        yield f"{row['width']}x{row['height']} is not the largest part of that ratio of {width}x{height}"
    if not (0 <= row["x"] <= width - row["width"] and 0 <= row["y"] <= height - row["height"]):
        yield "the part reaches out of the still"
    if path.is_file():
        yield from _fact_problems(row, path, still=still)


def _fact_problems(row: Mapping[str, Any], path: Path, *, still: Mapping[str, Any]) -> Iterator[str]:
    try:
        facts = read_still_metadata(path)
    except VerificationError as error:
        yield str(error)
        return
    for name in ("video_id", "frame_index", "pts", "rank", "luma_hash", "aspect_ratio"):
        if facts.get(name) != row[name]:
            yield f"{path.name} says {name} {facts.get(name)!r}, its row {row[name]!r}"
    yield from box_problems(facts, row, path, name="crop_box")
    # Before bars were cut off a still was the whole frame, and no crop named it.
    whole = {"still_box": [0, 0, still["width"], still["height"]]}
    yield from box_problems(whole | facts, still, path, name="still_box")
    still_name = str(facts.get("still_file_name"))
    expected = crop_file_name(still_name, aspect_ratio=row["aspect_ratio"], extension=path.suffix[1:])
    if expected != path.name:
        yield f"{path.name} would be named {expected} by its facts"
