"""The measurements of the candidates of one video or of many, as arrays: all that a choice is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thumb_assets.errors import ContractError
from thumb_assets.select.aligned import (
    aligned_edges,
    aligned_values,
    candidate_positions,
    texts_at,
    values_at,
    vectors,
    written_on,
)
from thumb_assets.select.once import Once
from thumb_assets.select.surroundings import SURROUNDINGS, surroundings

# A face of a frame that is no candidate has a rank among the faces, and no candidate it counts for.
NO_CANDIDATE = -1
# What people decided of a frame.
PINNED, COVER, BANNED = 1.0, 2.0, -1.0

# By value of CandidateArrays: the table and the column it is read from.
COLUMNS: dict[str, tuple[str, str]] = {
    "laplacian_variance": ("sharpness", "laplacian_variance"),
    "luma_mean": ("sharpness", "luma_mean"),
    "luma_std": ("sharpness", "luma_std"),
    "luma_entropy": ("appearance", "luma_entropy"),
    "dark_share": ("appearance", "dark_share"),
    "bright_share": ("appearance", "bright_share"),
    "acutance": ("appearance", "acutance"),
    "text_share": ("appearance", "text_share"),
    "bar_share": ("appearance", "bar_share"),
    "colour_bar_share": ("appearance", "colour_bar_share"),
    "changed_share": ("appearance", "changed_share"),
    "subject_share": ("subjects", "subject_share"),
    "subject_cut_share": ("subjects", "subject_cut_share"),
    "unsafe_probability": ("safety", "unsafe_probability"),
    "clip_score": ("clip_scores", "clip_score"),
    "positive_similarity": ("clip_scores", "positive_similarity"),
    "title_card_similarity": ("clip_scores", "title_card_similarity"),
    "aesthetic_score": ("aesthetics", "aesthetic_score"),
    "judge_score": ("judgements", "judge_score"),
    "num_recurrences": ("recurrences", "num_videos"),
}
# The same of tables whose rows are spans of time.
SPANS: dict[str, tuple[str, str]] = {"loudness_lufs": ("audio", "loudness_lufs")}
# All float64 arrays of CandidateArrays, one value per candidate.
VALUES: tuple[str, ...] = ("pts_seconds", *COLUMNS, *SPANS, *SURROUNDINGS, "decision", "is_judged")
# By value: the columns it comes from, as `table.column`.
SOURCES: dict[str, tuple[str, ...]] = {
    "pts_seconds": ("candidate_frames.pts_seconds",),
    **{name: (f"{table}.{column}",) for name, (table, column) in (COLUMNS | SPANS).items()},
    **SURROUNDINGS,
    "decision": ("decisions.decision",),
    "is_judged": ("judgements.frame_index",),
}


@dataclass(frozen=True)
class ScoreTables:
    """The tables that measure a video's candidates; one that is not there is None.

    Attributes:
        frames, shots: of the whole video.
        sharpness, appearance, clip_scores, iqa_scores: of its candidates; rows of other frames are passed over.
        faces: None where faces were not looked for, no rows where none was found.
        audio, subtitles: of the whole video.
        texts: of those of its candidates that show most writing.
        judgements: of some of the candidates.
        recurrences: of those candidates that are shown alike in other videos.
        decisions: what people decided.
        iqa_lower_better: by metric of iqa_scores, from that table's footer.
        frame_size: (width, height) of the displayed frame, the scale of the faces; needed where there are faces.
        embedding_model: of clip_scores, see `embedding_model_of`.
        others: further tables that COLUMNS names.
    """

    frames: pa.Table | None = None
    shots: pa.Table | None = None
    sharpness: pa.Table | None = None
    appearance: pa.Table | None = None
    faces: pa.Table | None = None
    clip_scores: pa.Table | None = None
    iqa_scores: pa.Table | None = None
    audio: pa.Table | None = None
    subtitles: pa.Table | None = None
    texts: pa.Table | None = None
    judgements: pa.Table | None = None
    recurrences: pa.Table | None = None
    decisions: pa.Table | None = None
    iqa_lower_better: Mapping[str, bool] = field(default_factory=dict)
    frame_size: tuple[int, int] | None = None
    embedding_model: str | None = None
    others: Mapping[str, pa.Table | None] = field(default_factory=dict)

    @classmethod
    def of(cls, tables: Mapping[str, pa.Table | None], **known: Any) -> "ScoreTables":
        """From tables by name, and what else is known."""
        own: dict[str, Any] = {name: table for name, table in tables.items() if name in cls.__dataclass_fields__}
        return cls(**own, others={name: table for name, table in tables.items() if name not in own}, **known)

    def table(self, name: str) -> pa.Table | None:
        """The table of that name; None where it is not there."""
        table: pa.Table | None = getattr(self, name, None) if name in TABLES_OF_SCORES else None
        return self.others.get(name) if table is None else table

    def tables(self) -> dict[str, pa.Table]:
        """Those that are there, by name."""
        tables = {name: self.table(name) for name in TABLES_OF_SCORES}
        return {name: table for name, table in tables.items() if table is not None}


# Names of the tables that say something of candidates.
TABLES_OF_SCORES: tuple[str, ...] = tuple(
    dict.fromkeys(
        [
            *(
                each.name
                for each in fields(ScoreTables)
                if each.name not in {"iqa_lower_better", "frame_size", "embedding_model", "others"}
            ),
            *(table_name for table_name, _ in (COLUMNS | SPANS).values()),
        ]
    )
)


@dataclass(frozen=True)
class FaceArrays:
    """The faces of V videos, M in all.

    Attributes:
        offsets: (V + 1,) int64; the faces of video v are [offsets[v], offsets[v + 1]).
        positions: (M,) int64, the candidate a face is on, counted within its video; NO_CANDIDATE where there is none.
        x, y, width, height: (M,) float64, pixels of the displayed frame.
        confidence: (M,) float64, 0..1.
        laplacian_variance, frontality, eye_openness, mouth_openness, gaze: (M,) float64, NaN where it is not known.
    """

    offsets: NDArray[np.int64]
    positions: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    width: NDArray[np.float64]
    height: NDArray[np.float64]
    confidence: NDArray[np.float64]
    laplacian_variance: NDArray[np.float64]
    frontality: NDArray[np.float64]
    eye_openness: NDArray[np.float64]
    mouth_openness: NDArray[np.float64]
    gaze: NDArray[np.float64]


FACE_VALUES = tuple(each.name for each in fields(FaceArrays) if each.name not in {"offsets", "positions"})


@dataclass(frozen=True)
class CandidateArrays:
    """The candidates of V videos, N in all, and what is known of each; a value that is not known is NaN.

    Attributes:
        video_ids: V names, each once.
        offsets: (V + 1,) int64; the candidates of video v are [offsets[v], offsets[v + 1]), ascending by frame_index.
        frame_indices, shot_indices: (N,) int64.
        values: (N,) float64 each, by name out of VALUES; `decision` is PINNED, COVER, BANNED or 0,
            `is_judged` 0 or 1.
        difference_hash: (N,) uint64, of no meaning where `luma_entropy` is NaN.
        iqa: by metric (N,) float64, turned so that more is better.
        embeddings, descriptors: by video (n, D) float16 of L2 norm 1, n the candidates of the video; NaN in the rows of
            those that have none, D = 0 where none has.
        embedding_models: by video the model of its embeddings, see `embedding_model_of`; None where it is not known.
        faces: the faces.
        edges: by video (n, E) uint8, see `aligned_edges`; empty where they are not known of any video.
        texts: by video n texts of the subtitles that are shown at each candidate, empty where none is; empty where they
            are not known of any video.
        written: the same of what is written on each candidate, a line feed between lines.
        has_faces: (V,) bool, whether faces were looked for.
        frame_sizes: (V, 2) int64, width and height of the displayed frame; 0 where it is not known and no face is.
    """

    video_ids: tuple[str, ...]
    offsets: NDArray[np.int64]
    frame_indices: NDArray[np.int64]
    shot_indices: NDArray[np.int64]
    values: Mapping[str, NDArray[np.float64]]
    difference_hash: NDArray[np.uint64]
    iqa: Mapping[str, NDArray[np.float64]]
    embeddings: tuple[NDArray[np.float16], ...]
    descriptors: tuple[NDArray[np.float16], ...]
    faces: FaceArrays
    has_faces: NDArray[np.bool_]
    frame_sizes: NDArray[np.int64]
    embedding_models: tuple[str | None, ...]
    edges: tuple[NDArray[np.uint8], ...] = ()
    texts: tuple[tuple[str, ...], ...] = ()
    written: tuple[tuple[str, ...], ...] = ()

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """The values of that name."""
        return self.values[name]

    @cached_property
    def once(self) -> Once:
        """Remembers what choices make of these candidates."""
        return Once()

    def once_of_video(self, video: int) -> Once:
        """The same of one video's candidates alone."""
        return self.once(f"video {video}", None, Once)

    @property
    def is_pinned(self) -> NDArray[np.bool_]:
        """(N,) which are chosen whatever they are: pinned ones and covers."""
        return np.asarray(self["decision"] >= PINNED)

    def forcing(self, forced: NDArray[np.bool_]) -> "CandidateArrays":
        """The same candidates, of which people pinned these (N,) and no others; what is banned stays so."""
        is_loose = self.is_pinned & ~forced
        if not is_loose.any():
            return self

        def make() -> CandidateArrays:
            return replace(self, values={**self.values, "decision": np.where(is_loose, 0.0, self["decision"])})

        return self.once("forcing", is_loose.tobytes(), make)

    def span(self, video: int) -> slice:
        """The positions of a video's candidates."""
        return slice(int(self.offsets[video]), int(self.offsets[video + 1]))


