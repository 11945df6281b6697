"""Plans a dataset: which pictures, whose, in which split and shard; nothing is written and no picture is read."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from thumb_assets import __version__
from thumb_assets.dataset.kit import Format, Part
from thumb_assets.dataset.likeness import (
    NearestPair,
    Pairs,
    alike_picks,
    duplicates,
    groups_of_videos,
    nearest_pair,
    positions_of,
)
from thumb_assets.dataset.ownership import Owners, Ownership
from thumb_assets.dataset.picks import Pick
from thumb_assets.dataset.rows import TABLES_OF_ROWS, VideoFacts
from thumb_assets.dataset.scores import contract_of
from thumb_assets.dataset.split import deal
from thumb_assets.errors import BadInputError, SettingsError
from thumb_assets.events import UNWATCHED, Events
from thumb_assets.library.dataset_choice import Chosen, FrameScores, choose_frames
from thumb_assets.settings.dataset import DatasetSettings
from thumb_assets.settings.load import Settings
from thumb_assets.store.candidate_cache import CandidateCache
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore
from thumb_assets.survey.frames import LibraryFrames, frames_of
from thumb_assets.tables.declaration import TableContract
from thumb_assets.video.tags import read_tags
from thumb_assets.wording import count, some_of

_SAY_LICENCES = "say it in a CSV (dataset.licences), or for all others in dataset.default_licence"


@dataclass(frozen=True)
class DatasetPlan:
    """All that there is to know of a dataset before its pictures are read.

    Attributes:
        parts: by split, in the order of the settings, then by video and frame.
        videos: of those that have a picture in it.
        scores: see `Chosen`.
        library: the candidates that can be compared; None where there is none.
        nearest: the most alike pictures over the border of the first split; None where none can be compared.
        num_uncompared: pictures of which no likeness is known.
        notes: what was left out and why, one line each.
        notes_on_licences: what is wrong or lacks in what was said of licences; for those who export, not for the card.
        notes_on_splits: where a split is empty, why.
        key: hex digits that differ between any two plans, and between two states of what is stored.
    """

    format: Format
    settings: Settings
    contract: TableContract
    parts: tuple[Part, ...]
    videos: Mapping[str, VideoFacts]
    scores: Mapping[str, FrameScores]
    library: LibraryFrames | None
    nearest: tuple[Pick, Pick, NearestPair] | None
    num_uncompared: int
    notes: tuple[str, ...]
    notes_on_licences: tuple[str, ...]
    notes_on_splits: tuple[str, ...]
    key: str

    @property
    def picks(self) -> list[Pick]:
        """All pictures, in their order."""
        return [pick for part in self.parts for pick in part.picks]

    @property
    def all_notes(self) -> tuple[str, ...]:
        """All notes, for those who export."""
        return (*self.notes, *self.notes_on_licences, *self.notes_on_splits)


def plan_dataset(
    store: TableStore, settings: Settings, written_as: Format, *, title: str, events: Events = UNWATCHED
) -> DatasetPlan:
    """Decides what a dataset holds; the same library and settings give the same plan.

    Args:
        settings: `dataset`; `survey` says what is alike.
        title: of the dataset.
        events: `progress` by step.

    Raises:
        BadInputError: nothing is left to export, or the CSV of licences cannot be used.
        SettingsError: the format cannot hold what is asked for.
        MissingInputError, ContractError, StorageError: see `choose_frames`.
    """
    asked = settings.dataset
    if asked.is_decoded and not written_as.has_pictures:
        raise SettingsError(f"{written_as.name} names stills that are there, and candidates have none; use folder")
    chosen = choose_frames(store, settings, events=events)
    facts, notes_on_licences = _ownership(chosen, store, asked, events)
    picks = [pick for pick in chosen.picks if pick.video_id in facts]
    library = _comparable(store, {pick.video_id for pick in picks}, settings, events)
    notes = [f"left out ({count(number, 'video')}): {reason}" for reason, number in sorted(chosen.left_out.items())]
    pairs = alike_picks(library, picks, settings.survey, events=events)
    dropped = duplicates(picks, pairs) if asked.is_deduplicated else frozenset()
    notes += [f"left out ({count(len(dropped), 'still')}): like a better one of another video"] if dropped else []
    every = picks
    picks = _best_of_each([pick for place, pick in enumerate(every) if place not in dropped], asked.per_video)
    if not picks:
        raise BadInputError("; ".join(["nothing is left to export", *notes, *notes_on_licences]))
    groups = groups_of_videos(
        library,
        _alike_videos(every, pairs, kept=picks),
        {video_id: facts[video_id].sha256 for video_id in sorted({pick.video_id for pick in picks})},
        settings.survey,
        min_shared_share=asked.min_shared_share,
        events=events,
    )
    splits = deal(Counter(groups[pick.video_id] for pick in picks), asked.splits, seed=asked.seed)
    videos = {
        video_id: VideoFacts(video_id, facts[video_id].source, facts[video_id].owner, group, splits[group])
        for video_id, group in groups.items()
    }
    return _plan(
        store,
        settings,
        written_as,
        title,
        picks=picks,
        videos=videos,
        library=library,
        notes=notes,
        notes_on_licences=notes_on_licences,
        scores=chosen.scores,
    )


def _plan(
    store: TableStore,
    settings: Settings,
    written_as: Format,
    title: str,
    *,
    picks: Sequence[Pick],
    videos: Mapping[str, VideoFacts],
    library: LibraryFrames | None,
    notes: Iterable[str],
    notes_on_licences: Iterable[str],
    scores: Mapping[str, FrameScores],
) -> DatasetPlan:
    """The plan of what was chosen and dealt."""
    parts = _parts(picks, videos, settings.dataset)
    contract = contract_of(_metrics(store, videos))
    ordered = [pick for part in parts for pick in part.picks]
    said = [__version__, written_as.name, title, contract.column_names, settings.model_dump(mode="json")]
    return DatasetPlan(
        format=written_as,
        settings=settings,
        contract=contract,
        parts=parts,
        videos=videos,
        scores=scores,
        library=library,
        nearest=_nearest(library, ordered, videos, settings),
        num_uncompared=int((positions_of(library, ordered) < 0).sum()),
        notes=tuple(notes),
        notes_on_licences=tuple(notes_on_licences),
        notes_on_splits=_empty_splits(
            parts, settings.dataset, num_groups=len({each.group_id for each in videos.values()})
        ),
        key=_key(store, said, parts, videos),
    )


@dataclass(frozen=True)
class _Owned:
    source: str
    sha256: str
    owner: Ownership


def _ownership(
    chosen: Chosen, store: TableStore, asked: DatasetSettings, events: Events
) -> tuple[dict[str, _Owned], list[str]]:
    """The videos that may be used, by the licence that is asked for, and notes; what may not be used is counted."""
    videos_dir = Library(store.data_dir).videos_dir
    owners = Owners(asked, store.data_dir, videos_dir)
    owned, unknown = {}, []
    video_ids = sorted({pick.video_id for pick in chosen.picks})
    for done, video_id in enumerate(video_ids, start=1):
        events.progress("licences", done, len(video_ids))
        (video,) = store.read("videos", video_id).to_pylist()
        source, path = _source_of(video, videos_dir)
        owner = owners.of(video_id, source, str(path), lambda path=path: read_tags(path))  # type: ignore[misc]
        refusal = _refusal(owner, asked)
        if refusal is None:
            owned[video_id] = _Owned(source, video["video_sha256"], owner)
        else:
            chosen.left_out[refusal] += 1
        if owner.licence is None or not owner.licence.is_known:
            unknown.append(video_id)
    for video_id in sorted(set(store.video_ids("videos")) - set(video_ids)) if owners.has_unused else ():
        (video,) = store.read("videos", video_id).to_pylist()
        source, path = _source_of(video, videos_dir)
        owners.note_other(video_id, source, str(path))
    notes = owners.notes()
    if unknown:
        number = count(len(unknown), "video")
        notes.append(f"the licence of {number} is not known ({some_of(unknown)}); {_SAY_LICENCES}")
    return owned, notes


def _source_of(video: Mapping[str, Any], videos_dir: Path) -> tuple[str, Path]:
    """The path below the library folder, or the name; and the file's path."""
    path = Path(video["source_path"])
    return path.relative_to(videos_dir).as_posix() if path.is_relative_to(videos_dir) else path.name, path


