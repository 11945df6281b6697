"""From which columns of other tables each column comes, from the candidates to the files on disk.

A column that is not named here comes from the video itself, or says how the row was made.
"""

_ON = "frame_index"
_CANDIDATE = ("candidate_frames", _ON)
# What the components of a combined score are made of.
_OF_SCORE = (
    ("sharpness", "laplacian_variance"),
    ("sharpness", "luma_std"),
    ("frames", "frame_difference"),
    ("clip_scores", "clip_score"),
    ("clip_scores", "embedding"),
    ("iqa_scores", "iqa_score"),
    ("faces", "confidence"),
    ("faces", "height"),
    ("faces", "frontality"),
)

# By table and column: (table, column) of each source.
LINEAGE: dict[str, dict[str, tuple[tuple[str, str], ...]]] = {
    "candidate_frames": {
        "frame_index": (("frames", _ON), ("shots", "start_frame_index"), ("shots", "exclusive_end_frame_index")),
        "pts": (("frames", "pts"),),
        "pts_seconds": (("frames", "pts_seconds"),),
        "shot_index": (("shots", "shot_index"),),
    },
    "sharpness": {"frame_index": (_CANDIDATE,)},
    "appearance": {"frame_index": (_CANDIDATE,)},
    "faces": {"frame_index": (_CANDIDATE,)},
    "clip_scores": {"frame_index": (_CANDIDATE,)},
    "iqa_scores": {"frame_index": (_CANDIDATE,)},
    "judgements": {"frame_index": (_CANDIDATE,)},
    "selections": {
        "frame_index": (_CANDIDATE,),
        "pts": (("candidate_frames", "pts"),),
        "pts_seconds": (("candidate_frames", "pts_seconds"),),
        "shot_index": (("candidate_frames", "shot_index"),),
        "sharpness_percentile": (("sharpness", "laplacian_variance"),),
        "clip_percentile": (("clip_scores", "clip_score"),),
        "iqa_percentile": (("iqa_scores", "iqa_score"),),
        "stillness_percentile": (("frames", "frame_difference"), ("shots", "start_frame_index")),
        "contrast_percentile": (("sharpness", "luma_std"),),
        "text_percentile": (("clip_scores", "embedding"),),
        "judge_percentile": (("judgements", "judge_score"),),
        "learned_percentile": (("clip_scores", "embedding"), ("appearance", "descriptor")),
        "face_bonus": (("faces", "confidence"), ("faces", "height"), ("faces", "frontality")),
        "combined_score": _OF_SCORE,
        "rank": (
            ("candidate_frames", "pts_seconds"),
            ("candidate_frames", "shot_index"),
            *_OF_SCORE,
            ("frames", "is_corrupt"),
            ("shots", "transition"),
            ("clip_scores", "title_card_similarity"),
            ("appearance", "luma_entropy"),
            ("appearance", "text_share"),
            ("appearance", "bar_share"),
            ("appearance", "difference_hash"),
            ("appearance", "descriptor"),
            ("recurrences", "num_videos"),
            ("decisions", "decision"),
        ),
        "cluster_index": (("clip_scores", "embedding"), ("appearance", "descriptor")),
    },
    "chapters": {
        "start_frame_index": (("shots", "start_frame_index"),),
        "exclusive_end_frame_index": (("shots", "exclusive_end_frame_index"),),
        "start_pts_seconds": (("frames", "pts_seconds"),),
        "frame_index": (_CANDIDATE,),
        "title": (("clip_scores", "embedding"),),
        "title_similarity": (("clip_scores", "embedding"),),
    },
    "stills": {
        "frame_index": (("selections", _ON),),
        "rank": (("selections", "rank"),),
        "pts": (("selections", "pts"),),
        "luma_hash": (("frames", "luma_hash"),),
        "file_name": (("selections", _ON), ("selections", "pts_seconds")),
    },
    "crops": {
        "frame_index": (("stills", _ON),),
        "rank": (("stills", "rank"),),
        "x": (("faces", "x"), ("faces", "width")),
        "y": (("faces", "y"), ("faces", "height")),
    },
    "published": {
        "frame_index": (("stills", _ON),),
        "rank": (("stills", "rank"),),
        "file_name": (("stills", "file_name"),),
        "file_sha256": (("stills", "file_sha256"),),
    },
}