def arrays_from_tables(candidates: pa.Table, scores: ScoreTables) -> CandidateArrays:
    """The measurements of one video's candidates, from its tables.

    Args:
        candidates: table `candidate_frames`, conformed, one row or more.
        scores: the others.

    Raises:
        ContractError: a key repeats, or the direction of a metric is not known.
        ValueError: there are faces and no frame size.
    """
    frame_indices = candidates.column("frame_index").to_numpy()
    if scores.faces is not None and scores.faces.num_rows and scores.frame_size is None:
        raise ValueError("frame_size is needed to tell a clear face from a small one")
    values = {"pts_seconds": candidates.column("pts_seconds").to_numpy()}
    for name, (table_name, column_name) in COLUMNS.items():
        table = scores.table(table_name)
        values[name] = (
            np.full(len(frame_indices), np.nan)
            if table is None
            else aligned_values(table, column_name, frame_indices=frame_indices)
        )
    for name, (table_name, column_name) in SPANS.items():
        values[name] = values_at(scores.table(table_name), column_name, seconds=values["pts_seconds"])
    values |= surroundings(candidates, frames=scores.frames, shots=scores.shots)
    values["decision"] = _decisions(scores.decisions, frame_indices=frame_indices)
    values["is_judged"] = _has_row(scores.judgements, frame_indices=frame_indices)
    return CandidateArrays(
        video_ids=(candidates.column("video_id")[0].as_py(),),
        offsets=np.array([0, len(frame_indices)]),
        frame_indices=frame_indices,
        shot_indices=candidates.column("shot_index").to_numpy(),
        values=values,
        difference_hash=_hashes(scores.appearance, frame_indices=frame_indices),
        iqa=_iqa_values(scores.iqa_scores, frame_indices=frame_indices, lower_better=scores.iqa_lower_better),
        embeddings=(vectors(scores.clip_scores, "embedding", frame_indices=frame_indices),),
        descriptors=(vectors(scores.appearance, "descriptor", frame_indices=frame_indices),),
        faces=_faces(scores.faces, frame_indices=frame_indices),
        has_faces=np.array([scores.faces is not None]),
        frame_sizes=np.array([scores.frame_size or (0, 0)]),
        embedding_models=(scores.embedding_model,),
        edges=(aligned_edges(scores.appearance, frame_indices=frame_indices),),
        texts=(texts_at(scores.subtitles, seconds=values["pts_seconds"]),),
        written=(written_on(scores.texts, frame_indices=frame_indices),),
    )


