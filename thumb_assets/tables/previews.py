"""The table of what players and sites show of a video: tiles of seek bars, animations, contact sheets."""

import pyarrow as pa

from thumb_assets.tables.declaration import FRAME_INDEX, PTS_SECONDS, VIDEO_ID, Column, TableContract

_text, _int, _float = pa.string(), pa.int64(), pa.float64()

# By kind in the table: the kind in the settings that asks for it.
KINDS = {
    "sprite": "sprites",
    "webvtt": "sprites",
    "trickplay": "trickplay",
    "bif": "bif",
    "animation_webp": "animation",
    "animation_mp4": "animation",
    "contact_sheet": "contact_sheet",
}

PREVIEWS = TableContract(
    "previews",
    "One row per tile of a file, and one per file without tiles.",
    (
        VIDEO_ID,
        Column("kind", _text, "What the file is.", choices=tuple(KINDS)),
        Column("width", _int, "Width of a tile.", "px"),
        Column("tile_index", _int, "0-based position of the tile among those of its kind and width."),
        Column("interval_seconds", _float, "Time from tile to tile; null in a contact sheet.", "s", True),
        Column(
            "start_seconds",
            _float,
            "From when on the tile is shown, from the first frame on; in an animation, from its own start on.",
            "s",
        ),
        Column("end_seconds", _float, "Until when.", "s"),
        Column(FRAME_INDEX.name, _int, "The frame that the tile shows; null in a file without tiles.", "", True).of(
            "frames.frame_index", "shots.start_frame_index", "shots.exclusive_end_frame_index"
        ),
        Column(PTS_SECONDS.name, _float, "pts_seconds of that frame.", "s", True).of("frames.pts_seconds"),
        Column("file_name", _text, "Name within `previews/{video_id}/`, with its folder where it has one."),
        Column("x", _int, "Left edge of the tile in the file's picture.", "px"),
        Column("y", _int, "Top edge.", "px"),
        Column("height", _int, "Height of a tile.", "px"),
        Column("num_bytes", _int, "Size of the file.", "B"),
        Column("file_sha256", _text, "SHA-256 of the file.", "hex"),
    ),
    key=("video_id", "kind", "width", "tile_index"),
)
