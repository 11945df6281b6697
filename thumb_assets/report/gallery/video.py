"""Reads what the page of one video shows, from its tables."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from thumb_assets.select.components import COMPONENTS
from thumb_assets.select.tell import SETTINGS, sentence_of
from thumb_assets.settings.selection import SelectionSettings
from thumb_assets.store.parquet import TableStore
from thumb_assets.wording import one_line

_MOST_CUES = 300
# Tables that the page is made of; each of them may be absent.
TABLES_OF_PAGE = (
    "videos",
    "shots",
    "candidate_frames",
    "sharpness",
    "selections",
    "rejections",
    "stills",
    "decisions",
    "chapters",
    "subtitles",
    "texts",
    "outcomes",
)


@dataclass(frozen=True)
class Shown:
    """A frame on the page.

    Attributes:
        picture: its file, relative to the folder; None where there is none.
        title: what it is, such as "1" for the cover.
        why: why it was chosen or not.
        scores: by name of a component its value, 0..1; empty for runners-up.
        decision: of people; empty where there is none.
    """

    frame_index: int
    seconds: float
    picture: str | None
    title: str
    why: str
    score: float | None = None
    scores: Mapping[str, float] | None = None
    decision: str = ""


@dataclass(frozen=True)
class VideoPage:
    """The content of the page of one video.

    Attributes:
        facts: names and values for people.
        stills, runners_up: best first.
        num_rejected: by reason in words how many candidates were not chosen for it.
        timeline: see `timeline_of`.
        cues, chapters, writing: seconds and text each, in their order.
        num_more_cues: of the cues that are left out.
        failures: the stages that failed, each with its reason.
    """

    facts: Sequence[tuple[str, str]]
    stills: Sequence[Shown]
    runners_up: Sequence[Shown]
    num_rejected: Sequence[tuple[str, int]]
    timeline: Mapping[str, Any] | None
    cues: Sequence[tuple[float, str]]
    num_more_cues: int
    chapters: Sequence[tuple[float, str]]
    writing: Sequence[tuple[float, str]]
    failures: Sequence[tuple[str, str]]


def page_of(
    store: TableStore, video_id: str, *, still_pictures: Mapping[str, str], frame_pictures: Mapping[int, str], num: int
) -> VideoPage:
    """Reads what the page of a video shows.

    Args:
        still_pictures: by file_name of a still its picture.
        frame_pictures: by frame_index the picture of a runner-up.
        num: of runners-up, at most.

    Raises:
        ContractError, StorageError: as `TableStore.read`.
    """
    tables = {name: store.read_or_none(name, video_id) for name in TABLES_OF_PAGE}
    rows = {name: [] if table is None else table.to_pylist() for name, table in tables.items()}
    decisions = {row["frame_index"]: row["decision"] for row in rows["decisions"]}
    seconds = {row["frame_index"]: row["pts_seconds"] for row in rows["candidate_frames"]}
    files = {row["frame_index"]: row["file_name"] for row in rows["stills"]}
    stills = [
        Shown(
            row["frame_index"],
            row["pts_seconds"],
            still_pictures.get(files.get(row["frame_index"], "")),
            "cover" if row["rank"] == 1 else f"rank {row['rank']}",
            one_line(row["reason"]),
            row["combined_score"],
            {each.title: row[each.column] for each in COMPONENTS if row[each.column] is not None},
            decisions.get(row["frame_index"], ""),
        )
        for row in sorted(rows["selections"], key=lambda row: row["rank"])
    ]
    reasons = Counter(row["reason"].replace("_", " ") for row in rows["rejections"])
    cues = [(row["start_seconds"], _flat(row["text"])) for row in rows["subtitles"]]
    return VideoPage(
        facts=_facts(rows),
        stills=stills,
        runners_up=[
            Shown(
                row["frame_index"],
                seconds.get(row["frame_index"], 0.0),
                frame_pictures.get(row["frame_index"]),
                row["reason"].replace("_", " "),
                one_line(_sentence(row, tables["rejections"])),
                decision=decisions.get(row["frame_index"], ""),
            )
            for row in runners_up_of(rows["rejections"], num)
        ],
        num_rejected=reasons.most_common(),
        timeline=timeline_of(rows),
        cues=cues[:_MOST_CUES],
        num_more_cues=max(0, len(cues) - _MOST_CUES),
        chapters=[(row["start_pts_seconds"], _flat(row["title"] or "untitled")) for row in rows["chapters"]],
        writing=_writing(rows["texts"], seconds),
        failures=[
            (row["stage"], one_line(str(row["message"]).replace(row["source_path"], "the file")))
            for row in rows["outcomes"]
            if row["status"] == "failed" and row["blocked_by"] is None
        ],
    )


def runners_up_of(rejections: Sequence[Mapping[str, Any]], num: int) -> list[Mapping[str, Any]]:
    """The candidates that came closest to being chosen: those that no rule rejects, by how little was missing."""
    rows = [row for row in rejections if row["stage"] != "reject"]
    return sorted(rows, key=_missing)[:num]


def timeline_of(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any] | None:
    """Candidates and selections along the video, 0..1000, each by its sharpness, 0..100 from the top; its seconds."""
    if not rows["videos"] or not rows["candidate_frames"]:
        return None
    video = rows["videos"][0]
    duration = float(video["duration_seconds"]) or 1.0
    begin = video["begin_pts"] * video["time_base_num"] / video["time_base_den"]
    sharp = {row["frame_index"]: row["percentile_in_video"] for row in rows["sharpness"]}

    def place(row: Mapping[str, Any]) -> tuple[float, float]:
        value = sharp.get(row["frame_index"])
        x = min(1000.0, max(0.0, 1000 * (row["pts_seconds"] - begin) / duration))
        return round(x, 1), round(100 * (1 - (0.5 if value is None else value)), 1)

    return {
        "candidates": [place(row) for row in rows["candidate_frames"]],
        "selections": [(*place(row), row["rank"]) for row in sorted(rows["selections"], key=lambda row: -row["rank"])],
        "seconds": duration,
    }


def _missing(row: Mapping[str, Any]) -> tuple[float, int]:
    if row["value"] is None or row["threshold"] is None:
        return float("inf"), row["frame_index"]
    return abs(row["value"] - row["threshold"]), row["frame_index"]


def _sentence(row: Mapping[str, Any], table: pa.Table | None) -> str:
    """The reason why a candidate was not chosen; its name alone where the settings are of another version."""
    footer = {} if table is None else (table.schema.metadata or {})
    try:
        settings = SelectionSettings.model_validate_json(footer.get(SETTINGS.encode(), b""))
    except ValidationError:
        return str(row["reason"]).replace("_", " ")
    return sentence_of(row, settings)


def _facts(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[tuple[str, str]]:
    if not rows["videos"]:
        return []
    video = rows["videos"][0]
    rate = video["average_frame_rate_num"] / max(1, video["average_frame_rate_den"])
    return [
        ("length", f"{video['duration_seconds']:.1f} s, {video['num_frames_from_content']:,} frames"),
        ("picture", f"{video['width']} x {video['height']}, {video['codec']}" + (f", {rate:.3g} fps" if rate else "")),
        ("shots", str(len(rows["shots"]))),
        ("candidates", str(len(rows["candidate_frames"]))),
        ("selected", str(len(rows["selections"]))),
    ]


def _writing(texts: Sequence[Mapping[str, Any]], seconds: Mapping[int, float]) -> list[tuple[float, str]]:
    """The lines of each frame; a frame that says what the one before says is left out."""
    lines: dict[int, list[str]] = {}
    for row in texts:
        lines.setdefault(row["frame_index"], []).append(row["text"])
    found: list[tuple[float, str]] = []
    for frame_index, own in sorted(lines.items()):
        text = _flat(" / ".join(own))
        if not found or found[-1][1] != text:
            found.append((seconds.get(frame_index, 0.0), text))
    return found[:_MOST_CUES]


def _flat(text: str) -> str:
    return one_line(" ".join(text.split()))
