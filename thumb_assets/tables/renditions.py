"""The table of further files of the stills."""

import pyarrow as pa

from thumb_assets.tables.declaration import FRAME_INDEX, LUMA_HASH, PTS, RANK, VIDEO_ID, Column, TableContract

_text, _int = pa.string(), pa.int64()

RENDITIONS = TableContract(
    "renditions",
    "One row per further file of a still, of another size or format.",
    (
        VIDEO_ID,
        FRAME_INDEX.of("stills.frame_index"),
        RANK.of("stills.rank"),
        PTS.of("stills.pts"),
        Column("width", _int, "Width of the picture, at most that of the still.", "px").of("stills.width"),
        Column("height", _int, "Height.", "px").of("stills.height"),
        Column("format", _text, "Format of the file.", choices=("jpeg", "png", "webp", "avif")),
        Column("file_name", _text, "Name within `renditions/{video_id}/`.").of("stills.file_name"),
        Column("num_bytes", _int, "Size of the file.", "B"),
        Column("file_sha256", _text, "SHA-256 of the file.", "hex"),
        LUMA_HASH.of("stills.luma_hash"),
    ),
    key=("video_id", "frame_index", "width", "format"),
)
