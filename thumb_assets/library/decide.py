"""Decides of frames and collects them as people ask, from the command line and Dagster: all of it, or nothing."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from thumb_assets.errors import BadInputError, NetworkError, StorageError
from thumb_assets.store.collections import collect
from thumb_assets.store.collections import rename_collection as rename
from thumb_assets.store.decisions import decide, settle_decisions
from thumb_assets.store.file_cache import LibraryVideo
from thumb_assets.store.library import Library
from thumb_assets.store.mirror import Mirror
from thumb_assets.store.parquet import TableStore

# What takes which decisions back.
TAKES_BACK: Mapping[str, frozenset[str]] = {
    "unpin": frozenset({"pin", "cover"}),
    "unban": frozenset({"ban"}),
    "uncover": frozenset({"cover"}),
}
_DECIDED = {"pin": "pinned", "ban": "banned", "cover": "the cover"}


@dataclass(frozen=True)
class Decided:
    """Decisions on one video.

    Attributes:
        before, now: all its decisions, by frame_index.
    """

    video: LibraryVideo
    before: Mapping[int, str]
    now: Mapping[int, str]

    @property
    def first_stage(self) -> str:
        """The stage from which on it counts: a frame that is pinned is a candidate."""
        pinned = [{index for index, decision in of.items() if decision != "ban"} for of in (self.before, self.now)]
        return "selections" if pinned[0] == pinned[1] else "candidate_frames"

    @property
    def counts(self) -> str:
        """Number of decisions of each kind, for people."""
        decisions = list(self.now.values())
        has_cover = ", 1 cover" if "cover" in decisions else ""
        return f"{decisions.count('pin')} pinned, {decisions.count('ban')} banned{has_cover}"


def decide_frames(
    video_id: str, frames: Sequence[tuple[int, str]], *, library: Library, mirror: Mirror, store: TableStore
) -> Decided:
    """Decides of frames of one video, here and elsewhere.

    Args:
        frames: frame_index with `pin`, `ban`, `cover`, or one of TAKES_BACK.

    Raises:
        BadInputError: the video has no such file or frame, or there is nothing to take back; nothing is decided then.
        NetworkError, StorageError: it cannot be kept here or elsewhere; nothing is decided then.
    """
    mirror.bring(video_id)  # what was decided on other machines stays
    video = library.find(video_id)
    settle_decisions(store, video)
    before = decisions_of(store, video_id)
    asked: dict[int, str | None] = {}
    for frame_index, word in frames:
        if word in TAKES_BACK:
            _verify_taken_back(video_id, frame_index, word, before | asked)
        asked.pop(frame_index, None)  # of two words on one frame the later one counts, at its place
        asked[frame_index] = None if word in TAKES_BACK else word
    try:
        decide(store, video_id, asked, path=os.fspath(video.path))
        mirror.push(video_id)
    except (StorageError, NetworkError):  # rather than to say that it failed, and keep it here
        decide(store, video_id, {frame_index: before.get(frame_index) for frame_index in asked})
        raise
    return Decided(video, before, decisions_of(store, video_id))


def collect_frames(
    name: str,
    video_id: str,
    frames: Sequence[int],
    *,
    is_in: bool = True,
    library: Library,
    mirror: Mirror,
    store: TableStore,
) -> int:
    """Puts frames of one video into a collection or takes them out, here and elsewhere.

    Returns:
        The number of frames for which that is new.

    Raises:
        BadInputError: the video has no such file or frame, or the name is none.
        NetworkError, StorageError: it cannot be kept here or elsewhere.
    """
    mirror.bring(video_id)
    number = collect(store, name, video_id, frames, is_in=is_in, path=os.fspath(library.find(video_id).path))
    mirror.push(video_id)
    return number


def rename_collection(name: str, new_name: str | None, *, mirror: Mirror, store: TableStore) -> int:
    """Gives the frames of a collection to another one, here and elsewhere.

    Args:
        new_name: None for none: the collection is gone.

    Returns:
        The number of videos that they are of.

    Raises:
        BadInputError: there is no such collection, or the new name is none.
        NetworkError, StorageError: it cannot be kept here or elsewhere.
    """
    mirror.push_decisions()  # and fetches them
    changed = rename(store, name, new_name)
    mirror.push_decisions()
    return len(changed)


def decisions_of(store: TableStore, video_id: str) -> dict[int, str]:
    """The decisions of a video, by frame_index."""
    table = store.read_or_none("decisions", video_id)
    return {row["frame_index"]: row["decision"] for row in ([] if table is None else table.to_pylist())}


def present_videos(store: TableStore) -> list[LibraryVideo]:
    """The videos that are here; none where the library is empty or not mounted."""
    try:
        return Library(store.data_dir).all(on_error=lambda _: None)
    except BadInputError:
        return []


def _verify_taken_back(video_id: str, frame_index: int, word: str, before: Mapping[int, str | None]) -> None:
    kinds = TAKES_BACK[word]
    if before.get(frame_index) not in kinds:
        names = " or ".join(_DECIDED[kind] for kind in _DECIDED if kind in kinds)
        raise BadInputError(f"{video_id}: frame {frame_index} is not {names}, so nothing is taken back")
