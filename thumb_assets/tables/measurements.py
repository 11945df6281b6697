"""The tables of what was found in a file and measured on its frames."""

import pyarrow as pa

from thumb_assets.tables.declaration import (
    ERROR,
    FRAME_INDEX,
    LUMA_HASH,
    PTS,
    PTS_SECONDS,
    SHOT_INDEX,
    VIDEO_ID,
    Column,
    Embedding,
    TableContract,
)

_text, _int, _float, _bool = pa.string(), pa.int64(), pa.float64(), pa.bool_()


VIDEOS = TableContract(
    "videos",
    "One row per video.",
    (
        VIDEO_ID,
        Column("source_path", _text, "Absolute path of the file when it was read."),
        Column("video_sha256", _text, "SHA-256 of the whole file.", "hex"),
        Column("container", _text, "FFmpeg's name of the container format."),
        Column("codec", _text, "FFmpeg's name of the codec (not of the decoder)."),
        Column("stream_index", _int, "The stream that is read: the default one, then the largest, never cover art."),
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
        Column("duration_seconds", _float, "From the first frame to the end of the last.", "s"),
        Column(
            "num_time_jumps",
            _int,
            "Places where stamps start again, as in joined recordings, or jump far ahead; time goes on by a step.",
        ),
        *(
            Column(
                f"bar_{side}",
                _int,
                f"{lines} of the displayed frame that a steady black bar covers; 0 where there is none.",
                "px",
                since=4,
                before=lambda table: pa.chunked_array([pa.repeat(pa.scalar(0, _int), table.num_rows)]),
            )
            for side, lines in (
                ("left", "Columns at the left"),
                ("top", "Rows at the top"),
                ("right", "Columns at the right"),
                ("bottom", "Rows at the bottom"),
            )
        ),
    ),
    key=("video_id",),
    schema_version=4,
)