def _refusal(owner: Ownership, asked: DatasetSettings) -> str | None:
    licence = owner.licence
    if asked.licence == "any":
        return None
    if licence is None or not licence.is_known:
        return f"their licence is not known; {_SAY_LICENCES}"
    if asked.licence == "commercial" and not licence.is_commercial:
        return f"their licence forbids commercial use or adaptations ({licence.name})"
    return None


def _comparable(
    store: TableStore, video_ids: Iterable[str], settings: Settings, events: Events
) -> LibraryFrames | None:
    """The candidates of these videos that can be compared; None where there is none."""
    stored = CandidateCache(store, sorted(video_ids), events=events).candidates(needs_selections=False)
    if stored.measured is None:
        return None
    return frames_of(stored.measured, stored.clip_footers, settings=settings.selection)


def _alike_videos(every: Sequence[Pick], alike: Pairs, *, kept: Iterable[Pick]) -> set[tuple[str, str]]:
    """Pairs of videos with pictures that are alike, of those that are kept."""
    frames = {(pick.video_id, pick.frame_index) for pick in kept}
    is_kept = np.array([(pick.video_id, pick.frame_index) in frames for pick in every], np.bool_)
    both = alike[is_kept[alike].all(axis=1)]
    return {(every[place].video_id, every[other].video_id) for place, other in both.tolist()}


