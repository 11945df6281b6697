"""The tables themselves. `docs/tables.md` is generated from this file."""

import pyarrow as pa

from thumb_assets.tables.declaration import Column, Embedding, TableContract

_text, _int, _float, _bool = pa.string(), pa.int64(), pa.float64(), pa.bool_()

VIDEO_ID = Column("video_id", _text, "Key of the video: slug of the file stem, `-`, 8 hex of the content hash.")
FRAME_INDEX = Column("frame_index", _int, "0-based position among the displayed frames, equal to FFmpeg's `n`.")
PTS = Column("pts", _int, "Presentation time stamp of the stream.", "time_base")
PTS_SECONDS = Column("pts_seconds", _float, "pts x time_base, derived; never stored back into a seek.", "s")
SHOT_INDEX = Column("shot_index", _int, "0-based position of the shot in the video.")
RANK = Column("rank", _int, "1 is the best; dense.")
LUMA_HASH = Column(
    "luma_hash", _text, "XXH3-128 of the decoder's first plane, rows without padding, before any geometry.", "hex"
)
ERROR = Column("error", _text, "Why this row has no value; null where it has one.", is_nullable=True)


VIDEOS = TableContract(
    "videos",
    "One row per video.",
    (
        VIDEO_ID,
        Column("source_path", _text, "Absolute path of the file when it was read."),
        Column("video_sha256", _text, "SHA-256 of the whole file.", "hex"),
        Column("container", _text, "FFmpeg's name of the container format."),
        Column("codec", _text, "FFmpeg's name of the codec (not of the decoder)."),
        Column("stream_index", _int, "Which stream of the file is used: the largest pictures, never cover art."),
        Column("width", _int, "Width as decoded, before aspect ratio and rotation.", "px"),
        Column("height", _int, "Height as decoded.", "px"),
        Column("sample_aspect_ratio_num", _int, "Width of a pixel over its height, numerator; 1 where unknown."),
        Column("sample_aspect_ratio_den", _int, "The denominator."),
        Column("rotation_degrees", _int, "Counter-clockwise turn that makes the frame upright.", "deg"),
        Column("is_mirrored", _bool, "Whether left and right are exchanged before that turn."),
        Column("pix_fmt", _text, "FFmpeg's pixel format of the first frame."),
        Column("bit_depth", _int, "Bits per component.", "bit"),
        Column("color_space", _text, "Matrix as tagged, `unspecified` where it is not."),
        Column("color_transfer", _text, "Transfer as tagged; `smpte2084` (PQ) and `arib-std-b67` (HLG) are HDR."),
        Column("color_primaries", _text, "Primaries as tagged, `unspecified` where they are not."),
        Column("color_range", _text, "Range as tagged.", choices=("unspecified", "limited", "full")),
        Column("is_interlaced", _bool, "Whether any decoded frame says it is interlaced."),
        Column("time_base_num", _int, "Numerator of the unit of pts, in seconds."),
        Column("time_base_den", _int, "The denominator."),
        Column("average_frame_rate_num", _int, "Frames per second as the header averages them; 0 where unknown."),
        Column("average_frame_rate_den", _int, "The denominator; 1 where unknown."),
        Column("is_vfr", _bool, "Whether the steps between pts differ by more than one tick and 1 % of the median."),
        Column("num_frames_from_header", _int, "Frames as the header claims; headers lie.", is_nullable=True),
        Column("num_frames_from_content", _int, "Frames that were decoded and displayed."),
        Column("num_decode_errors", _int, "Packets the decoder refused."),
        Column("begin_pts", _int, "Least pts of the displayed frames.", "time_base"),
        Column("duration_seconds", _float, "From the first frame to the end of the last (its step: the median).", "s"),
    ),
    key=("video_id",),
    schema_version=2,
)

FRAMES = TableContract(
    "frames",
    "One row per displayed frame.",
    (
        VIDEO_ID,
        FRAME_INDEX,
        PTS,
        PTS_SECONDS,
        Column("is_keyframe", _bool, "Whether the codec marks it as a sync frame."),
        Column(
            "field_order",
            _text,
            "Which of an interlaced frame's two fields is shown first.",
            choices=("progressive", "top_first", "bottom_first"),
        ),
        Column(
            LUMA_HASH.name,
            _text,
            f"{LUMA_HASH.doc} Null, like what follows, where the sparse pass did not decode the frame.",
            "hex",
            True,
        ),
        Column(
            "chroma_hash",
            _text,
            "XXH3-64 of the decoder's other planes; null where there is none, or luma_hash is null.",
            "hex",
            True,
        ),
        Column("luma_mean", _float, "Mean luma at the working size, full range 0..255.", "level", True),
        Column("luma_std", _float, "Standard deviation of that luma.", "level", True),
        Column(
            "laplacian_variance",
            _float,
            "Variance of the Laplacian, as in `sharpness`.",
            "level^2",
            True,
        ),
        Column(
            "frame_difference",
            _float,
            "Mean absolute luma difference to the frame before, 64x36; null for the first, and in a sparse pass.",
            "level",
            True,
        ),
    ),
    key=("video_id", "frame_index"),
    schema_version=3,
    footer_doc="decoding: `every_frame` or `sparse`; fallback_reason: why it is not the `sparse` that was asked for",
)

