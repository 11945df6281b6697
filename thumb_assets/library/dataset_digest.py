"""A digest of the library for a vision-language model: contact sheets and their times and reasons, within a budget."""

import io
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from thumb_assets.dataset.coverage import MAX_PICTURES, coverage_order, stretches
from thumb_assets.dataset.formats import FORMATS
from thumb_assets.dataset.kit import Part, Picture
from thumb_assets.dataset.picks import Pick
from thumb_assets.dataset.tokens import ASSUMED, tokens_of_picture, tokens_of_text
from thumb_assets.errors import SettingsError
from thumb_assets.events import UNWATCHED, Events
from thumb_assets.export.figures import grid_sheet
from thumb_assets.export.space import SpaceNeeded, require_space
from thumb_assets.folders import replaced_folder
from thumb_assets.library.dataset_folder import real_folder, require_free, write_manifest
from thumb_assets.library.dataset_pictures import pictures_of
from thumb_assets.library.dataset_plan import DatasetPlan, plan_dataset
from thumb_assets.settings.load import Settings
from thumb_assets.store.parquet import TableStore

NAME = "llm"
ABOUT = "contact sheets and a JSON of times and reasons that spend a number of tokens where they cover most"
DIGEST_FILE = "digest.json"
# Settings of datasets that change nothing in a digest.
NO_SAY = frozenset({"splits", "seed"})
# Four by three cells fill the two tiles that a sheet is charged for.
_NUM_COLUMNS, _NUM_ROWS, _CELL, _CAPTION = 4, 3, (256, 162), 18
_PER_SHEET = _NUM_COLUMNS * _NUM_ROWS
_MAX_TEXT = 100
# Of one still at least and at most: its share of a full sheet, and its line; a last row that it begins.
_LEAST_TOKENS_EACH, _MOST_TOKENS_EACH = 50, 600
_ABOUT_SHEETS = (
    "Stills of a video library. Below each cell of a sheet stand the number of its still and the second it is shown at."
)
_SHEET_BYTES = 400_000


@dataclass(frozen=True)
class Digest:
    """A digest that is in place.

    Attributes:
        num_tokens: of sheets and text, as `dataset.tokens` counts them.
        num_stills, num_videos: that it shows, of so many there are.
    """

    folder: Path
    num_tokens: int
    num_stills: int
    num_videos: int
    num_all_stills: int
    num_all_videos: int
    num_sheets: int
    notes: tuple[str, ...]


