"""The columns that several tables share."""

import pyarrow as pa

from thumb_assets.tables.declaration import Column

_text, _int, _float = pa.string(), pa.int64(), pa.float64()

VIDEO_ID = Column("video_id", _text, "Key of the video: slug of the file stem, `-`, 8 hex of the content hash.")
FRAME_INDEX = Column("frame_index", _int, "0-based position among the displayed frames, equal to FFmpeg's `n`.")
PTS = Column("pts", _int, "Presentation time stamp of the stream.", "time_base")
PTS_SECONDS = Column(
    "pts_seconds",
    _float,
    "Seconds on a timeline that never goes back: pts x time_base, but where stamps start again, wrap or jump.",
    "s",
)
SHOT_INDEX = Column("shot_index", _int, "0-based position of the shot in the video.")
RANK = Column("rank", _int, "1 is the best; dense.")
LUMA_HASH = Column(
    "luma_hash", _text, "XXH3-128 of the decoder's first plane, rows without padding, before any geometry.", "hex"
)
ERROR = Column("error", _text, "Why this row has no value; null where it has one.", is_nullable=True)
