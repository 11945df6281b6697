"""The tables of what was chosen, made of it, and what became of each stage; the name of a video's cover."""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from thumb_assets.settings.selection import ComponentWeights
from thumb_assets.tables.declaration import (
    ERROR,
    FRAME_INDEX,
    LUMA_HASH,
    PTS,
    PTS_SECONDS,
    RANK,
    SHOT_INDEX,
    VIDEO_ID,
    Column,
    TableContract,
)

_text, _int, _float, _bool = pa.string(), pa.int64(), pa.float64(), pa.bool_()


def _zeros(table: pa.Table) -> pa.ChunkedArray:
    return pa.chunked_array([pa.repeat(pa.scalar(0, _int), table.num_rows)])


JUDGEMENTS = TableContract(
    "judgements",
    "One row per candidate that a vision-language model was to look at.",
    (
        VIDEO_ID,
        FRAME_INDEX.of("candidate_frames.frame_index"),
        Column("judge_score", _float, "How good a thumbnail the model finds it, 0..10.", "", True),
        Column("reason", _text, "Why, in the model's words, one line.", "", True),
        Column("model", _text, "By what name the server knows the model."),
        ERROR,
    ),
    key=("video_id", "frame_index"),
    footer_doc="model, prompt_sha256",
)

# One column per weight: the parts of a combined score.
_SINCE = {**dict.fromkeys(("state", "subject", "words", "sound"), 3), "aesthetic": 4}
_COMPONENTS = tuple(
    Column(f"{name}_percentile", _float, str(weight.description), "", True, since=_SINCE.get(name, 1))
    for name, weight in ComponentWeights.model_fields.items()
)
_FACE_BONUS = Column("face_bonus", _float, "What a clear face added; null where faces were not looked for.", "", True)

SELECTIONS = TableContract(
    "selections",
    "One row per selection of a video.",
    (
        VIDEO_ID,
        FRAME_INDEX,
        RANK,
        Column("combined_score", _float, "Weighted mean of the components there are, plus face_bonus; 0..1+bonus."),
        *_COMPONENTS,
        _FACE_BONUS,
        PTS,
        PTS_SECONDS,
        SHOT_INDEX,
        Column("cluster_index", _int, "Strategy keyframes: the segment of like content it stands for.", "", True),
        Column("traits", _text, "Strategy variants: its named traits, see docs/selection.md.", "", True, since=5),
        Column("reason", _text, "Why it was chosen, in words."),
    ),
    key=("video_id", "frame_index"),
    schema_version=5,
    footer_doc="components: the scorers that were there, by name; settings: those of `selection`, as JSON; "
    "nothing_kept: where there is no row, why",
)

REJECTIONS = TableContract(
    "rejections",
    "One row per candidate frame that was not chosen.",
    (
        VIDEO_ID,
        FRAME_INDEX,
        Column("stage", _text, "Where it was dropped.", choices=("reject", "diversify", "rank")),
        Column("reason", _text, "Why: the name of the rule, see docs/selection.md."),
        Column("value", _float, "What was measured on it, in the reason's unit.", "", True),
        Column("threshold", _float, "What it was held against.", "", True),
        Column("setting", _text, "The setting that the threshold comes from; null where people decided.", "", True),
    ),
    key=("video_id", "frame_index"),
    schema_version=3,
    footer_doc="as of `selections`; doubtful: frame_index of candidates that a rule spared, being beyond its share",
    stage="selections",
)

DECISIONS = TableContract(
    "decisions",
    "One row per frame that people decided on: what the records in `decisions/` say of the video's content.",
    (
        VIDEO_ID,
        FRAME_INDEX,
        Column("decision", _text, "Always chosen, never, or chosen as rank 1.", choices=("pin", "ban", "cover")),
    ),
    key=("video_id", "frame_index"),
    stage=None,
)

RECURRENCES = TableContract(
    "recurrences",
    "One row per candidate frame that other videos of the library show alike; `thumb-assets survey` writes it.",
    (
        VIDEO_ID,
        FRAME_INDEX,
        Column("num_videos", _int, "Other videos that show it."),
        Column("example_video_id", _text, "One of them: that of the greatest likeness."),
        Column("example_frame_index", _int, "Its frame."),
        Column("cosine_similarity", _float, "Likeness of the two embeddings, -1..1."),
        Column("hash_distance", _int, "Bits in which the two difference hashes differ.", "bit"),
    ),
    key=("video_id", "frame_index"),
    stage=None,
)

CHAPTERS = TableContract(
    "chapters",
    "One row per chapter; the chapters of a video tile [0, num_frames), and each begins with a shot.",
    (
        VIDEO_ID,
        Column("chapter_index", _int, "0-based position of the chapter in the video."),
        Column("start_frame_index", _int, "First frame of the chapter.").of("shots.start_frame_index"),
        Column("exclusive_end_frame_index", _int, "First frame after the chapter.").of(
            "shots.exclusive_end_frame_index"
        ),
        Column("start_pts_seconds", _float, "pts_seconds of the first frame; never less than before.", "s").of(
            "frames.pts_seconds"
        ),
        Column("end_seconds", _float, "Where the next chapter begins; of the last, where the video ends.", "s"),
        Column("frame_index", _int, "The candidate that stands for it; null where it has none.", "", True).of(
            "candidate_frames.frame_index"
        ),
        Column(
            "title",
            _text,
            "The label it is most like, else a title written in it, else a subtitle; null where none stands out.",
            "",
            is_nullable=True,
        ).of("clip_scores.embedding", "texts.text", "texts.height", "subtitles.text"),
        Column("title_similarity", _float, "Cosine of its mean embedding to that label, -1..1.", "", True).of(
            "clip_scores.embedding"
        ),
        Column("num_candidates", _int, "Candidates in it."),
    ),
    key=("video_id", "chapter_index"),
    footer_doc="files: sizes of the files in `chapters/{video_id}/` that say the same, by name, as JSON",
)

