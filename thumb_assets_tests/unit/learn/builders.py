"""Made-up candidates of many videos, and labels that follow a hidden direction of their embeddings, or chance."""

import numpy as np

from thumb_assets.learn.labels import Label
from thumb_assets.select.measure import FACE_VALUES, VALUES, CandidateArrays, FaceArrays

MODEL = "made-up (none)"
NUM_DIMENSIONS = 16


def video_ids(num_videos: int) -> list[str]:
    return [f"video-{number:08x}" for number in range(num_videos)]


def made_up(num_videos: int, num_candidates: int, *, seed: int = 0, model: str | None = MODEL) -> CandidateArrays:
    """Candidates with an embedding at random, a sharpness and a clip_score; frame_index 0, 10, 20 and so on."""
    random = np.random.default_rng(seed)
    total = num_videos * num_candidates
    embeddings = random.standard_normal((total, NUM_DIMENSIONS))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    known = {
        "laplacian_variance": random.gamma(2, 50, total),
        "clip_score": random.normal(0, 0.05, total),
        "luma_mean": random.uniform(40, 200, total),
    }
    nothing = np.zeros(0)
    return CandidateArrays(
        video_ids=tuple(video_ids(num_videos)),
        offsets=np.arange(num_videos + 1) * num_candidates,
        frame_indices=np.tile(np.arange(num_candidates) * 10, num_videos),
        shot_indices=np.tile(np.arange(num_candidates), num_videos),
        values={name: known.get(name, np.full(total, np.nan)) for name in VALUES},
        difference_hash=np.zeros(total, np.uint64),
        iqa={},
        embeddings=tuple(np.split(embeddings.astype(np.float16), num_videos)),
        descriptors=(np.zeros((num_candidates, 0), np.float16),) * num_videos,
        faces=FaceArrays(np.zeros(num_videos + 1, np.int64), np.zeros(0, np.int64), *[nothing] * len(FACE_VALUES)),
        has_faces=np.zeros(num_videos, np.bool_),
        frame_sizes=np.zeros((num_videos, 2), np.int64),
        embedding_models=(model,) * num_videos,
    )


def hidden_direction() -> np.ndarray:
    direction = np.random.default_rng(99).standard_normal(NUM_DIMENSIONS)
    return direction / np.linalg.norm(direction)


def labels_along(measured: CandidateArrays, *, noise: float = 0.0, seed: int = 1) -> list[Label]:
    """1 for the half of each video's candidates that lie further along the hidden direction."""
    random = np.random.default_rng(seed)
    labels = []
    for video, video_id in enumerate(measured.video_ids):
        along = measured.embeddings[video].astype(np.float64) @ hidden_direction()
        along = along + random.normal(0, 1, len(along)) * noise
        frames = measured.frame_indices[measured.span(video)].tolist()
        is_wanted = (along > np.median(along)).tolist()
        labels += [Label(video_id, frame, float(one)) for frame, one in zip(frames, is_wanted, strict=True)]
    return labels


def labels_by_chance(measured: CandidateArrays, *, seed: int = 2) -> list[Label]:
    random = np.random.default_rng(seed)
    return [
        Label(video_id, frame, float(random.random() < 0.5))
        for video, video_id in enumerate(measured.video_ids)
        for frame in measured.frame_indices[measured.span(video)].tolist()
    ]
