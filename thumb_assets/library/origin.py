"""Finds the video that a picture file says it was made of, and has the file compared with the frame that it names."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from thumb_assets.errors import BadInputError, ContractError, ThumbAssetsError
from thumb_assets.export.metadata import read_still_metadata
from thumb_assets.export.verify_file import Origin, origin_of
from thumb_assets.settings.stages import VideoSettings
from thumb_assets.stages.kit.work import identities_of
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore
from thumb_assets.video.fetch import FrameIdentities
from thumb_assets.weights.faults import file_sha256


def verify_file(
    path: Path, store: TableStore, library: Library, *, video: Path | None = None, settings: VideoSettings | None = None
) -> tuple[Path, Origin]:
    """Verifies a still or a crop, wherever it lies and whatever its name is.

    Args:
        path: the picture.
        video: the file that it is said to be of; None looks for it in the library.

    Returns:
        The video's file, and the verdict.

    Raises:
        VerificationError: the file holds no facts of ours, or not all of them.
        BadInputError: the file is not there; the video is not, or is another one.
    """
    if not path.is_file():
        raise BadInputError(f"{path}: there is no such file")
    facts = read_still_metadata(path)
    video_path = _given(video, facts, path) if video is not None else _found(facts, library, path)
    identities = _recorded(facts, store)
    return video_path, origin_of(path, facts, video_path, identities=identities, video_settings=settings)


def _given(video: Path, facts: Mapping[str, Any], path: Path) -> Path:
    try:
        sha256 = file_sha256(video)
    except OSError as error:
        raise BadInputError(f"{video}: cannot be read ({error.strerror})") from None
    if sha256 != facts.get("video_sha256"):
        raise BadInputError(
            f"{video}: is not the file that {path} was made of ({facts.get('source_file_name')}, SHA-256 "
            f"{str(facts.get('video_sha256'))[:12]}...); give that one"
        )
    return video


def _found(facts: Mapping[str, Any], library: Library, path: Path) -> Path:
    """The library's file with the content that the facts name, whatever its name is now."""
    try:
        named = library.find(str(facts.get("video_id")))
        if named.sha256 == facts.get("video_sha256"):
            return named.path
    except ThumbAssetsError:  # another name, or another machine's
        pass
    with suppress(BadInputError):  # there are no videos at all
        for other in library.all(on_error=lambda _: None):
            if other.sha256 == facts.get("video_sha256"):
                return other.path
    raise BadInputError(
        f"{path}: the video that it was made of, {facts.get('source_file_name')}, is not in the library; name its "
        "file with --video"
    )


def _recorded(facts: Mapping[str, Any], store: TableStore) -> FrameIdentities | None:
    """Records of the decode pass of that very file; None where there are none, and frames are counted."""
    video_id = str(facts.get("video_id"))
    try:
        videos, frames = (store.read_or_none(name, video_id) for name in ("videos", "frames"))
    except ContractError:
        return None
    if videos is None or frames is None or videos.column("video_sha256").to_pylist() != [facts.get("video_sha256")]:
        return None
    return identities_of(frames)
