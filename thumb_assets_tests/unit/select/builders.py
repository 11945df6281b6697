"""Small tables that conform to their contracts, made from the few values a test is about."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import pyarrow as pa

from thumb_assets.select.choose import Choice, choose
from thumb_assets.select.guidance import NO_GUIDANCE, Guidance
from thumb_assets.select.measure import CandidateArrays, ScoreTables, arrays_from_tables
from thumb_assets.settings.selection import SelectionSettings
from thumb_assets.tables.conform import conform, table_from_rows

VIDEO_ID = "clip-0a1b2c3d"
FRAME_SIZE = (1600, 1000)

Values = Mapping[int, float | None]
Vectors = Mapping[int, Sequence[float] | None]


def candidates_table(
    seconds: Mapping[int, float],
    shots: Mapping[int, int] | None = None,
    states: Mapping[int, tuple[int, int]] | None = None,
) -> pa.Table:
    """candidate_frames: frame_index -> pts_seconds, shot_index (each its own where not given), span of a state."""
    shot_of = shots or {frame_index: place for place, frame_index in enumerate(sorted(seconds))}
    return table_from_rows(
        "candidate_frames",
        [
            {
                "video_id": VIDEO_ID,
                "frame_index": frame_index,
                "pts": round(1000 * pts_seconds),
                "pts_seconds": pts_seconds,
                "shot_index": shot_of[frame_index],
                "sampling_methods": ["state"] if frame_index in (states or {}) else ["shot"],
                "state_start_frame_index": (states or {}).get(frame_index, (None, None))[0],
                "state_exclusive_end_frame_index": (states or {}).get(frame_index, (None, None))[1],
            }
            for frame_index, pts_seconds in seconds.items()
        ],
    )


def subtitles_table(*cues: tuple[float, float, str]) -> pa.Table:
    """subtitles: (start, end, text) of each cue."""
    rows = [
        {
            "video_id": VIDEO_ID,
            "cue_index": index,
            "start_seconds": start,
            "end_seconds": end,
            "text": text,
            "language": None,
            "source": "clip.srt",
        }
        for index, (start, end, text) in enumerate(cues)
    ]
    return table_from_rows("subtitles", rows)


def texts_table(*lines: tuple[int, str, float]) -> pa.Table:
    """texts: (frame_index, text, height) of each line."""
    rows = [
        {
            "video_id": VIDEO_ID,
            "frame_index": frame_index,
            "text_index": place,
            "x": 10.0,
            "y": 10.0,
            "width": 10.0 * len(text),
            "height": height,
            "text": text,
            "confidence": 0.9,
        }
        for place, (frame_index, text, height) in enumerate(lines)
    ]
    return table_from_rows("texts", rows)


def _last_seconds(seconds: Sequence[float]) -> float:
    return float(np.median(np.diff(seconds))) if len(seconds) > 1 else 0.0


def frames_table(seconds: Sequence[float], **columns: Sequence[Any]) -> pa.Table:
    """frames: pts_seconds by frame_index; plain, sharp, unmoving and sound where no column is given."""
    usual = {
        "duration_seconds": [*np.maximum(np.diff(seconds), 0).tolist(), _last_seconds(seconds)],
        "is_keyframe": [frame_index == 0 for frame_index in range(len(seconds))],
        "is_corrupt": [False] * len(seconds),
        "luma_mean": [120.0] * len(seconds),
        "luma_std": [50.0] * len(seconds),
        "laplacian_variance": [100.0] * len(seconds),
        "frame_difference": [None, *[0.0] * (len(seconds) - 1)],
        "largest_colour_share": [None] * len(seconds),
    }
    return table_from_rows(
        "frames",
        [
            {
                "video_id": VIDEO_ID,
                "frame_index": frame_index,
                "pts": round(1000 * pts_seconds),
                "pts_seconds": pts_seconds,
                "field_order": "progressive",
                "luma_hash": "0" * 32,
                "chroma_hash": None,
                **{name: values[frame_index] for name, values in (usual | columns).items()},
            }
            for frame_index, pts_seconds in enumerate(seconds)
        ],
    )


def shots_table(starts: Sequence[int], *, num_frames: int, transitions: Mapping[int, str] | None = None) -> pa.Table:
    """shots: those that start at these frames, the first at 0; each begins with a cut where nothing else is said."""
    ends = [*starts[1:], num_frames]
    return table_from_rows(
        "shots",
        [
            {
                "video_id": VIDEO_ID,
                "shot_index": shot_index,
                "start_frame_index": start,
                "exclusive_end_frame_index": end,
                "start_pts": start,
                "detector": "content",
                "transition": (transitions or {}).get(start, "cut"),
                "detector_score": None,
            }
            for shot_index, (start, end) in enumerate(zip(starts, ends, strict=True))
        ],
    )


def sharpness_table(
    variances: Values, *, luma_means: Values | None = None, luma_stds: Values | None = None
) -> pa.Table:
    """sharpness: frame_index -> laplacian_variance (None: the row failed), middling luma where not given."""
    return table_from_rows(
        "sharpness",
        [
            {
                "video_id": VIDEO_ID,
                "frame_index": frame_index,
                "laplacian_variance": variance,
                "tenengrad": variance,
                "luma_mean": (luma_means or {}).get(frame_index, 120.0),
                "luma_std": (luma_stds or {}).get(frame_index, 50.0),
                "eval_height": 540,
                "percentile_in_video": variance and 0.5,
                "error": None if variance is not None else "not measured",
            }
            for frame_index, variance in variances.items()
        ],
    )


def appearance_table(
    frame_indices: Sequence[int],
    *,
    failed: Sequence[int] = (),
    hashes: Mapping[int, int] | None = None,
    descriptors: Vectors | None = None,
    edges: Mapping[int, str] | None = None,
    **measures: Values,
) -> pa.Table:
    """appearance: a picture full of detail without text or bars where nothing else is said, each unlike the others."""
    usual = {"luma_entropy": 7.0, "dark_share": 0.0, "bright_share": 0.0, "acutance": 0.4}
    usual |= {"text_share": 0.0, "bar_share": 0.0}
    own = one_hot(frame_indices)
    rows = []
    for frame_index in frame_indices:
        values: dict[str, Any] = {name: measures.get(name, {}).get(frame_index, value) for name, value in usual.items()}
        values["difference_hash"] = f"{(hashes or {}).get(frame_index, unlike_hash(frame_index)):016x}"
        values["descriptor"] = _float16((descriptors or own)[frame_index])
        values["edges"] = (edges or {}).get(frame_index)
        for name in ("changed_share", "colour_bar_share"):
            values[name] = measures.get(name, {}).get(frame_index)
        if frame_index in failed:
            values = dict.fromkeys(values)
        error = "not measured" if frame_index in failed else None
        rows.append({"video_id": VIDEO_ID, "frame_index": frame_index, **values, "error": error})
    return table_from_rows("appearance", rows)


def unlike_hash(number: int) -> int:
    """64 bits that differ in about half from those of any other number."""
    return int(hashlib.sha256(str(number).encode()).hexdigest()[:16], 16)


def one_hot(frame_indices: Sequence[int]) -> dict[int, Sequence[float] | None]:
    """A vector for each frame, at right angles to those of the others."""
    return dict(zip(frame_indices, np.eye(max(2, len(frame_indices)))[: len(frame_indices)], strict=True))


def clip_table(
    scores: Values, *, embeddings: Vectors | None = None, title_card_similarities: Values | None = None
) -> pa.Table:
    """clip_scores: frame_index -> clip_score, None where the row failed; each picture unlike the others."""
    vectors = embeddings or one_hot(list(scores))
    return table_from_rows(
        "clip_scores",
        [
            {
                "video_id": VIDEO_ID,
                "frame_index": frame_index,
                "positive_similarity": score,
                "negative_similarity": None if score is None else 0.0,
                "clip_score": score,
                "title_card_similarity": (title_card_similarities or {}).get(frame_index),
                "embedding": None if score is None else _float16(vectors[frame_index]),
                "error": None if score is not None else "not scored",
            }
            for frame_index, score in scores.items()
        ],
    )


def iqa_table(scores_by_metric: Mapping[str, Values]) -> pa.Table:
    """iqa_scores: metric -> frame_index -> iqa_score, None where the row failed."""
    return table_from_rows(
        "iqa_scores",
        [
            {
                "video_id": VIDEO_ID,
                "frame_index": frame_index,
                "metric": metric,
                "iqa_score": score,
                "error": None if score is not None else "not scored",
            }
            for metric, scores in scores_by_metric.items()
            for frame_index, score in scores.items()
        ],
    )


def faces_table(faces: Sequence[tuple[int, float, float]]) -> pa.Table:
    """faces: (frame_index, confidence, height in pixels), one per face, in the middle of a frame of 1600x1000."""
    boxes = [(frame_index, 800 - height / 2, 500 - height / 2, height) for frame_index, _, height in faces]
    return face_boxes_table(boxes, confidences=[confidence for _, confidence, _ in faces])


def face_boxes_table(
    boxes: Sequence[tuple[int, float, float, float]],
    *,
    confidences: Sequence[float] | None = None,
    variances: Sequence[float | None] | None = None,
    frontalities: Sequence[float | None] | None = None,
    eyes: Sequence[float | None] | None = None,
    mouths: Sequence[float | None] | None = None,
    gazes: Sequence[float | None] | None = None,
) -> pa.Table:
    """faces: (frame_index, x, y, height) of square boxes."""
    num = len(boxes)
    looks = zip(eyes or [None] * num, mouths or [None] * num, gazes or [None] * num, strict=True)
    columns = (confidences or [1.0] * num, variances or [None] * num, frontalities or [None] * num)
    return table_from_rows(
        "faces",
        [
            {
                "video_id": VIDEO_ID,
                "frame_index": frame_index,
                "face_index": face_index,
                "x": float(x),
                "y": float(y),
                "width": float(height),
                "height": float(height),
                "confidence": confidence,
                "laplacian_variance": variance,
                "frontality": frontality,
                "detector": "yunet",
                "eye_openness": eye,
                "mouth_openness": mouth,
                "gaze": gaze,
            }
            for face_index, ((frame_index, x, y, height), confidence, variance, frontality, (eye, mouth, gaze)) in (
                enumerate(zip(boxes, *columns, looks, strict=True))
            )
        ],
    )


def recurrences_table(num_videos: Mapping[int, int]) -> pa.Table:
    """recurrences: frame_index -> in how many other videos it is shown."""
    return table_from_rows(
        "recurrences",
        [
            {
                "video_id": VIDEO_ID,
                "frame_index": frame_index,
                "num_videos": number,
                "example_video_id": "other-11111111",
                "example_frame_index": 0,
                "cosine_similarity": 0.99,
                "hash_distance": 1,
            }
            for frame_index, number in num_videos.items()
        ],
    )


def safety_table(probabilities: Mapping[int, float | None]) -> pa.Table:
    """safety: frame_index -> probability that it is unsafe; None could not be rated."""
    return table_from_rows(
        "safety",
        [
            {
                "video_id": VIDEO_ID,
                "frame_index": frame_index,
                "unsafe_probability": probability,
                "error": None if probability is not None else "the picture was lost",
            }
            for frame_index, probability in probabilities.items()
        ],
    )


def subjects_table(subjects: Mapping[int, tuple[float | None, float | None]]) -> pa.Table:
    """subjects: frame_index -> share of the picture, and of its width that the upper edge cuts."""
    return table_from_rows(
        "subjects",
        [
            {
                "video_id": VIDEO_ID,
                "frame_index": frame_index,
                "subject_share": share,
                "subject_cut_share": cut,
                "error": None,
            }
            for frame_index, (share, cut) in subjects.items()
        ],
    )


def decisions_table(decisions: Mapping[int, str]) -> pa.Table:
    """decisions: frame_index -> pin or ban."""
    return table_from_rows(
        "decisions",
        [
            {"video_id": VIDEO_ID, "frame_index": frame_index, "decision": decision}
            for frame_index, decision in decisions.items()
        ],
    )


@dataclass(frozen=True)
class Case:
    """The arguments of `choose`, every table of scores absent unless given."""

    candidates: pa.Table
    sharpness: pa.Table | None = None
    clip_scores: pa.Table | None = None
    iqa_scores: pa.Table | None = None
    iqa_lower_better: Mapping[str, bool] = field(default_factory=dict)
    faces: pa.Table | None = None
    frame_size: tuple[int, int] | None = FRAME_SIZE
    embedding_model: str | None = None
    frames: pa.Table | None = None
    shots: pa.Table | None = None
    appearance: pa.Table | None = None
    audio: pa.Table | None = None
    subtitles: pa.Table | None = None
    texts: pa.Table | None = None
    judgements: pa.Table | None = None
    recurrences: pa.Table | None = None
    decisions: pa.Table | None = None
    others: Mapping[str, pa.Table | None] = field(default_factory=dict)
    settings: SelectionSettings = field(default_factory=SelectionSettings)
    guidance: Guidance = NO_GUIDANCE

    @property
    def scores(self) -> ScoreTables:
        """Scores of the candidates."""
        return ScoreTables(**{each.name: getattr(self, each.name) for each in fields(ScoreTables)})

    @property
    def measured(self) -> CandidateArrays:
        """The same, as arrays."""
        return arrays_from_tables(conform("candidate_frames", self.candidates), self.scores)

    def choose(self, **changes: Any) -> Choice:
        """The choice, with some arguments replaced."""
        case = replace(self, **changes)
        return choose(case.candidates, case.scores, settings=case.settings, guidance=case.guidance)


def by_frame(table: pa.Table) -> dict[int, dict[str, Any]]:
    """frame_index -> row."""
    return {row["frame_index"]: row for row in table.to_pylist()}


def ranking(choice: Choice) -> list[int]:
    """frame_index of the selections, rank 1 first."""
    rows = sorted(choice.selections.to_pylist(), key=lambda row: row["rank"])
    return [row["frame_index"] for row in rows]


def _float16(vector: Sequence[float] | None) -> "np.ndarray[Any, np.dtype[np.float16]] | None":
    return None if vector is None else np.asarray(vector, np.float16)
