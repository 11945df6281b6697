"""The tables of what is said and heard in a video: subtitles and sound."""

import pyarrow as pa

from thumb_assets.tables.declaration import VIDEO_ID, Column, TableContract

# BS.1770-4: the absolute gate. What is less loud is silence.
SILENCE_LUFS = -70.0

_text, _int, _float = pa.string(), pa.int64(), pa.float64()

SUBTITLES = TableContract(
    "subtitles",
    "One row per cue of the subtitles that is shown while there is a picture.",
    (
        VIDEO_ID,
        Column("cue_index", _int, "0-based, by start."),
        Column("start_seconds", _float, "When it appears, on the timeline of `frames.pts_seconds`.", "s"),
        Column("end_seconds", _float, "When it is gone.", "s"),
        Column("text", _text, "Its text without markup; a line feed parts lines."),
        Column("language", _text, "As the file or the sidecar's name says.", "", True),
        Column("source", _text, "`embedded:` and the number of the stream, or the name of the sidecar."),
    ),
    key=("video_id", "cue_index"),
)

AUDIO = TableContract(
    "audio",
    "One row per half second of a video with sound, from its first frame on.",
    (
        VIDEO_ID,
        Column("start_seconds", _float, "When it begins, on the timeline of `frames.pts_seconds`.", "s"),
        Column("end_seconds", _float, "When it ends.", "s"),
        Column(
            "loudness_lufs",
            _float,
            "Greatest momentary loudness (EBU R128, 400 ms) around it, -70 and less is silence; null without sound.",
            "LUFS",
            True,
        ),
        Column("peak_dbfs", _float, "Greatest sample of all channels; 0 is full scale.", "dB", True),
        Column("onset_db", _float, "Greatest rise of the level within 0.1 s above that of 0.3 s before.", "dB", True),
        Column("speech_probability", _float, "Greatest probability of speech; null without a model.", "", True),
    ),
    key=("video_id", "start_seconds"),
    footer_doc="stream_index: the track that was measured",
)
