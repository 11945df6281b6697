"""From which columns of other tables each column comes, from the candidates to the files on disk.

A column that is not named here comes from the video itself, or says how the row was made. Those of `selections` come
from the rules and components, see `select`.
"""

_ON = "frame_index"
_CANDIDATE = ("candidate_frames", _ON)

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
