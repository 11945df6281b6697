"""The table of the files that lie beside a video in its library."""

import pyarrow as pa

from thumb_assets.tables.declaration import FRAME_INDEX, VIDEO_ID, Column, TableContract

_text, _int = pa.string(), pa.int64()

ARTWORK = TableContract(
    "artwork",
    "One row per file that was written beside the video, where media servers look.",
    (
        VIDEO_ID,
        Column("path", _text, "Absolute path of the file."),
        Column(
            "kind",
            _text,
            "What it is for.",
            choices=("thumb", "poster", "fanart", "folder_poster", "folder_fanart", "trickplay"),
        ),
        Column(FRAME_INDEX.name, _int, "The frame that it shows; null where it shows several.", "", True).of(
            "stills.frame_index", "crops.frame_index"
        ),
        Column("num_bytes", _int, "Size of the file.", "B").of(
            "stills.num_bytes", "crops.num_bytes", "previews.num_bytes"
        ),
        Column("file_sha256", _text, "SHA-256 of the file: by it the next run knows that nobody changed it.", "hex").of(
            "stills.file_sha256", "crops.file_sha256", "previews.file_sha256"
        ),
    ),
    key=("video_id", "path"),
)