def export_digest(
    store: TableStore,
    settings: Settings,
    *,
    num_tokens: int,
    folder: Path,
    is_any_replaced: bool = True,
    events: Events = UNWATCHED,
) -> Digest:
    """Writes sheets and digest.json, in place of a former digest.

    Args:
        settings: `dataset` says which frames may be shown; splits have no say.
        num_tokens: the budget, for sheets and text together.
        folder, is_any_replaced: as `export_dataset`.

    Raises:
        SettingsError: the budget pays for no picture.
        ThumbAssetsError: as `export_dataset`.
    """
    folder = real_folder(folder)
    require_free(folder, store, form=None if is_any_replaced else NAME)
    plan = plan_dataset(store, settings, FORMATS["folder"], title=folder.name, events=events)
    picks = _first_rounds(plan.picks)
    order = _order(store, plan, picks, number=num_tokens // _LEAST_TOKENS_EACH)
    require_space(
        folder,
        SpaceNeeded(_SHEET_BYTES * (1 + len(order) // _PER_SHEET)),
        min_free_bytes=settings.export.min_free_bytes,
        what="the sheets",
    )
    with replaced_folder(folder) as new:
        scratch = new / ".decoded"
        digest, shown = _within(store, plan, [picks[place] for place in order], num_tokens=num_tokens, scratch=scratch)
        pictures = pictures_of(store, plan, _part(plan, shown), scratch=scratch)
        num_sheets = _write_sheets(new, pictures, digest["stills"], events=events)
        (new / DIGEST_FILE).write_text(_text(digest), encoding="utf-8")
        shutil.rmtree(scratch, ignore_errors=True)
        write_manifest(new, {"format": NAME, "settings": settings.dataset.model_dump(mode="json")})
    return Digest(
        folder=folder,
        num_tokens=digest["num_tokens"],
        num_stills=len(shown),
        num_videos=len({pick.video_id for pick in shown}),
        num_all_stills=len(plan.picks),
        num_all_videos=len(plan.videos),
        num_sheets=num_sheets,
        notes=(*plan.notes, *plan.notes_on_licences),
    )


def _first_rounds(picks: Sequence[Pick]) -> list[Pick]:
    """At most MAX_PICTURES: the best of each video, then the second best of each, and so on."""
    ranked: dict[str, list[Pick]] = {}
    for pick in sorted(picks, key=lambda pick: (not pick.is_pinned, -pick.score, pick.frame_index)):
        ranked.setdefault(pick.video_id, []).append(pick)
    rounds = [(number, pick) for own in ranked.values() for number, pick in enumerate(own)]
    rounds.sort(key=lambda each: (each[0], each[1].video_id))
    return sorted((pick for _, pick in rounds[:MAX_PICTURES]), key=lambda pick: (pick.video_id, pick.frame_index))


def _order(store: TableStore, plan: DatasetPlan, picks: Sequence[Pick], *, number: int) -> list[int]:
    moments: dict[tuple[str, int], float] = {}
    span_of = {}
    for video_id in dict.fromkeys(pick.video_id for pick in picks):
        for table_name in ("candidate_frames", "selections"):
            table = store.read(table_name, video_id)
            columns = (table.column(name).to_pylist() for name in ("frame_index", "pts_seconds"))
            moments |= {(video_id, frame): seconds for frame, seconds in zip(*columns, strict=True)}
        (video,) = store.read("videos", video_id).to_pylist()
        span_of[video_id] = (0.0, video["duration_seconds"])
    shown_at = [moments[pick.video_id, pick.frame_index] for pick in picks]
    return coverage_order(plan.library, picks, stretches(picks, shown_at, span_of), number=number)


def _within(
    store: TableStore, plan: DatasetPlan, picks: Sequence[Pick], *, num_tokens: int, scratch: Path
) -> tuple[dict[str, Any], list[Pick]]:
    """As many of the first picks as the budget pays for, by video and frame, and what is said of them."""
    rows_alone = replace(plan, format=FORMATS["csv"])  # the pictures are read once it is known which
    rows = {
        (picture.row["video_id"], picture.row["frame_index"]): picture.row
        for picture in pictures_of(store, rows_alone, _part(plan, picks), scratch=scratch)
    }
    number = len(picks)
    while number:
        shown = list(_part(plan, picks[:number]).picks)
        digest = _digest([rows[pick.video_id, pick.frame_index] for pick in shown], num_tokens)
        too_many = digest["num_tokens"] - num_tokens
        if too_many <= 0:
            return digest, shown
        number -= max(1, too_many // _MOST_TOKENS_EACH)  # never below what fits
    least = tokens_of_picture(_NUM_COLUMNS * _CELL[0], _CELL[1])
    raise SettingsError(f"--tokens {num_tokens} pays for no sheet: the smallest alone is {least} tokens; give more")


def _part(plan: DatasetPlan, picks: Sequence[Pick]) -> Part:
    ordered = sorted(picks, key=lambda pick: (pick.video_id, pick.frame_index))
    return replace(plan.parts[0], index=0, count=1, picks=tuple(ordered))


def _write_sheets(
    folder: Path, pictures: Iterator[Picture], stills: Sequence[Mapping[str, Any]], *, events: Events
) -> int:
    """Writes the sheets one after the other; returns their number."""
    captioned = (
        (io.BytesIO(picture.data), f"{still['number']}  {still['seconds']:.1f} s")
        for picture, still in zip(pictures, stills, strict=True)
    )
    number = 0
    while cells := list(islice(captioned, _PER_SHEET)):
        number += 1
        sheet = grid_sheet(cells, num_columns=_NUM_COLUMNS, cell_size=_CELL, caption_height=_CAPTION)
        (folder / _sheet_name(number)).write_bytes(sheet)
        events.progress("sheets", number, -(-len(stills) // _PER_SHEET))
    return number


def _digest(rows: Sequence[Mapping[str, Any]], num_tokens: int) -> dict[str, Any]:
    stills = [_said(row, number) for number, row in enumerate(rows, start=1)]
    sheets = [stills[start : start + _PER_SHEET] for start in range(0, len(stills), _PER_SHEET)]
    of_sheets = sum(
        tokens_of_picture(_NUM_COLUMNS * _CELL[0], -(-len(sheet) // _NUM_COLUMNS) * _CELL[1]) for sheet in sheets
    )
    digest: dict[str, Any] = {
        "about": _ABOUT_SHEETS,
        "tokens_assumed": ASSUMED,
        "budget": num_tokens,
        "num_tokens": 0,
        "stills": stills,
    }
    digest["num_tokens"] = of_sheets + tokens_of_text(_text(digest)) + 2  # its own digits
    return digest


def _said(row: Mapping[str, Any], number: int) -> dict[str, Any]:
    said = {
        "number": number,
        "sheet": _sheet_name(1 + (number - 1) // _PER_SHEET),
        "video": row["source"],
        "seconds": round(row["pts_seconds"], 2),
        "reason": row["reason"],
        "caption": row["caption"],
        "chapter": row["chapter"],
    }
    short = {name: value[:_MAX_TEXT] if isinstance(value, str) else value for name, value in said.items()}
    return {name: value for name, value in short.items() if value is not None}


def _sheet_name(number: int) -> str:
    return f"sheet-{number:04d}.jpg"


def _text(digest: Mapping[str, Any]) -> str:
    """The JSON, a line for each still, without spaces that cost tokens."""
    head = {name: value for name, value in digest.items() if name != "stills"}
    lines = [json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in digest["stills"]]
    opening = json.dumps(head, ensure_ascii=False, separators=(",", ":"))[:-1]
    return opening + ',"stills":[\n' + ",\n".join(lines) + "\n]}\n"