SHOTS = TableContract(
    "shots",
    "One row per shot; the shots of a video tile [0, num_frames).",
    (
        VIDEO_ID,
        SHOT_INDEX,
        Column("start_frame_index", _int, "First frame of the shot."),
        Column("exclusive_end_frame_index", _int, "First frame after the shot."),
        Column("start_pts", _int, "pts of the first frame.", "time_base"),
        Column(
            "detector",
            _text,
            "Which detector found it; `keyframes`: the sparse pass, from sync frames and packet sizes.",
        ),
        Column(
            "transition",
            _text,
            "What the shot begins with; the first shot's is `cut`.",
            choices=("cut", "dissolve", "fade"),
        ),
        Column(
            "detector_score", _float, "The detector's measure at the start, in its own unit; null where none.", "", True
        ),
    ),
    key=("video_id", "shot_index"),
)

SAMPLING_METHODS = ("shot", "uniform", "keyframe", "every")

CANDIDATE_FRAMES = TableContract(
    "candidate_frames",
    "One row per candidate frame.",
    (
        VIDEO_ID,
        FRAME_INDEX,
        PTS,
        PTS_SECONDS,
        SHOT_INDEX,
        Column(
            "sampling_methods", pa.list_(_text), "Every method that asked for this frame.", choices=SAMPLING_METHODS
        ),
    ),
    key=("video_id", "frame_index"),
)

SHARPNESS = TableContract(
    "sharpness",
    "One row per candidate frame.",
    (
        VIDEO_ID,
        FRAME_INDEX,
        Column("laplacian_variance", _float, "Variance of the 3x3 Laplacian of the luma.", "level^2", True),
        Column("tenengrad", _float, "Mean squared Sobel gradient (3x3) of the luma.", "level^2", True),
        Column("luma_mean", _float, "Mean luma, full range 0..255.", "level", True),
        Column("luma_std", _float, "Standard deviation of the luma.", "level", True),
        Column("eval_height", _int, "Lines of the shorter side measured: 540, less for smaller videos.", "px"),
        Column(
            "percentile_in_video",
            _float,
            "Share of the video's frames whose Laplacian variance is not above this one's, 0..1.",
            "",
            True,
        ),
        ERROR,
    ),
    key=("video_id", "frame_index"),
)

FACES = TableContract(
    "faces",
    "One row per face in a candidate frame.",
    (
        VIDEO_ID,
        FRAME_INDEX,
        Column("face_index", _int, "0-based, by falling confidence."),
        Column("x", _float, "Left edge in the displayed (upright, square-pixel) frame.", "px"),
        Column("y", _float, "Top edge.", "px"),
        Column("width", _float, "Width of the box, cut at the frame.", "px"),
        Column("height", _float, "Height of the box, cut at the frame.", "px"),
        Column("confidence", _float, "The detector's own, 0..1."),
        Column(
            "laplacian_variance",
            _float,
            "Variance of the Laplacian inside the box, at the detector's working size.",
            "level^2",
            True,
        ),
        Column("detector", _text, "Which detector found it."),
    ),
    key=("video_id", "frame_index", "face_index"),
    footer_doc="model_sha256",
)

CLIP_SCORES = TableContract(
    "clip_scores",
    "One row per candidate frame.",
    (
        VIDEO_ID,
        FRAME_INDEX,
        Column("positive_similarity", _float, "Greatest cosine to a positive prompt, -1..1.", "", True),
        Column("negative_similarity", _float, "Mean cosine to the negative prompts, -1..1.", "", True),
        Column("clip_score", _float, "positive_similarity - negative_similarity, unscaled.", "", True),
        Column("embedding", Embedding(), "Image embedding of L2 norm 1.", "", True),
        ERROR,
    ),
    key=("video_id", "frame_index"),
    footer_doc="model_name, pretrained, prompts_sha256, precision",
)

IQA_SCORES = TableContract(
    "iqa_scores",
    "One row per scored frame and metric.",
    (
        VIDEO_ID,
        FRAME_INDEX,
        Column("metric", _text, "pyiqa's name of the metric."),
        Column("iqa_score", _float, "Prediction in the metric's own unit; `lower_better` is in the footer.", "", True),
        ERROR,
    ),
    key=("video_id", "frame_index", "metric"),
    footer_doc="lower_better, range and precision (JSON by metric), pyiqa version, device, working_height, "
    "batch_1_metrics (JSON list: scored one picture at a time)",
)