def embedding_model_of(footer: Mapping[str, str]) -> str | None:
    """The name of the model behind a table `clip_scores`, out of its footer; None where that does not say.

    >>> embedding_model_of({"model_name": "ViT-B-32", "pretrained": "openai"})
    'ViT-B-32 (openai)'
    """
    return f"{footer['model_name']} ({footer.get('pretrained')})" if "model_name" in footer else None


def joined(parts: Sequence[CandidateArrays]) -> CandidateArrays:
    """The videos of all parts, in order; one part or more, no video in two of them."""
    metrics = sorted({metric for part in parts for metric in part.iqa})
    arrays = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("frame_indices", "shot_indices", "difference_hash", "has_faces", "frame_sizes")
    }
    face_arrays = {
        name: np.concatenate([getattr(part.faces, name) for part in parts]) for name in ("positions", *FACE_VALUES)
    }
    return CandidateArrays(
        video_ids=tuple(video_id for part in parts for video_id in part.video_ids),
        offsets=_joined_offsets([part.offsets for part in parts]),
        values={name: np.concatenate([part[name] for part in parts]) for name in VALUES},
        iqa={
            metric: np.concatenate([part.iqa.get(metric, np.full(len(part.frame_indices), np.nan)) for part in parts])
            for metric in metrics
        },
        embeddings=tuple(each for part in parts for each in part.embeddings),
        descriptors=tuple(each for part in parts for each in part.descriptors),
        embedding_models=tuple(each for part in parts for each in part.embedding_models),
        edges=tuple(each for part in parts for each in part.edges),
        texts=tuple(each for part in parts for each in part.texts),
        written=tuple(each for part in parts for each in part.written),
        faces=FaceArrays(offsets=_joined_offsets([part.faces.offsets for part in parts]), **face_arrays),
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


def _hashes(appearance: pa.Table | None, *, frame_indices: NDArray[np.int64]) -> NDArray[np.uint64]:
    hashes = np.zeros(len(frame_indices), np.uint64)
    if appearance is None:
        return hashes
    positions, is_candidate = candidate_positions(appearance, frame_indices=frame_indices)
    texts = appearance.column("difference_hash").to_pylist()
    for position, is_one, text in zip(positions.tolist(), is_candidate.tolist(), texts, strict=True):
        if is_one and text is not None:
            hashes[position] = int(text, 16)
    return hashes


def _decisions(decisions: pa.Table | None, *, frame_indices: NDArray[np.int64]) -> NDArray[np.float64]:
    values = np.zeros(len(frame_indices))
    if decisions is not None and decisions.num_rows:
        positions, is_candidate = candidate_positions(decisions, frame_indices=frame_indices)
        signs = {"pin": PINNED, "cover": COVER, "ban": BANNED}
        decided = np.array([signs[decision] for decision in decisions.column("decision").to_pylist()])
        values[positions[is_candidate]] = decided[is_candidate]
    return values


def _has_row(table: pa.Table | None, *, frame_indices: NDArray[np.int64]) -> NDArray[np.float64]:
    values = np.zeros(len(frame_indices))
    if table is not None:
        positions, is_candidate = candidate_positions(table, frame_indices=frame_indices)
        values[positions[is_candidate]] = 1.0
    return values


def _faces(faces: pa.Table | None, *, frame_indices: NDArray[np.int64]) -> FaceArrays:
    if faces is None:
        return FaceArrays(np.zeros(2, np.int64), np.zeros(0, np.int64), *[np.zeros(0)] * len(FACE_VALUES))
    positions, is_candidate = candidate_positions(faces, frame_indices=frame_indices)
    columns = (faces.column(name).to_numpy(zero_copy_only=False).astype(np.float64) for name in FACE_VALUES)
    return FaceArrays(np.array([0, faces.num_rows]), np.where(is_candidate, positions, NO_CANDIDATE), *columns)


def require_video(table: pa.Table, table_name: str, *, video_id: str) -> None:
    """Raises a ContractError where a row belongs to another video."""
    others = [other for other in pc.unique(table.column("video_id")).to_pylist() if other != video_id]
    if others:
        raise ContractError(f"table {table_name}: rows of {others[0]} among those of {video_id}")