STILLS = TableContract(
    "stills",
    "One row per file.",
    (
        VIDEO_ID,
        FRAME_INDEX.of("selections.frame_index"),
        RANK.of("selections.rank"),
        PTS.of("selections.pts"),
        Column("file_name", _text, "Name within `stills/{video_id}/`.").of(
            "selections.frame_index", "selections.pts_seconds"
        ),
        Column(
            "x",
            _int,
            "Left edge of the picture in the displayed frame: more than 0 where a black bar was cut off.",
            "px",
            since=2,
            before=_zeros,
            sources=("videos.bar_left",),
        ),
        Column("y", _int, "Top edge.", "px", since=2, before=_zeros, sources=("videos.bar_top",)),
        Column("width", _int, "Width of the picture: upright, square pixels.", "px").of(
            "videos.bar_left", "videos.bar_right"
        ),
        Column("height", _int, "Height of the picture.", "px").of("videos.bar_top", "videos.bar_bottom"),
        Column("num_bytes", _int, "Size of the file.", "B"),
        Column("file_sha256", _text, "SHA-256 of the file.", "hex"),
        LUMA_HASH.of("frames.luma_hash"),
        Column(
            "mapping_verified", _bool, "The frame has the stamp and hashes of the scored one, and the file shows it."
        ),
        Column(
            "export_method",
            _text,
            "How the frame was found; `seek`: by its stamp and hashes, in the file or among what the pass kept.",
            choices=("seek", "sequential", "ffmpeg"),
        ),
    ),
    key=("video_id", "frame_index"),
    schema_version=2,
)

CROPS = TableContract(
    "crops",
    "One row per file cut from a still.",
    (
        VIDEO_ID,
        FRAME_INDEX.of("stills.frame_index"),
        Column("aspect_ratio", _text, "Width to height as asked for, `W:H`."),
        RANK.of("stills.rank"),
        PTS,
        Column("x", _int, "Left edge of the cut in the still.", "px").of("faces.x", "faces.width"),
        Column("y", _int, "Top edge.", "px").of("faces.y", "faces.height"),
        Column("width", _int, "Width of the cut and of the picture.", "px"),
        Column("height", _int, "Height of the cut and of the picture.", "px"),
        Column("rule", _text, "What decided where to cut.", choices=("faces", "saliency", "centre")),
        Column("num_faces", _int, "Faces the cut shows, whole or in part."),
        Column("num_faces_cut", _int, "Faces it shows in part."),
        Column("file_name", _text, "Name within `crops/{video_id}/`."),
        Column("num_bytes", _int, "Size of the file.", "B"),
        Column("file_sha256", _text, "SHA-256 of the file.", "hex"),
        LUMA_HASH,
        Column(
            "mapping_verified",
            _bool,
            "The frame has the stamp and hashes of the scored one, and the file shows its part.",
        ),
        Column("export_method", _text, "How the frame was fetched.", choices=("seek", "sequential", "ffmpeg")),
    ),
    key=("video_id", "frame_index", "aspect_ratio"),
)

PUBLISHED = TableContract(
    "published",
    "One row per still that another system was told of.",
    (
        VIDEO_ID,
        FRAME_INDEX.of("stills.frame_index"),
        RANK.of("stills.rank"),
        Column("target", _text, "Where it was written.", choices=("sql", "http")),
        Column("key", _text, "By what the other system knows the video."),
        Column("file_name", _text, "Name within `stills/{video_id}/`.").of("stills.file_name"),
        Column("file_sha256", _text, "SHA-256 of the file that was told of.", "hex").of("stills.file_sha256"),
    ),
    key=("video_id", "frame_index"),
)


def _blocked_by(outcomes: pa.Table) -> pa.ChunkedArray:
    """The stage that a message of schema version 1 names, which had no column for it."""
    found = pc.extract_regex(outcomes.column("message"), r"^not run, because (?P<stage>\S+) was \w+$")
    return pc.struct_field(found, "stage")


OUTCOMES = TableContract(
    "outcomes",
    "One row per video and stage that was tried last.",
    (
        VIDEO_ID,
        Column("stage", _text, "Name of the stage."),
        Column("status", _text, "What became of it.", choices=("done", "skipped", "failed")),
        Column("message", _text, "Why it was skipped or failed, one line.", "", True),
        Column("is_permanent", _bool, "Whether trying again cannot help; null unless failed.", "", True),
        Column("num_rows", _int, "Rows of the stage's table; null unless done.", "", True),
        Column("source_path", _text, "The file it was about."),
        Column(
            "blocked_by",
            _text,
            "The stage whose failure kept this one from being tried; null where it was tried.",
            is_nullable=True,
            since=2,
            before=_blocked_by,
        ),
    ),
    key=("video_id", "stage"),
    schema_version=2,
    stage=None,
)


def cover_of(stills: Iterable[Mapping[str, Any]]) -> tuple[str, Mapping[str, Any]] | None:
    """The name of a video's cover, and the row of the still that it is a copy of; None where there is no still.

    Args:
        stills: rows of the table `stills` of one video.

    >>> cover_of([{"rank": 2, "file_name": "a_f2.png"}, {"rank": 1, "file_name": "a_f1.png"}])[0]
    'cover.png'
    """
    best = min(stills, key=lambda row: int(row["rank"]), default=None)
    return None if best is None else (f"cover.{best['file_name'].rpartition('.')[2]}", best)