SELECTIONS = TableContract(
    "selections",
    "One row per selection of a video.",
    (
        VIDEO_ID,
        FRAME_INDEX,
        RANK,
        Column("combined_score", _float, "Weighted mean of the components there are, plus face_bonus; 0..1+bonus."),
        Column("sharpness_percentile", _float, "Percentile of the Laplacian variance among the candidates.", "", True),
        Column("clip_percentile", _float, "Percentile of clip_score among the candidates.", "", True),
        Column("iqa_percentile", _float, "Mean percentile of the metrics, direction honoured.", "", True),
        Column("face_bonus", _float, "What a clear face added; null where faces were not looked for.", "", True),
        PTS,
        PTS_SECONDS,
        SHOT_INDEX,
        Column("cluster_index", _int, "Which group of similar candidates it stands for.", "", True),
        Column("reason", _text, "Why it was chosen, in words."),
    ),
    key=("video_id", "frame_index"),
    footer_doc="components: the scorers that were there, by name",
)

REJECTION_REASONS = (
    "too_dark",
    "too_bright",
    "too_flat",
    "too_close_to_selection",
    "shot_already_selected",
    "lower_score",
)

REJECTIONS = TableContract(
    "rejections",
    "One row per candidate frame that was not chosen.",
    (
        VIDEO_ID,
        FRAME_INDEX,
        Column("stage", _text, "Where it was dropped.", choices=("reject", "diversify", "rank")),
        Column("reason", _text, "Why.", choices=REJECTION_REASONS),
        Column("value", _float, "What was measured on it, in the reason's unit.", "", True),
        Column("threshold", _float, "What it had to reach.", "", True),
    ),
    key=("video_id", "frame_index"),
)

STILLS = TableContract(
    "stills",
    "One row per file.",
    (
        VIDEO_ID,
        FRAME_INDEX,
        RANK,
        PTS,
        Column("file_name", _text, "Name within `stills/{video_id}/`."),
        Column("width", _int, "Width of the picture: upright, square pixels.", "px"),
        Column("height", _int, "Height of the picture.", "px"),
        Column("num_bytes", _int, "Size of the file.", "B"),
        Column("file_sha256", _text, "SHA-256 of the file.", "hex"),
        LUMA_HASH,
        Column("mapping_verified", _bool, "The frame was decoded again, its hash and the picture compared."),
        Column("export_method", _text, "How the frame was fetched.", choices=("seek", "sequential", "ffmpeg")),
    ),
    key=("video_id", "frame_index"),
)

CROPS = TableContract(
    "crops",
    "One row per file cut from a still.",
    (
        VIDEO_ID,
        FRAME_INDEX,
        Column("aspect_ratio", _text, "Width to height as asked for, `W:H`."),
        RANK,
        PTS,
        Column("x", _int, "Left edge of the cut in the still.", "px"),
        Column("y", _int, "Top edge.", "px"),
        Column("width", _int, "Width of the cut and of the picture.", "px"),
        Column("height", _int, "Height of the cut and of the picture.", "px"),
        Column("rule", _text, "What decided where to cut.", choices=("faces", "saliency", "centre")),
        Column("num_faces", _int, "Faces the cut shows, whole or in part."),
        Column("num_faces_cut", _int, "Faces it shows in part."),
        Column("file_name", _text, "Name within `crops/{video_id}/`."),
        Column("num_bytes", _int, "Size of the file.", "B"),
        Column("file_sha256", _text, "SHA-256 of the file.", "hex"),
        LUMA_HASH,
        Column("mapping_verified", _bool, "The frame was decoded again, its hash and the cut picture compared."),
        Column("export_method", _text, "How the frame was fetched.", choices=("seek", "sequential", "ffmpeg")),
    ),
    key=("video_id", "frame_index", "aspect_ratio"),
)

PUBLISHED = TableContract(
    "published",
    "One row per still that another system was told of.",
    (
        VIDEO_ID,
        FRAME_INDEX,
        RANK,
        Column("target", _text, "Where it was written.", choices=("sql", "http")),
        Column("key", _text, "By what the other system knows the video."),
        Column("file_name", _text, "Name within `stills/{video_id}/`."),
        Column("file_sha256", _text, "SHA-256 of the file that was told of.", "hex"),
    ),
    key=("video_id", "frame_index"),
)

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
    ),
    key=("video_id", "stage"),
)

TABLES: dict[str, TableContract] = {
    table.name: table
    for table in (
        VIDEOS,
        FRAMES,
        SHOTS,
        CANDIDATE_FRAMES,
        SHARPNESS,
        FACES,
        CLIP_SCORES,
        IQA_SCORES,
        SELECTIONS,
        REJECTIONS,
        STILLS,
        CROPS,
        PUBLISHED,
        OUTCOMES,
    )
}

# The stages in the order of the flow, and the tables each one writes. `catalog` writes the SQLite index, no table.
STAGE_TABLES: dict[str, tuple[str, ...]] = {
    "videos": ("videos",),
    "frames": ("frames",),
    "shots": ("shots",),
    "candidate_frames": ("candidate_frames",),
    "sharpness": ("sharpness",),
    "faces": ("faces",),
    "clip_scores": ("clip_scores",),
    "iqa_scores": ("iqa_scores",),
    "selections": ("selections", "rejections"),
    "stills": ("stills",),
    "crops": ("crops",),
    "published": ("published",),
    "catalog": (),
}
STAGES: tuple[str, ...] = tuple(STAGE_TABLES)
