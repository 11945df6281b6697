"""Collections of frames that people make: kept in the records of decisions, and carried on with the same pictures."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from thumb_assets.errors import BadInputError
from thumb_assets.store.decision_records import COLLECTED, DecisionRecords, Word
from thumb_assets.store.decisions import FrameFacts, own_record, sha256_of, verify_decidable
from thumb_assets.store.file_cache import LibraryVideo
from thumb_assets.store.parquet import TableStore

_MOST_LETTERS = 100


@dataclass(frozen=True)
class CollectedFrame:
    """One frame of a collection.

    Attributes:
        video_id: of the content that it is of now, or had last.
        file: a path that the content has, or had last; empty where none is known.
        offset_seconds: from the video's first frame; None where that is not known.
        is_here: whether a file with that content is in the library.
    """

    video_id: str
    file: str
    frame_index: int
    offset_seconds: float | None
    is_here: bool


def verify_collection_name(name: str) -> str:
    """The name of a collection, without spaces around it.

    Raises:
        BadInputError: it is empty, longer than 100 letters, or holds characters that cannot be seen.
    """
    stripped = name.strip()
    if not stripped or len(stripped) > _MOST_LETTERS or not stripped.isprintable():
        raise BadInputError(f"{name!r} is no name of a collection; give 1 to {_MOST_LETTERS} letters that can be seen")
    return stripped


def collect(
    store: TableStore, name: str, video_id: str, frames: Sequence[int], *, is_in: bool = True, path: str | None = None
) -> int:
    """Puts frames of a video into a collection, or takes them out; none of them changes what is selected.

    Args:
        name: of the collection, which need not exist.
        path: of the video's file, to know it by when its content changes.

    Returns:
        The number of frames for which that is new.

    Raises:
        BadInputError: the name is none, or the video has no such frame; nothing is kept then.
        ContractError: the record is damaged, and its copy too.
        StorageError: the disk is full, read-only or gone; what was collected before is kept.
    """
    name = verify_collection_name(name)
    facts = FrameFacts(verify_decidable(store, video_id, dict.fromkeys(frames)))
    records = DecisionRecords(store)
    with records.held():
        sha256 = sha256_of(store, video_id)
        record = own_record(store, records, video_id, sha256=sha256, facts=facts)
        before = record.collected.get(name, {})
        new = [index for index in dict.fromkeys(frames) if _is_in(before.get(index)) != is_in]
        decided_at = max([time.time(), *(word.decided_at + 1e-3 for word in before.values())])
        decision = COLLECTED if is_in else None
        words = {index: facts.word(index, decision, decided_at=decided_at, sha256=sha256) for index in new}
        if new:
            paths = record.paths if path is None else tuple(dict.fromkeys([*record.paths, path]))
            records.write(record.merged_with(replace(record, paths=paths, collected={name: words})))
    return len(new)


def rename_collection(store: TableStore, name: str, new_name: str | None) -> list[str]:
    """Gives the frames of a collection to another one, also of videos that are not here.

    Args:
        new_name: one that there is takes them in; None for none: the collection is gone.

    Returns:
        The ids of their videos.

    Raises:
        BadInputError: there is no such collection, or the new name is none.
        StorageError: the disk is full, read-only or gone; a frame is in one of the two at least.
    """
    new_name = None if new_name is None else verify_collection_name(new_name)
    frames_of(collections(store), name)
    if new_name == name:
        return []
    records, changed = DecisionRecords(store), []
    with records.held():
        for record in records.all():
            words = {index: word for index, word in record.collected.get(name, {}).items() if _is_in(word)}
            if not words:
                continue
            decided_at = max([time.time(), *(word.decided_at + 1e-3 for word in words.values())])
            now = {index: replace(word, decided_at=decided_at) for index, word in words.items()}
            moved = {name: {index: replace(word, decision=None) for index, word in now.items()}}
            moved |= {} if new_name is None else {new_name: now}
            records.write(record.merged_with(replace(record, collected=moved)))
            changed.append(record.video_id)
    return changed


def collections(store: TableStore, videos: Sequence[LibraryVideo] = ()) -> dict[str, list[CollectedFrame]]:
    """All collections that hold a frame, by name; their frames by video and frame_index.

    Args:
        videos: the files that are here. A frame that was carried over to other bytes is listed there alone.
    """
    records = DecisionRecords(store).all()
    here = {record.name: [video for video in videos if record.is_of(video.sha256)] for record in records}
    alive = {
        (name, _identity(word))
        for record in records
        if here[record.name]
        for name, words in record.collected.items()
        for word in words.values()
    }
    found: dict[str, list[CollectedFrame]] = {}
    for record in records:
        own = here[record.name]
        video_id, file = (own[0].video_id, str(own[0].path)) if own else (record.video_id, "".join(record.paths[-1:]))
        for name, words in record.collected.items():
            for frame_index, word in words.items():
                is_elsewhere = not own and word.luma_hash is not None and (name, _identity(word)) in alive
                if _is_in(word) and not is_elsewhere:
                    frame = CollectedFrame(video_id, file, frame_index, word.offset_seconds, bool(own))
                    found.setdefault(name, []).append(frame)
    return {name: sorted(found[name], key=lambda each: (each.video_id, each.frame_index)) for name in sorted(found)}


def frames_of(collected: Mapping[str, Sequence[CollectedFrame]], name: str) -> Sequence[CollectedFrame]:
    """The frames of one collection.

    Raises:
        BadInputError: there is none of that name; names those there are.
    """
    if name not in collected:
        known = ", ".join(map(repr, collected)) or "none yet; thumb-assets search --collect NAME makes one"
        raise BadInputError(f"there is no collection {name!r}; known: {known}")
    return collected[name]


def _is_in(word: Word | None) -> bool:
    return word is not None and word.decision is not None


def _identity(word: Word) -> tuple[object, ...]:
    return word.luma_hash, word.decided_at