FRAMES = TableContract(
    "frames",
    "One row per displayed frame.",
    (
        VIDEO_ID,
        FRAME_INDEX,
        PTS,
        PTS_SECONDS,
        Column(
            "duration_seconds",
            _float,
            "How long it is on screen: until the next frame is; the last one as the file or its rate says.",
            "s",
        ),
        Column("is_keyframe", _bool, "Whether the codec marks it as a sync frame."),
        Column(
            "field_order",
            _text,
            "Which of an interlaced frame's two fields is shown first.",
            choices=("progressive", "top_first", "bottom_first"),
        ),
        Column(
            "is_corrupt",
            _bool,
            "Whether the decoder says that data of the picture was missing or wrong; null where it was not decoded.",
            is_nullable=True,
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
        Column(
            "largest_colour_share",
            _float,
            "Share of the picture in the commonest of 512 colours; null but once a second, and in a sparse pass.",
            "",
            True,
            since=6,
        ),
    ),
    key=("video_id", "frame_index"),
    schema_version=6,
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

SAMPLING_METHODS = ("shot", "shot_end", "uniform", "keyframe", "every", "pinned", "state", "cue")
_OF_STATES = ("frames.frame_difference", "frames.pts_seconds", "frames.largest_colour_share")

CANDIDATE_FRAMES = TableContract(
    "candidate_frames",
    "One row per candidate frame.",
    (
        VIDEO_ID,
        FRAME_INDEX.of("frames.frame_index", "shots.start_frame_index", "shots.exclusive_end_frame_index"),
        PTS.of("frames.pts"),
        PTS_SECONDS.of("frames.pts_seconds"),
        SHOT_INDEX.of("shots.shot_index"),
        Column(
            "sampling_methods", pa.list_(_text), "Every method that asked for this frame.", choices=SAMPLING_METHODS
        ),
        Column(
            "state_start_frame_index",
            _int,
            "First frame of the state of the screen that this one shows; null where it shows none.",
            is_nullable=True,
            since=2,
            sources=_OF_STATES,
        ),
        Column(
            "state_exclusive_end_frame_index",
            _int,
            "First frame after that state.",
            is_nullable=True,
            since=2,
            sources=_OF_STATES,
        ),
    ),
    key=("video_id", "frame_index"),
    schema_version=2,
    footer_doc="settings: those of `candidates`, as JSON",
)

SHARPNESS = TableContract(
    "sharpness",
    "One row per candidate frame.",
    (
        VIDEO_ID,
        FRAME_INDEX.of("candidate_frames.frame_index"),
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

APPEARANCE = TableContract(
    "appearance",
    "One row per candidate frame.",
    (
        VIDEO_ID,
        FRAME_INDEX.of("candidate_frames.frame_index"),
        Column("luma_entropy", _float, "Shannon entropy of the luma's histogram, 0..8.", "bit", True),
        Column("dark_share", _float, "Share of pixels whose luma is at most 24, 0..1.", "", True),
        Column("bright_share", _float, "Share of pixels whose luma is at least 240, 0..1.", "", True),
        Column("acutance", _float, "Share of its step that a sharp edge takes in one pixel, 0..0.5.", "", True),
        Column(
            "text_share",
            _float,
            "Share of the picture that looks like lines of writing, but what stands there in most of the video.",
            "",
            True,
        ),
        Column("bar_share", _float, "Share of the picture that black bars cover, 0..1.", "", True),
        Column("difference_hash", _text, "64-bit difference hash of the luma.", "hex", True),
        Column("descriptor", Embedding(), "Gradient directions and colours by cell, of L2 norm 1.", "", True),
        Column(
            "edges",
            _text,
            "Edges of the luma, 192x108, a bit each, row by row; null but for frames that show a state of the screen.",
            "hex",
            True,
            since=2,
        ),
        Column(
            "changed_share",
            _float,
            "Share of the picture that differs from the state of the screen before; null as edges, and for the first.",
            "",
            True,
            since=2,
        ),
        Column(
            "colour_bar_share",
            _float,
            "Share of the width that the seven colour bars of a test pattern cover, in their order; 0 where one lacks.",
            "",
            True,
            since=3,
        ),
        ERROR,
    ),
    key=("video_id", "frame_index"),
    schema_version=3,
)

FACES = TableContract(
    "faces",
    "One row per face in a candidate frame.",
    (
        VIDEO_ID,
        FRAME_INDEX.of("candidate_frames.frame_index"),
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
        Column("frontality", _float, "1: nose midway between the eyes; 0: an eye is hidden.", "", True),
        Column("detector", _text, "Which detector found it."),
        Column(
            "eye_openness", _float, "Height over width of the eyes: 0 closed, from about .2 on open.", "", True, since=3
        ),
        Column("mouth_openness", _float, "Gap between the lips over the mouth's width: 0 closed.", "", True, since=3),
        Column("gaze", _float, "1: the irises are in the middle of the eyes; 0: at a corner.", "", True, since=3),
    ),
    key=("video_id", "frame_index", "face_index"),
    schema_version=3,
    footer_doc="model_sha256, landmarks_sha256",
)

CLIP_SCORES = TableContract(
    "clip_scores",
    "One row per candidate frame.",
    (
        VIDEO_ID,
        FRAME_INDEX.of("candidate_frames.frame_index"),
        Column("positive_similarity", _float, "Greatest cosine to a positive prompt, -1..1.", "", True),
        Column("negative_similarity", _float, "Mean cosine to the negative prompts, -1..1.", "", True),
        Column("clip_score", _float, "positive_similarity - negative_similarity, unscaled.", "", True),
        Column("title_card_similarity", _float, "Greatest cosine to a title card prompt, -1..1.", "", True),
        Column("embedding", Embedding(), "Image embedding of L2 norm 1.", "", True),
        ERROR,
    ),
    key=("video_id", "frame_index"),
    schema_version=2,
    footer_doc="model_name, pretrained, prompts_sha256, precision",
)

IQA_SCORES = TableContract(
    "iqa_scores",
    "One row per scored frame and metric.",
    (
        VIDEO_ID,
        FRAME_INDEX.of("candidate_frames.frame_index"),
        Column("metric", _text, "Name of the metric; all but piqe are pyiqa's."),
        Column("iqa_score", _float, "Prediction in the metric's own unit; `lower_better` is in the footer.", "", True),
        ERROR,
    ),
    key=("video_id", "frame_index", "metric"),
    footer_doc="lower_better, range, precision and made_by (JSON by metric), device, working_height, "
    "batch_1_metrics (JSON list: scored one picture at a time)",
)
