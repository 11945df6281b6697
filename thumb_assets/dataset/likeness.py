"""Pictures of different videos that are alike: duplicates, videos that share footage, the nearest pair over a split."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thumb_assets.dataset.picks import Pick
from thumb_assets.events import UNWATCHED, Events
from thumb_assets.settings.selection import SurveySettings
from thumb_assets.survey.alike import Alike, alike_frames, groups_of_alike
from thumb_assets.survey.frames import Comparable, LibraryFrames
from thumb_assets.survey.index import VectorIndex

Positions = NDArray[np.int64]
Pairs = NDArray[np.int64]
_QUESTIONS_AT_A_TIME = 2_000


@dataclass(frozen=True)
class NearestPair:
    """The two most alike pictures of which one is in the first split and the other is not.

    Attributes:
        first, second: their places among the picks.
        cosine_similarity: of their vectors, -1..1.
        hash_distance: bits in which their difference hashes differ.
    """

    first: int
    second: int
    cosine_similarity: float
    hash_distance: int


def positions_of(library: LibraryFrames | None, picks: Sequence[Pick]) -> Positions:
    """Finds the place of each pick among the library's frames that can be compared; -1 for one that cannot."""
    if library is None:
        return np.full(len(picks), -1)
    compared = np.concatenate([np.zeros(0, np.int64), *(part.frames for part in library.comparable)])
    known = {
        (library.video_id(frame), int(library.frame_indices[frame])): frame for frame in np.sort(compared).tolist()
    }
    return np.array([known.get((pick.video_id, pick.frame_index), -1) for pick in picks], np.int64)


def alike_picks(
    library: LibraryFrames | None, picks: Sequence[Pick], asked: SurveySettings, *, events: Events = UNWATCHED
) -> Pairs:
    """Finds pairs of picks of different videos that are alike: (P, 2) int64, their places, in both directions."""
    if library is None:
        return np.zeros((0, 2), np.int64)
    positions = positions_of(library, picks)
    known = np.flatnonzero(positions >= 0)
    order = known[np.argsort(positions[known])]
    pairs = alike_frames(
        library,
        min_cosine=asked.still_min_cosine,
        max_hash_distance=asked.still_max_hash_distance,
        num_neighbours=asked.num_neighbours,
        max_exact=asked.max_exact,
        only=positions[order],
        events=events,
    )
    return np.stack([order[np.searchsorted(positions[order], ends)] for ends in (pairs.left, pairs.right)], axis=1)


def duplicates(picks: Sequence[Pick], pairs: Pairs) -> frozenset[int]:
    """Places of picks that another pick of another video is like, and better than; pinned ones all stay.

    Args:
        pairs: see `alike_picks`.
    """
    others: dict[int, list[int]] = {}
    for place, other in pairs.tolist():
        others.setdefault(place, []).append(other)
    dropped: set[int] = set()
    best_first = sorted(others, key=lambda place: (not picks[place].is_pinned, -picks[place].score, place))
    for place in best_first:
        if place not in dropped:
            dropped.update(other for other in others[place] if not picks[other].is_pinned)
    return frozenset(dropped)


def groups_of_videos(
    library: LibraryFrames | None,
    alike: Iterable[tuple[str, str]],
    sha256_of: Mapping[str, str],
    asked: SurveySettings,
    *,
    min_shared_share: float,
    events: Events = UNWATCHED,
) -> dict[str, str]:
    """By video the first of those that it shares footage with, directly or by others in between.

    Two videos share footage where a picture of one is like a picture of the other, where so much of the shorter one's
    candidates is like candidates of the other (a copy encoded again, a part cut out), or where the files are the same.

    Args:
        library: the candidates of these videos, and of others that may stand between two of them; None where none can
            be compared.
        alike: pairs of videos with pictures that are alike.
        sha256_of: of the videos' files.
        min_shared_share: see `dataset.min_shared_share`.
    """
    links = set(alike)
    first_of: dict[str, str] = {}
    for video_id in sorted(sha256_of):
        links.add((first_of.setdefault(sha256_of[video_id], video_id), video_id))
    if library is not None:
        links.update(_shared(library, asked, min_shared_share, events))
    return _components(sorted(sha256_of), links)