def _best_of_each(picks: Sequence[Pick], number: int) -> list[Pick]:
    if not number:
        return list(picks)
    ranked: dict[str, list[Pick]] = {}
    for pick in sorted(picks, key=lambda pick: (not pick.is_pinned, -pick.score, pick.frame_index)):
        ranked.setdefault(pick.video_id, []).append(pick)
    return [pick for of_video in ranked.values() for pick in of_video[:number]]


def _parts(picks: Iterable[Pick], videos: Mapping[str, VideoFacts], asked: DatasetSettings) -> tuple[Part, ...]:
    of_split: dict[str, list[Pick]] = {split: [] for split in asked.splits}
    for pick in sorted(picks, key=lambda pick: (pick.video_id, pick.frame_index)):
        of_split[videos[pick.video_id].split].append(pick)
    parts = []
    for split, own in of_split.items():
        starts = range(0, len(own), asked.stills_per_shard)
        parts += [
            Part(split, index, len(starts), tuple(own[start : start + asked.stills_per_shard]))
            for index, start in enumerate(starts)
        ]
    return tuple(parts)


def _empty_splits(parts: Iterable[Part], asked: DatasetSettings, *, num_groups: int) -> tuple[str, ...]:
    filled = {part.split for part in parts}
    empty = [split for split, share in asked.splits.items() if share > 0 and split not in filled]
    if not empty:
        return ()
    few = f"{'is' if num_groups == 1 else 'are'} only {count(num_groups, 'group')}"
    note = (
        f"no still is in {' or '.join(empty)}: videos that share footage form a group, which stays in one split, and "
        f"there {few} (a video that shares none is a group by itself); more videos fill more splits"
    )
    return (note,)


def _metrics(store: TableStore, video_ids: Iterable[str]) -> set[str]:
    footers = (store.footer("iqa_scores", video_id) or {} for video_id in video_ids)
    return {metric for footer in footers for metric in json.loads(footer.get("lower_better", "{}"))}


def _nearest(
    library: LibraryFrames | None, picks: Sequence[Pick], videos: Mapping[str, VideoFacts], settings: Settings
) -> tuple[Pick, Pick, NearestPair] | None:
    first = next(iter(settings.dataset.splits))
    is_first = np.array([videos[pick.video_id].split == first for pick in picks])
    found = nearest_pair(library, picks, is_first, max_exact=settings.survey.max_exact)
    return None if found is None else (picks[found.first], picks[found.second], found)


def _key(store: TableStore, said: Sequence[object], parts: Sequence[Part], videos: Mapping[str, VideoFacts]) -> str:
    """Differs where a byte of the dataset may differ: what was written under it can be kept.

    Args:
        said: all that goes in beside what is stored, as JSON takes it.
    """
    digest = hashlib.sha256(json.dumps(said).encode())
    for part in parts:
        digest.update(f"{part.name} {[(pick.video_id, pick.frame_index) for pick in part.picks]}".encode())
    for facts in videos.values():
        digest.update(repr(facts).encode())
        for table_name in ("stills", *TABLES_OF_ROWS):
            path = store.table_path(table_name, facts.video_id)
            if path.exists():
                status = path.stat()
                digest.update(f"{table_name} {status.st_size} {status.st_mtime_ns} {status.st_ino}".encode())
    return digest.hexdigest()[:16]
