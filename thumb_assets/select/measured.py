"""What was measured of the candidates of one video or of many, as arrays: all that a choice is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thumb_assets.errors import ContractError
from thumb_assets.select.align import aligned_values, candidate_positions

# A face of a frame that is no candidate has a rank among the faces, and no candidate it counts for.
NO_CANDIDATE = -1


@dataclass(frozen=True)
class MeasuredFaces:
    """The faces of V videos, M in all.

    Attributes:
        offsets: (V + 1,) int64; the faces of video v are [offsets[v], offsets[v + 1]).
        positions: (M,) int64, the candidate a face is on, counted within its video; NO_CANDIDATE where there is none.
        x, y, width, height: (M,) float64, pixels of the displayed frame.
        confidence: (M,) float64, 0..1.
        laplacian_variance: (M,) float64, NaN where it is not known.
    """

    offsets: NDArray[np.int64]
    positions: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    width: NDArray[np.float64]
    height: NDArray[np.float64]
    confidence: NDArray[np.float64]
    laplacian_variance: NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """The candidates of V videos, N in all, and what is known of each; a value that is not known is NaN.

    Attributes:
        video_ids: V names, each once.
        offsets: (V + 1,) int64; the candidates of video v are [offsets[v], offsets[v + 1]), ascending by frame_index.
        frame_indices, shot_indices: (N,) int64.
        pts_seconds: (N,) float64.
        laplacian_variance, luma_mean, luma_std, clip_score: (N,) float64.
        iqa: by metric (N,) float64, turned so that more is better.
        faces: the faces.
        has_faces: (V,) bool, whether faces were looked for.
        frame_sizes: (V, 2) int64, width and height of the displayed frame; 0 where it is not known and no face is.
    """

    video_ids: tuple[str, ...]
    offsets: NDArray[np.int64]
    frame_indices: NDArray[np.int64]
    shot_indices: NDArray[np.int64]
    pts_seconds: NDArray[np.float64]
    laplacian_variance: NDArray[np.float64]
    luma_mean: NDArray[np.float64]
    luma_std: NDArray[np.float64]
    clip_score: NDArray[np.float64]
    iqa: Mapping[str, NDArray[np.float64]]
    faces: MeasuredFaces
    has_faces: NDArray[np.bool_]
    frame_sizes: NDArray[np.int64]


def measured_from_tables(
    candidates: pa.Table,
    *,
    sharpness: pa.Table | None,
    clip_scores: pa.Table | None,
    iqa_scores: pa.Table | None,
    iqa_lower_better: Mapping[str, bool],
    faces: pa.Table | None,
    frame_size: tuple[int, int] | None,
) -> Measured:
    """What the tables of one video say of its candidates.

    Args:
        candidates: table `candidate_frames`, conformed, one row or more; the others as in `choose`.

    Raises:
        ContractError: a key repeats, or the direction of a metric is not known.
        ValueError: there are faces and no frame size.
    """
    frame_indices = candidates.column("frame_index").to_numpy()
    if faces is not None and faces.num_rows and frame_size is None:
        raise ValueError("frame_size is needed to tell a clear face from a small one")

    def values(table: pa.Table | None, column_name: str) -> NDArray[np.float64]:
        if table is None:
            return np.full(len(frame_indices), np.nan)
        return aligned_values(table, column_name, frame_indices=frame_indices)

    return Measured(
        video_ids=(candidates.column("video_id")[0].as_py(),),
        offsets=np.array([0, len(frame_indices)]),
        frame_indices=frame_indices,
        shot_indices=candidates.column("shot_index").to_numpy(),
        pts_seconds=candidates.column("pts_seconds").to_numpy(),
        laplacian_variance=values(sharpness, "laplacian_variance"),
        luma_mean=values(sharpness, "luma_mean"),
        luma_std=values(sharpness, "luma_std"),
        clip_score=values(clip_scores, "clip_score"),
        iqa=_iqa_values(iqa_scores, frame_indices=frame_indices, lower_better=iqa_lower_better),
        faces=_faces(faces, frame_indices=frame_indices),
        has_faces=np.array([faces is not None]),
        frame_sizes=np.array([frame_size or (0, 0)]),
    )


def joined(parts: Sequence[Measured]) -> Measured:
    """The videos of all parts, in order; one part or more, no video in two of them."""
    metrics = sorted({metric for part in parts for metric in part.iqa})
    arrays = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(Measured)
        if field.name not in {"video_ids", "offsets", "iqa", "faces"}
    }
    face_arrays = {
        field.name: np.concatenate([getattr(part.faces, field.name) for part in parts])
        for field in fields(MeasuredFaces)
        if field.name != "offsets"
    }
    return Measured(
        video_ids=tuple(video_id for part in parts for video_id in part.video_ids),
        offsets=_joined_offsets([part.offsets for part in parts]),
        iqa={
            metric: np.concatenate([part.iqa.get(metric, np.full(len(part.frame_indices), np.nan)) for part in parts])
            for metric in metrics
        },
        faces=MeasuredFaces(offsets=_joined_offsets([part.faces.offsets for part in parts]), **face_arrays),
        **arrays,
    )


def _joined_offsets(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.concatenate([np.diff(offsets) for offsets in parts]))])


def _iqa_values(
    iqa_scores: pa.Table | None, *, frame_indices: NDArray[np.int64], lower_better: Mapping[str, bool]
) -> dict[str, NDArray[np.float64]]:
    if iqa_scores is None:
        return {}
    names = sorted(pc.unique(iqa_scores.column("metric")).to_pylist())
    unknown = [name for name in names if name not in lower_better]
    if unknown:
        raise ContractError(f"table iqa_scores: the footer does not say whether lower is better for {unknown}")
    values = {}
    for name in names:
        rows = iqa_scores.filter(pc.equal(iqa_scores.column("metric"), name))
        scores = aligned_values(rows, "iqa_score", frame_indices=frame_indices)
        values[name] = -scores if lower_better[name] else scores
    return values


def _faces(faces: pa.Table | None, *, frame_indices: NDArray[np.int64]) -> MeasuredFaces:
    if faces is None:
        nothing = np.zeros(0)
        return MeasuredFaces(np.zeros(2, np.int64), np.zeros(0, np.int64), *[nothing] * 6)
    positions, is_candidate = candidate_positions(faces, frame_indices=frame_indices)
    names = ("x", "y", "width", "height", "confidence", "laplacian_variance")
    columns = (faces.column(name).to_numpy(zero_copy_only=False).astype(np.float64) for name in names)
    return MeasuredFaces(np.array([0, faces.num_rows]), np.where(is_candidate, positions, NO_CANDIDATE), *columns)