def nearest_pair(
    library: LibraryFrames | None, picks: Sequence[Pick], is_first: NDArray[np.bool_], *, max_exact: int
) -> NearestPair | None:
    """Finds the most alike pair over the border of a split; None where no two pictures can be compared.

    Args:
        is_first: by pick whether it is in the first split.
        max_exact: above so many pictures an index answers, which may miss the very nearest.
    """
    if library is None:
        return None
    positions = positions_of(library, picks)
    place_of = {position: place for place, position in enumerate(positions.tolist()) if position >= 0}
    best: NearestPair | None = None
    for part in library.comparable:
        places = np.array([place_of.get(frame, -1) for frame in part.frames.tolist()], np.int64)
        inside, outside = (
            np.flatnonzero((places >= 0) & (is_first[np.maximum(places, 0)] == wanted)) for wanted in (True, False)
        )
        if len(inside) and len(outside):
            left, right, cosine = _nearest(part, inside, outside, max_exact=max_exact)
            if best is None or cosine > best.cosine_similarity:
                ends = (int(part.frames[left]), int(part.frames[right]))
                bits = int(np.bitwise_count(library.hashes[ends[0]] ^ library.hashes[ends[1]]))
                best = NearestPair(place_of[ends[0]], place_of[ends[1]], cosine, bits)
    return best


def _shared(
    library: LibraryFrames, asked: SurveySettings, min_share: float, events: Events
) -> Iterable[tuple[str, str]]:
    """Pairs of videos of which one has so much of its candidates in the other."""
    alike = alike_frames(
        library,
        min_cosine=asked.min_cosine,
        max_hash_distance=asked.max_hash_distance,
        num_neighbours=asked.num_neighbours,
        max_exact=asked.max_exact,
        events=events,
    )
    num_compared = np.zeros(len(library.video_ids), np.int64)
    for part in library.comparable:
        np.add.at(num_compared, library.videos[part.frames], 1)
    # Of each frame there is one pair at most with each other video: the pairs count the frames that are shared.
    ends = np.stack([library.videos[alike.left], library.videos[alike.right]], axis=1)
    pairs, counts = np.unique(ends, axis=0, return_counts=True)
    for (video, other), number in zip(pairs.tolist(), counts.tolist(), strict=True):
        if number >= min_share * num_compared[video]:
            yield library.video_ids[video], library.video_ids[other]


def _components(videos: Sequence[str], links: Collection[tuple[str, str]]) -> dict[str, str]:
    """By video the first of its group; groups may be held together by other videos."""
    names = [*videos, *sorted({video_id for link in links for video_id in link}.difference(videos))]
    place_of = {video_id: place for place, video_id in enumerate(names)}
    ends = np.array(sorted((place_of[first], place_of[second]) for first, second in links), np.int64).reshape(-1, 2)
    nothing = np.zeros(len(ends))
    groups = groups_of_alike(Alike(ends[:, 0], ends[:, 1], nothing, nothing.astype(np.int64)))
    # The others come last, so the first of a group is one of the videos where it has any.
    return {names[place]: names[group[0]] for group in groups for place in group.tolist() if place < len(videos)}


def _nearest(part: Comparable, inside: Positions, outside: Positions, *, max_exact: int) -> tuple[int, int, float]:
    """The nearest two rows, one of each side, and their cosine; the first of equals."""
    known = part.vectors[inside]
    index = None if len(inside) + len(outside) <= max_exact else VectorIndex.of(known)
    best = (int(inside[0]), int(outside[0]), -np.inf)
    for start in range(0, len(outside), _QUESTIONS_AT_A_TIME):
        rows = outside[start : start + _QUESTIONS_AT_A_TIME]
        if index is None:
            nearest = (part.vectors[rows] @ known.T).argmax(axis=1)
        else:
            nearest = index.nearest(part.vectors[rows], number=1)[0][:, 0]
        exact = (part.vectors[rows].astype(np.float64) * known[nearest]).sum(axis=1).round(6)
        place = int(exact.argmax())
        if exact[place] > best[2]:
            best = (int(inside[nearest[place]]), int(rows[place]), float(exact[place]))
    return best
