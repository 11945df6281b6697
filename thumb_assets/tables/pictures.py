"""The tables of what the pictures of candidates show, by networks: subjects, safety, aesthetics, writing."""

import pyarrow as pa

from thumb_assets.tables.declaration import ERROR, FRAME_INDEX, VIDEO_ID, Column, TableContract

_text, _int, _float = pa.string(), pa.int64(), pa.float64()

SUBJECTS = TableContract(
    "subjects",
    "One row per candidate frame.",
    (
        VIDEO_ID,
        FRAME_INDEX.of("candidate_frames.frame_index"),
        Column("subject_share", _float, "Mean of the subject's mask over the picture, 0..1.", "", True),
        Column(
            "subject_cut_share", _float, "Part of the subject's width that the upper edge cuts off, 0..1.", "", True
        ),
        ERROR,
    ),
    key=("video_id", "frame_index"),
    footer_doc="model_sha256",
)

SAFETY = TableContract(
    "safety",
    "One row per candidate frame.",
    (
        VIDEO_ID,
        FRAME_INDEX.of("candidate_frames.frame_index"),
        Column("unsafe_probability", _float, "That it shows nudity or sexual content (open_nsfw), 0..1.", "", True),
        ERROR,
    ),
    key=("video_id", "frame_index"),
    footer_doc="model_sha256",
)

AESTHETICS = TableContract(
    "aesthetics",
    "One row per candidate frame.",
    (
        VIDEO_ID,
        FRAME_INDEX.of("candidate_frames.frame_index"),
        Column(
            "aesthetic_score",
            _float,
            "How pleasing people would find it, about 1..10; null without an embedding.",
            "",
            True,
            sources=("clip_scores.embedding",),
        ),
        ERROR,
    ),
    key=("video_id", "frame_index"),
    footer_doc="model_sha256",
)

TEXTS = TableContract(
    "texts",
    "One row per line of writing in those candidate frames that show most of it.",
    (
        VIDEO_ID,
        FRAME_INDEX.of("candidate_frames.frame_index"),
        Column("text_index", _int, "0-based, from top to bottom."),
        Column("x", _float, "Left edge in the displayed (upright, square-pixel) frame.", "px"),
        Column("y", _float, "Top edge.", "px"),
        Column("width", _float, "Width of the upright box.", "px"),
        Column("height", _float, "Height of the upright box.", "px"),
        Column("text", _text, "What is written."),
        Column("confidence", _float, "Mean of the reader's own for each letter, 0..1."),
    ),
    key=("video_id", "frame_index", "text_index"),
    footer_doc="model_sha256",
)
