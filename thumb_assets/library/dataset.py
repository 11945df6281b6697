"""Writes a dataset: reads each picture once, writes it, reads it back, and puts the whole folder in place."""

import hashlib
import io
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from thumb_assets.dataset.card import PAIR_FILE, CardFacts, card_text
from thumb_assets.dataset.formats import FORMATS
from thumb_assets.dataset.kit import Part, Picture, Written
from thumb_assets.dataset.row_files import num_rows, read_rows, write_rows
from thumb_assets.errors import VerificationError
from thumb_assets.events import UNWATCHED, Events
from thumb_assets.export.figures import captioned_sheet
from thumb_assets.export.space import SpaceNeeded, require_space
from thumb_assets.folders import resumed_folder, unfinished_folder
from thumb_assets.library.dataset_folder import files_of, real_folder, require_free, write_manifest
from thumb_assets.library.dataset_pictures import pictures_of
from thumb_assets.library.dataset_plan import DatasetPlan, plan_dataset
from thumb_assets.settings.load import Settings
from thumb_assets.store.parquet import TableStore

_ROWS = ".rows"
# Beside a picture: its row in the most talkative format, and what a file takes more than its bytes.
_ROW_BYTES = 2048 + 4096
_BESIDE_BYTES = 250_000  # the card, its picture and what else describes the whole


@dataclass(frozen=True)
class Exported:
    """A dataset that is in place.

    Attributes:
        num_stills, num_videos: by split.
        num_kept: pictures that an interrupted export had written already.
        num_bytes, num_files: of all its files.
        num_replaced: files of the dataset that lay there before.
    """

    folder: Path
    plan: DatasetPlan
    num_stills: Mapping[str, int]
    num_videos: Mapping[str, int]
    num_kept: int
    num_bytes: int
    num_files: int
    num_replaced: int = 0


def export_dataset(
    store: TableStore,
    settings: Settings,
    *,
    format_name: str,
    folder: Path,
    is_any_replaced: bool = True,
    events: Events = UNWATCHED,
) -> Exported:
    """Writes a dataset of the library in place of a former one; the same library and settings give the same bytes.

    An export that was interrupted goes on where it was, as long as nothing it is made of changed.

    Args:
        settings: `dataset` says what goes in.
        format_name: a key of FORMATS.
        folder: where it is put; need not exist, its parent has to. In the data folder only below `datasets/`.
        is_any_replaced: also replaces a dataset of another format that lies there.
        events: `progress` by step.

    Raises:
        BadInputError: the folder holds something else, or lies where it may not; or as `plan_dataset`.
        VerificationError: a still is not what its table says, or what was written is not what was read.
        StorageError: the disk is full, read-only or gone; a former dataset is as it was.
        UnavailableError: another process is writing the same dataset.
        ThumbAssetsError: see `plan_dataset`.
    """
    folder = real_folder(folder)
    require_free(folder, store, form=None if is_any_replaced else format_name)
    num_replaced = len(files_of(folder)) if folder.is_dir() else 0
    plan = plan_dataset(store, settings, FORMATS[format_name], title=folder.name, events=events)
    picks = plan.picks
    num_bytes = sum(pick.num_bytes for pick in picks) if plan.format.has_pictures else 0
    if not unfinished_folder(folder, key=plan.key).exists():
        needed = SpaceNeeded(num_bytes + _ROW_BYTES * len(picks) + _BESIDE_BYTES)
        require_space(folder, needed, min_free_bytes=settings.export.min_free_bytes, what="the dataset's pictures")
    with resumed_folder(folder, key=plan.key) as new:
        parts_there = [part for part in plan.parts if _rows_path(new, part).is_file()]
        writer = _Writer(store, plan, new)
        num_kept = num_done = sum(len(part.picks) for part in parts_there)
        for part in plan.parts:
            if part not in parts_there:
                writer.write(part, events=events, num_done=num_done, num_all=len(picks))
                num_done += len(part.picks)
        num_stills, num_videos = _finish(plan, new, title=folder.name)
    sizes = files_of(folder)
    return Exported(
        folder, plan, num_stills, num_videos, num_kept, sum(sizes.values()), len(sizes), num_replaced=num_replaced
    )


def num_stills_kept(folder: Path) -> int:
    """The number of pictures that an interrupted export into a folder has kept for the next one: of whole parts."""
    folder = real_folder(folder)
    unfinished = unfinished_folder(folder, key="").name
    parts = [path for path in folder.parent.glob(".*") if path.name.startswith(unfinished)]
    return sum(num_rows(rows) for part in parts for rows in (part / _ROWS).glob("*.parquet"))


def _rows_path(folder: Path, part: Part) -> Path:
    return folder / _ROWS / f"{part.name}.parquet"


