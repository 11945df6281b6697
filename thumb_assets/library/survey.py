"""The survey of a library: what its videos share, from what is stored; no video is decoded."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thumb_assets.errors import ContractError, MissingInputError, ThumbAssetsError
from thumb_assets.events import UNWATCHED, Events
from thumb_assets.pipeline.stages import nothing_to_read
from thumb_assets.select.measure import CandidateArrays
from thumb_assets.settings.load import Settings
from thumb_assets.settings.selection import SurveySettings
from thumb_assets.store.candidate_cache import CandidateCache, StoredCandidates, StoredSelection
from thumb_assets.store.mirror import Mirror
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.survey import read_reference, reference_path, write_recurrences, write_reference
from thumb_assets.survey.alike import Alike, alike_frames, groups_of_alike
from thumb_assets.survey.frames import LibraryFrames, frames_of
from thumb_assets.survey.reference import Reference, reference_of
from thumb_assets.tables.conform import table_from_rows


@dataclass(frozen=True)
class SharedFrame:
    """One frame of one video."""

    video_id: str
    frame_index: int
    pts_seconds: float


@dataclass(frozen=True)
class SharedFrames:
    """Frames of several videos that are alike: an intro, a logo, a bumper, credits; by video and frame.

    Attributes:
        frames: the frames.
        num_others: of each, how many other videos show it, as the table `recurrences` has it. The group is of more
            videos where one frame is like a second, and that like a third that is not like the first.
    """

    frames: tuple[SharedFrame, ...]
    num_others: tuple[int, ...]

    @property
    def num_videos(self) -> int:
        """The number of videos that show it."""
        return len({frame.video_id for frame in self.frames})


@dataclass(frozen=True)
class AlikeStills:
    """Two selections of different videos that are alike."""

    still: SharedFrame
    other: SharedFrame
    cosine_similarity: float
    hash_distance: int


@dataclass(frozen=True)
class Survey:
    """The findings of a survey.

    Attributes:
        num_videos: that were surveyed.
        num_frames: of theirs, that were compared.
        models: how many of the videos have embeddings of which model; frames are compared within a model only.
        groups: of recurring frames, those of most videos first.
        stills: pairs of stills, most alike first.
        components: of the library's distributions that are kept now; none below `survey.min_videos`.
        is_reference_new: whether these have changed.
        is_reference_kept: whether they are those of a former survey, since not all videos can be read now.
        changed: the videos whose table `recurrences` was written or removed.
        missing: the stage to run first, by video that was left out.
        errors: why a video's tables cannot be read, one line, by video.
        table: a row per recurring frame and per pair of stills; see SURVEY_SCHEMA.
    """

    num_videos: int
    num_frames: int
    models: Mapping[str, int]
    groups: tuple[SharedFrames, ...]
    stills: tuple[AlikeStills, ...]
    components: tuple[str, ...]
    is_reference_new: bool
    is_reference_kept: bool
    changed: tuple[str, ...]
    missing: Mapping[str, str]
    errors: Mapping[str, str]
    table: pa.Table


# kind: `recurring`, a row per frame with its most alike one of another video, or `stills`, a row per pair.
# group_index and num_videos (other videos that show the frame) belong to `recurring`.
SURVEY_SCHEMA = pa.schema(
    {
        "kind": pa.string(),
        "group_index": pa.int64(),
        "num_videos": pa.int64(),
        "video_id": pa.string(),
        "frame_index": pa.int64(),
        "pts_seconds": pa.float64(),
        "other_video_id": pa.string(),
        "other_frame_index": pa.int64(),
        "other_pts_seconds": pa.float64(),
        "cosine_similarity": pa.float64(),
        "hash_distance": pa.int64(),
    }
)


def survey(
    store: TableStore,
    settings: Settings,
    *,
    events: Events = UNWATCHED,
) -> Survey:
    """Compares all videos that were run, writes their tables `recurrences` and the library's distributions.

    Two surveys of the same tables write the same; what is unchanged is not written. A video that cannot be read now,
    since it is being run or a stage of it failed, keeps its table; what others were found to share is kept then as
    well, and so are the distributions: the video is not gone, and the next survey would find it all again.

    Args:
        settings: `survey`; of `selection` what makes a frame show nothing and what likeness is made of.
        events: see `CandidateCache`; `progress` for how many frames of how many were compared with all others.

    Raises:
        MissingInputError: no video can be surveyed; says which stage to run.
        StorageError: the disk is full, read-only or gone.
    """
    is_mended = _remove_unreadable_reference(store)  # first: no selection can be made while it is there
    stored = CandidateCache(store, events=events).candidates()
    measured = _require_measured(stored)
    library = frames_of(measured, stored.clip_footers, settings=settings.selection)
    alike, alike_stills = _compare(library, stored.selections, settings.survey, events)
    reference = reference_of(measured, stored.clip_footers, min_videos=settings.survey.min_videos)
    left_alone = {*stored.errors, *stored.missing, *library.without_appearance}
    is_partial = bool(left_alone.intersection(store.video_ids("selections")))
    changed = _write_recurrences(store, settings, library, alike, left_alone=left_alone, is_partial=is_partial)
    is_reference_kept = is_partial and reference_path(store).exists()
    is_reference_new = (not is_reference_kept and _write_reference(store, reference)) or is_mended
    members = _ordered_groups(library, alike)
    frames, _, numbers = alike.counts()
    num_others = dict(zip(frames.tolist(), numbers.tolist(), strict=True))
    return Survey(
        num_videos=len(library.video_ids),
        num_frames=_num_comparable(library),
        models={
            "none" if model is None else f"{model[0]} ({model[1]})": n for model, n in library.num_videos_of.items()
        },
        groups=tuple(
            SharedFrames(
                tuple(_frame(library, frame) for frame in group), tuple(num_others[frame] for frame in group.tolist())
            )
            for group in members
        ),
        stills=_stills(library, alike_stills),
        components=tuple(sorted(read_reference(store)[0])),
        is_reference_new=is_reference_new,
        is_reference_kept=is_reference_kept,
        changed=changed,
        missing={**stored.missing, **dict.fromkeys(library.without_appearance, "appearance")},
        errors=stored.errors,
        table=_table(library, alike, members, alike_stills),
    )


def _require_measured(stored: StoredCandidates) -> CandidateArrays:
    if stored.measured is not None:
        return stored.measured
    if stored.errors:
        raise MissingInputError(next(iter(stored.errors.values())))
    raise nothing_to_read("can be surveyed", stored.missing.values())


def _compare(
    library: LibraryFrames, selections: Mapping[str, StoredSelection], asked: SurveySettings, events: Events
) -> tuple[Alike, Alike]:
    """The candidates that are alike, and the selections, each pair of these once."""
    compare = partial(alike_frames, library, num_neighbours=asked.num_neighbours, max_exact=asked.max_exact)
    alike = compare(
        min_cosine=asked.min_cosine,
        max_hash_distance=asked.max_hash_distance,
        events=events,
    )
    alike_stills = compare(
        min_cosine=asked.still_min_cosine,
        max_hash_distance=asked.still_max_hash_distance,
        only=_positions_of(library, selections),
    )
    return alike, _once(alike_stills)


def _num_comparable(library: LibraryFrames) -> int:
    return sum(len(part.frames) for part in library.comparable)


def _positions_of(library: LibraryFrames, selections: Mapping[str, StoredSelection]) -> NDArray[np.int64]:
    """Positions of the selections among the frames; one that is no candidate any more has none."""
    parts = [np.zeros(0, np.int64)]
    starts = np.searchsorted(library.videos, np.arange(len(library.video_ids) + 1))
    for place, video_id in enumerate(library.video_ids):
        own = library.frame_indices[starts[place] : starts[place + 1]]
        wanted = selections[video_id].frame_indices if video_id in selections else ()
        parts.append(starts[place] + np.flatnonzero(np.isin(own, wanted)))
    return np.concatenate(parts)


def _write_recurrences(
    store: TableStore,
    settings: Settings,
    library: LibraryFrames,
    alike: Alike,
    *,
    left_alone: AbstractSet[str],
    is_partial: bool,
) -> tuple[str, ...]:
    """Brings the table of every video up to date; one without recurring frames has none."""
    tables = _recurrences(library, alike)
    mirror = Mirror(settings.library, store)
    changed = []
    for video_id in sorted({*tables, *store.video_ids("recurrences")} - left_alone):
        before = _stored_recurrences(store, video_id)
        table = _with_former(tables.get(video_id), before) if is_partial else tables.get(video_id)
        if write_recurrences(store, video_id, table):
            changed.append(video_id)
            try:
                mirror.bring(video_id)  # what other machines made of it since, so that it is not pushed away
                mirror.push(video_id)
            except ThumbAssetsError:
                write_recurrences(store, video_id, before)  # so that the next survey finds it to be pushed
                raise
    return tuple(changed)


def _stored_recurrences(store: TableStore, video_id: str) -> pa.Table | None:
    try:
        return store.read_or_none("recurrences", video_id)
    except ContractError:  # it is written anew
        return None


def _with_former(table: pa.Table | None, before: pa.Table | None) -> pa.Table | None:
    """For each frame the row that counts more videos, that found now or the former one."""
    if before is None:
        return table
    rows = {row["frame_index"]: row for row in ([] if table is None else table.to_pylist())}
    for row in before.to_pylist():
        found = rows.get(row["frame_index"])
        if found is None or found["num_videos"] < row["num_videos"]:
            rows[row["frame_index"]] = row
    return table_from_rows("recurrences", [rows[frame_index] for frame_index in sorted(rows)])


def _recurrences(library: LibraryFrames, alike: Alike) -> dict[str, pa.Table]:
    frames, places, numbers = alike.counts()
    rows: dict[str, list[dict[str, object]]] = {}
    for frame, place, number in zip(frames.tolist(), places.tolist(), numbers.tolist(), strict=True):
        other = int(alike.right[place])
        row = {
            "video_id": library.video_id(frame),
            "frame_index": int(library.frame_indices[frame]),
            "num_videos": number,
            "example_video_id": library.video_id(other),
            "example_frame_index": int(library.frame_indices[other]),
            "cosine_similarity": float(alike.cosines[place]),
            "hash_distance": int(alike.distances[place]),
        }
        rows.setdefault(library.video_id(frame), []).append(row)
    return {video_id: table_from_rows("recurrences", of_video) for video_id, of_video in rows.items()}


def _remove_unreadable_reference(store: TableStore) -> bool:
    try:
        read_reference(store)
    except ContractError:
        return write_reference(store, None, clip={})
    return False


def _write_reference(store: TableStore, reference: Reference | None) -> bool:
    if reference is None:
        return write_reference(store, None, clip={})
    return write_reference(store, reference.values, clip=reference.clip)


def _ordered_groups(library: LibraryFrames, alike: Alike) -> list[NDArray[np.int64]]:
    groups = groups_of_alike(alike)
    return sorted(groups, key=lambda group: (-len(np.unique(library.videos[group])), int(group[0])))


def _frame(library: LibraryFrames, frame: int) -> SharedFrame:
    return SharedFrame(library.video_id(frame), int(library.frame_indices[frame]), float(library.seconds[frame]))


def _once(alike: Alike) -> Alike:
    """Each pair once, its ends ascending, the most alike first."""
    ends = np.sort(np.stack([alike.left, alike.right], axis=1), axis=1)
    _, places = np.unique(ends, axis=0, return_index=True)
    first, second = ends[places].T
    order = np.lexsort((second, first, alike.distances[places], -alike.cosines[places]))
    places = places[order]
    return Alike(first[order], second[order], alike.cosines[places], alike.distances[places])


def _stills(library: LibraryFrames, pairs: Alike) -> tuple[AlikeStills, ...]:
    columns = (pairs.left, pairs.right, pairs.cosines, pairs.distances)
    return tuple(
        AlikeStills(_frame(library, first), _frame(library, second), cosine, distance)
        for first, second, cosine, distance in zip(*(column.tolist() for column in columns), strict=True)
    )


def _table(library: LibraryFrames, alike: Alike, groups: Sequence[NDArray[np.int64]], stills: Alike) -> pa.Table:
    group_of = np.full(len(library.videos), -1)
    for number, group in enumerate(groups):
        group_of[group] = number
    frames, places, numbers = alike.counts()
    order = np.lexsort((frames, group_of[frames]))
    rows: list[tuple[object, ...]] = []
    for frame, number, place in zip(
        frames[order].tolist(), numbers[order].tolist(), places[order].tolist(), strict=True
    ):
        rows.append(("recurring", int(group_of[frame]), number, *_row(library, alike, place)))
    rows += [("stills", None, None, *_row(library, stills, place)) for place in range(len(stills.left))]
    columns = zip(*rows, strict=True) if rows else [()] * len(SURVEY_SCHEMA)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SURVEY_SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SURVEY_SCHEMA)


def _row(library: LibraryFrames, alike: Alike, place: int) -> tuple[object, ...]:
    """The columns of SURVEY_SCHEMA from video_id on, of the pair at a place."""
    ends = (_frame(library, int(end)) for end in (alike.left[place], alike.right[place]))
    named = [part for end in ends for part in (end.video_id, end.frame_index, end.pts_seconds)]
    return (*named, float(alike.cosines[place]), int(alike.distances[place]))
