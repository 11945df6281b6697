"""The decisions of people one by one, each with its state: in force, waiting, or not to be carried over."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from thumb_assets.store.decision_records import Record, Word
from thumb_assets.store.decisions import TABLE, FrameFacts, effective, records_of_all
from thumb_assets.store.file_cache import LibraryVideo
from thumb_assets.store.parquet import TableStore

IN_FORCE, WAITING, LEFT = "in force", "waiting", "could not follow"


@dataclass(frozen=True)
class DecisionState:
    """One decision.

    Attributes:
        record: it stands in.
        video_id: of the content it was said of, or carried over to.
        file: a path that the content has, or had last.
        offset_seconds: of the frame, from the first one; None where that is not known.
        kind: `in force`, `waiting`, `could not follow`.
        reason: for people; empty where it is in force.
    """

    record: Record
    video_id: str
    file: str
    frame_index: int
    decision: str
    offset_seconds: float | None
    kind: str
    reason: str


def decision_states(store: TableStore, videos: Iterable[LibraryVideo]) -> list[DecisionState]:
    """All decisions that were not taken back, by video and frame.

    Those that were carried over to other bytes are listed where they are in force, not where they came from.

    Args:
        videos: the files that are here.
    """
    here: dict[str, list[LibraryVideo]] = defaultdict(list)
    for video in videos:
        here[video.sha256].append(video)
    records = records_of_all(store)
    alive = [record for record in records if any(record.is_of(sha256) for sha256 in here)]
    carried = {_identity(word) for record in alive for word in record.words.values()}
    states = []
    for record in records:
        own = [video for sha256, found in here.items() if record.is_of(sha256) for video in found]
        for frame_index, decision in effective(record).items():
            word = record.words[frame_index]
            if not own and word.luma_hash is not None and _identity(word) in carried:
                continue
            kind, reason = _state_here(store, own) if own else _state_gone(store, record, word, here)
            file = str(own[0].path) if own else next(iter(record.paths[::-1]), "")
            video_id = own[0].video_id if own else record.video_id
            states.append(
                DecisionState(record, video_id, file, frame_index, decision, word.offset_seconds, kind, reason)
            )
    return sorted(states, key=lambda state: (state.video_id, state.frame_index))


def _state_here(store: TableStore, own: list[LibraryVideo]) -> tuple[str, str]:
    if all(store.has(TABLE, video.video_id) for video in own):
        return IN_FORCE, ""
    return WAITING, f"run {str(own[0].path)!r}, so that it counts there"


def _state_gone(store: TableStore, record: Record, word: Word, here: dict[str, list[LibraryVideo]]) -> tuple[str, str]:
    others = [video for found in here.values() for video in found if str(video.path) in record.paths]
    for other in others:
        frames = store.read_or_none("frames", other.video_id)
        if frames is None:
            return WAITING, f"{str(other.path)!r} has other content now; run it, and the frame is looked for there"
        if word.luma_hash is None:
            return LEFT, f"{str(other.path)!r} has other content now, and the frame was never decoded"
        if FrameFacts(frames).find(word) is None:
            return LEFT, f"{str(other.path)!r} has other pictures now; put the former file back to have it in force"
        return WAITING, f"run {str(other.path)!r}, which has the frame"
    paths = [path for path in record.paths if Path(path).exists()]
    if paths:
        return WAITING, f"run {paths[0]!r}, and the frame is looked for there"
    return WAITING, "its file is gone; it counts again when a file with this content comes back"


def _identity(word: Word) -> tuple[object, ...]:
    return word.luma_hash, word.decided_at