class _Writer:
    """Writes parts of one dataset."""

    def __init__(self, store: TableStore, plan: DatasetPlan, folder: Path) -> None:
        self._store, self._plan, self._folder = store, plan, folder

    def write(self, part: Part, *, events: Events, num_done: int, num_all: int) -> None:
        """Writes a part, reads it back, and notes its rows, which says that it is done."""
        rows: list[dict[str, Any]] = []

        def pictures() -> Iterator[Picture]:
            # Its scratch goes at the end, whatever a killed export left in it.
            for picture in pictures_of(self._store, self._plan, part, scratch=self._folder / _ROWS):
                rows.append(dict(picture.row))
                yield picture
                events.progress("stills written", num_done + len(rows), num_all)

        written_as = self._plan.format
        written_as.write_part(self._folder, part, self._plan.contract, pictures())
        if written_as.has_pictures:
            self._verify(part, rows)
        write_rows(_rows_path(self._folder, part), rows, self._plan.contract)

    def _verify(self, part: Part, rows: list[dict[str, Any]]) -> None:
        names = [row["file_name"] for row in rows]
        back = self._plan.format.read_part(self._folder, part, names)
        wrong = [
            row["file_name"]
            for row, data in zip(rows, back, strict=True)
            if hashlib.sha256(data).hexdigest() != row["still_sha256"]
        ]
        if wrong or len(rows) != len(part.picks):
            raise VerificationError(
                f"{self._folder}: {part.name} does not hold what was written, such as {wrong[:1] or 'all its stills'}; "
                "check the disk and run again"
            )


def _finish(plan: DatasetPlan, folder: Path, *, title: str) -> tuple[dict[str, int], dict[str, int]]:
    """Writes what describes the parts, and the manifest."""
    splits = list(plan.settings.dataset.splits)
    num_stills = {split: sum(len(part.picks) for part in plan.parts if part.split == split) for split in splits}
    of_split = {split: [each for each in plan.videos.values() if each.split == split] for split in splits}
    num_videos = {split: len(videos) for split, videos in of_split.items()}
    num_groups = {split: len({each.group_id for each in videos}) for split, videos in of_split.items()}

    def rows() -> Iterator[pa.RecordBatch]:
        for part in plan.parts:
            yield from read_rows(_rows_path(folder, part))

    facts = CardFacts(
        settings=plan.settings.dataset,
        num_stills=num_stills,
        num_videos=num_videos,
        num_groups=num_groups,
        licences=_counted(plan, "licence"),
        authors=_counted(plan, "author"),
        models=_models(rows()),
        nearest=_nearest(plan),
        nearest_split=_nearest_split(plan, splits),
        num_uncompared=plan.num_uncompared,
        has_picture=plan.nearest is not None and plan.format.has_pictures,
        notes=(*plan.notes, *plan.notes_on_splits),
    )
    if facts.has_picture:
        _write_pair(plan, folder)
    written = Written(
        title=title,
        description=f"{sum(num_stills.values())} frames of {len(plan.videos)} videos, chosen by thumb-assets.",
        contract=plan.contract,
        rows=rows,
        num_stills=num_stills,
        card=card_text(facts, plan.format, plan.contract, title),
        licence=_only(facts.licences),
        authors=tuple(sorted(name for name in facts.authors if name is not None)),
    )
    plan.format.finish(folder, written)
    shutil.rmtree(folder / _ROWS)
    settings = plan.settings.dataset.model_dump(mode="json")
    write_manifest(folder, {"format": plan.format.name, "settings": settings, "num_stills": num_stills})
    return num_stills, num_videos


def _counted(plan: DatasetPlan, what: str) -> Counter[str | None]:
    """Pictures by licence or author."""
    numbers: Counter[str | None] = Counter()
    for pick in plan.picks:
        owner = plan.videos[pick.video_id].owner
        name = owner.author if what == "author" else None if owner.licence is None else owner.licence.name
        numbers[name] += 1
    return numbers


def _only(numbers: Mapping[str | None, int]) -> str | None:
    return next(iter(numbers)) if len(numbers) == 1 else None


def _models(rows: Iterator[pa.RecordBatch]) -> list[tuple[str, str | None]]:
    found: set[tuple[str, str | None]] = set()
    for batch in rows:
        for name in batch.schema.names:
            if name.endswith("_model"):
                licences = batch.column(f"{name.removesuffix('_model')}_licence").to_pylist()
                found |= set(zip(batch.column(name).to_pylist(), licences, strict=True))
    return sorted((pair for pair in found if pair[0] is not None), key=lambda pair: pair[0])


def _nearest(plan: DatasetPlan) -> tuple[float, int, str, str] | None:
    if plan.nearest is None:
        return None
    first, second, found = plan.nearest
    named = [f"{pick.video_id} frame {pick.frame_index}" for pick in (first, second)]
    return found.cosine_similarity, found.hash_distance, named[0], named[1]


def _nearest_split(plan: DatasetPlan, splits: list[str]) -> tuple[str, str]:
    return splits[0], "another" if plan.nearest is None else plan.videos[plan.nearest[1].video_id].split


def _write_pair(plan: DatasetPlan, folder: Path) -> None:
    tiles = []
    for pick in plan.nearest[:2]:  # type: ignore[index]
        part = next(part for part in plan.parts if pick in part.picks)
        names = [
            name for batch in read_rows(_rows_path(folder, part)) for name in batch.column("file_name").to_pylist()
        ]
        place = part.picks.index(pick)
        data = next(data for at, data in enumerate(plan.format.read_part(folder, part, names)) if at == place)
        tiles.append((io.BytesIO(data), f"{part.split}: {pick.video_id} frame {pick.frame_index}"))
    path = folder / PAIR_FILE
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(captioned_sheet(tiles))
