"""The sparse pass: sync frames and a few groups of pictures serve the stages that otherwise see every frame."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from thumb_assets.bars import BarWatch
from thumb_assets.candidates.predictor import CandidatePredictor
from thumb_assets.candidates.rules import bounds_of, nearest_decoded, uniform_frames
from thumb_assets.errors import ThumbAssetsError, as_thumb_assets_error
from thumb_assets.events import UNWATCHED, Events
from thumb_assets.pipeline.decode_pass import (
    CaptureRule,
    KnownFrames,
    PassResult,
    notes_on_video,
    num_recent_frames,
    observe_bars,
    video_row,
)
from thumb_assets.pipeline.sparse_cost import ROUGH_COST, Budget, plan_sparse_pass
from thumb_assets.settings.load import Settings
from thumb_assets.sharpness import EVAL_HEIGHT, measure_luma
from thumb_assets.shots.detector import ShotDetector
from thumb_assets.shots.keyframe_cuts import (
    DIFFERENT,
    GroupEvidence,
    find_steps,
    look_settings,
    picture_difference,
    weigh_groups,
)
from thumb_assets.shots.transitions import ShotStart, shots_table
from thumb_assets.stages.kit.scorer import FrameTaker
from thumb_assets.store.file_cache import LibraryVideo
from thumb_assets.tables.conform import conform, table_from_rows
from thumb_assets.tables.contracts import TABLES
from thumb_assets.video.frame import Frame
from thumb_assets.video.groups import IndexedDecoder
from thumb_assets.video.index import UntrustedIndexError
from thumb_assets.video.timing import seconds_on_screen

# Shorter side of the pictures of sync frames that are compared.
_COMPARED_SIDE = 36
# Columns of `frames` that only a pass over every frame can fill.
_OF_EVERY_FRAME = ("frame_difference", "largest_colour_share")
_MEASURES = ("is_corrupt", "luma_hash", "chroma_hash", "luma_mean", "luma_std", "laplacian_variance")

# Which start stands where two lie closer together than a shot may be short.
_EXACT, _LOOKED, _AT_SYNC_FRAME, _BY_SIZE = range(4)
FOUND_BY_INDEX = "keyframes"

Picture = npt.NDArray[np.uint8]


@dataclass
class _Seen:
    """The sync frames as far as they are known: pictures to compare, and hashes to prove a second decode by."""

    compared: list[Picture] = field(default_factory=list)
    looked_at: list[Picture] = field(default_factory=list)
    fingerprints: list[tuple[str, str | None]] = field(default_factory=list)


class SparsePass:
    """Runs over the sync frames of one video and over what else is worth it, and feeds whoever asked.

    Args:
        stages: which of the decode stages are wanted.
        rule: None gives the scorers no frames; KnownFrames those, where they are decoded anyway; any other rule stands
            for candidates that are still to be planned.
        scorers: the scorers of candidates to feed.
    """

    def __init__(
        self,
        video: LibraryVideo,
        *,
        stages: frozenset[str],
        settings: Settings,
        rule: CaptureRule | None,
        scorers: Sequence[FrameTaker],
    ) -> None:
        self._video = video
        self._stages = stages
        self._settings = settings
        self._rule = rule
        self._scorers = scorers
        self._measured: dict[int, dict[str, Any]] = {}
        self._starts: list[tuple[int, ShotStart]] = []  # with the kind of proof, the least is the best
        self._seen = _Seen()
        self._bars = BarWatch()
        self._result = PassResult()
        self._events = UNWATCHED

    def run(self, source: IndexedDecoder, events: Events) -> PassResult:
        """Decodes what is needed.

        Raises:
            UntrustedIndexError: the index cannot be trusted or gains nothing; decode every frame.
        """
        self._events = events
        budget, between = plan_sparse_pass(source.index, self._settings.sparse)
        first, following = self._probe(source)
        self._take_sync_frames(source)
        if self._seen.fingerprints[:2] != [first, following]:
            raise UntrustedIndexError("a sync frame decoded alone is not the one decoded in its place")
        for frame_index in between:
            self._take_one(source, source.index.group_of(frame_index), frame_index)
        if "shots" in self._stages and "shots" not in self._result.errors:
            try:
                self._find_shots(source, budget)
            except UntrustedIndexError:
                raise
            except Exception as error:  # noqa: BLE001 - the other tables do not depend on the detector
                known = as_thumb_assets_error(error, f"{self._video.path}: shot detection failed")
                self._result.errors["shots"] = known
            else:
                self._show_shots(source, budget)
        self._make_tables(source)
        return self._result

    # Frames

    def _probe(self, source: IndexedDecoder) -> tuple[Any, Any]:
        """Decodes the first group and the sync frame behind it, as the full pass would; gives both their hashes.

        The decoder raises where a frame is not at the place that the index says.
        """
        span = source.index.span(0)
        predictor = CandidatePredictor(self._settings.candidates, duration_seconds=source.header.duration_seconds)
        detector = self._detector()
        recent: deque[Frame] = deque(maxlen=num_recent_frames(source.header, self._settings))
        fingerprints = {}
        for frame in source.group_frames(0):
            if frame.frame_index in (span.start, span.stop):
                fingerprints[frame.frame_index] = frame.fingerprint
            starts = [] if detector is None else detector.process(detector.picture_of(frame), seconds=frame.pts_seconds)
            if frame.frame_index == span.stop:
                break
            recent.append(frame)
            wanted = predictor.observe(
                frame.frame_index,
                pts_seconds=frame.pts_seconds,
                is_keyframe=frame.is_keyframe,
                shot_starts=[start for start in starts if start < span.stop],
            )
            for kept in recent:
                if kept.frame_index in wanted and not kept.is_keyframe:
                    self._take(kept, is_wanted=True)
        if detector is not None:
            for start in detector.finish():
                if start.frame_index <= span.stop:
                    self._starts.append((_EXACT, start))
        return fingerprints.get(span.start), fingerprints.get(span.stop)

    def _detector(self) -> ShotDetector | None:
        """That of the settings; without it the other stages go on."""
        if "shots" not in self._stages:
            return None
        try:
            return ShotDetector(self._settings.shots)
        except ThumbAssetsError as error:  # a model or device that is not here
            self._result.errors["shots"] = error
            return None

    def _take_sync_frames(self, source: IndexedDecoder) -> None:
        wanted = self._wanted_sync_frames(source)
        looker = ShotDetector(look_settings(self._settings.shots))
        for frame in source.sync_frames():
            self._seen.fingerprints.append(frame.fingerprint)
            compared = frame.small_rgb(_COMPARED_SIDE)
            is_new = bool(self._seen.compared) and picture_difference(self._seen.compared[-1], compared) >= DIFFERENT
            self._seen.compared.append(compared)
            self._seen.looked_at.append(looker.picture_of(frame))
            self._take(frame, is_wanted=is_new or frame.frame_index in wanted)

    def _wanted_sync_frames(self, source: IndexedDecoder) -> frozenset[int]:
        """Those that stand in for the frames of the uniform grid, as far as is known before any shot is."""
        index = source.index
        last_seconds = float(seconds_on_screen(index.pts_seconds, last_seconds=None)[-1])
        bounds = bounds_of(index.pts_seconds, last_seconds)
        asked = uniform_frames(bounds, self._settings.candidates)
        in_one_shot = np.zeros(len(index), dtype=np.int64)
        stand_ins = nearest_decoded(asked, index.sync_frames, index.pts_seconds, in_one_shot)
        return frozenset(stand_ins.tolist())

    def _take(self, frame: Frame, *, is_wanted: bool) -> None:
        """Measures a frame and hands it to the scorers where it may become a candidate."""
        frame_index = frame.frame_index
        if frame_index in self._measured:
            return
        measures = measure_luma(frame.luma(EVAL_HEIGHT))
        self._measured[frame_index] = {
            "is_corrupt": frame.is_corrupt,
            "luma_hash": frame.luma_hash,
            "chroma_hash": frame.chroma_hash,
            "luma_mean": measures.luma_mean,
            "luma_std": measures.luma_std,
            "laplacian_variance": measures.laplacian_variance,
        }
        observe_bars(self._bars, frame)
        self._events.frame(self._video.video_id, frame_index, None)
        if self._rule is None:
            return
        if isinstance(self._rule, KnownFrames):
            is_wanted = frame_index in self._rule.frame_indices
        if is_wanted:
            bars = self._result.captured[frame_index] = self._bars.bars
            for scorer in self._scorers:
                scorer.add(self._video.video_id, frame.inside(bars))

    # Shots

    def _find_shots(self, source: IndexedDecoder, budget: Budget) -> None:
        index = source.index
        differences = [
            picture_difference(first, second)
            for first, second in zip(self._seen.compared, self._seen.compared[1:], strict=False)
        ]
        evidence = weigh_groups(
            index.num_bytes,
            index.coding_place,
            index.sync_frames,
            differences,
            pts_seconds=index.pts_seconds,
            min_shot_seconds=self._settings.shots.min_shot_seconds,
        )
        doubtful = [each for each in evidence if each.group > 0 and each.certainty < 1]
        looked: set[int] = set()
        for each in sorted(doubtful, key=lambda each: (each.certainty, -each.difference)):
            num_frames = len(index.span(each.group))
            if budget.take(ROUGH_COST * num_frames):
                num_left = num_frames - self._look(source, each)
                budget.spent -= ROUGH_COST * num_left
                looked.add(each.group)
        for each in evidence[1:]:
            if each.group not in looked:
                self._believe(source, each)

    def _look(self, source: IndexedDecoder, evidence: GroupEvidence) -> int:
        """Finds the cuts of a group, up to the sync frame behind it, in a rough decode of it.

        Stops where the pictures have become like that sync frame: what has changed by then has been seen.

        Returns:
            How many frames were passed over.
        """
        group, index = evidence.group, source.index
        span, is_last = index.span(group), group + 1 == index.num_groups
        looker = ShotDetector(look_settings(self._settings.shots))
        frame_indices: list[int] = []
        pictures: list[Picture] = []
        num_alike = 0
        for frame in source.rough_frames(group):
            frame_indices.append(frame.frame_index)
            pictures.append(looker.picture_of(frame))
            if is_last or evidence.difference < DIFFERENT:
                continue
            left = picture_difference(frame.small_rgb(_COMPARED_SIDE), self._seen.compared[group + 1])
            num_alike = num_alike + 1 if left < evidence.difference / 2 else 0
            if num_alike > self._settings.shots.window_width and not _lies_ahead(evidence, frame.frame_index, span):
                break
        else:
            if not is_last:
                frame_indices.append(span.stop)
                pictures.append(self._seen.looked_at[group + 1])
        if len(pictures) > 1:
            for position in find_steps(pictures, self._settings.shots):
                # Frames between two that were looked at may belong to either shot.
                first_possible, shown = frame_indices[position - 1] + 1, frame_indices[position]
                self._starts.append((_LOOKED, ShotStart((first_possible + shown) // 2)))
        return frame_indices[-1] + 1 - span.start if frame_indices else 0

    def _believe(self, source: IndexedDecoder, evidence: GroupEvidence) -> None:
        for frame_index in evidence.starts:
            kind = _AT_SYNC_FRAME if source.index.is_keyframe[frame_index] else _BY_SIZE
            self._starts.append((kind, ShotStart(frame_index, found_by=FOUND_BY_INDEX)))

    def _settled_starts(self, source: IndexedDecoder) -> list[ShotStart]:
        """The starts, ascending, the first at 0, none too close to a better proven one."""
        seconds, least = source.index.pts_seconds, self._settings.shots.min_shot_seconds - 0.001
        kept = {0: ShotStart(0)}
        for _, start in sorted(self._starts, key=lambda each: (each[0], each[1].frame_index)):
            if start.frame_index not in kept and all(
                abs(seconds[start.frame_index] - seconds[other]) >= least for other in kept
            ):
                kept[start.frame_index] = start
        return [kept[frame_index] for frame_index in sorted(kept)]

    def _show_shots(self, source: IndexedDecoder, budget: Budget) -> None:
        """Decodes a frame of each shot that has none yet, the longest shots first, while there is budget left."""
        index = source.index
        starts = [start.frame_index for start in self._settled_starts(source)]
        ends = [*starts[1:], len(index)]
        decoded = np.array(sorted(self._measured))
        places = np.searchsorted(decoded, starts)
        unseen = [
            (end - start, start, end)
            for start, end, place in zip(starts, ends, places.tolist(), strict=True)
            if place == len(decoded) or decoded[place] >= end
        ]
        offset = self._settings.candidates.shot_offset_seconds
        for _, start, end in sorted(unseen, reverse=True):
            # A little behind its start, as candidates are: the place of the start is not certain.
            frame_index = int(np.searchsorted(index.pts_seconds, index.pts_seconds[start] + offset))
            frame_index = min(frame_index, (start + end) // 2)
            group = index.group_of(frame_index)
            if budget.take(frame_index - int(index.sync_frames[group]) + 1):
                self._take_one(source, group, frame_index)

    def _take_one(self, source: IndexedDecoder, group: int, frame_index: int) -> None:
        for frame in source.group_frames(group, exclusive_end=frame_index + 1):
            if frame.frame_index == source.index.sync_frames[group] and (
                frame.fingerprint != self._seen.fingerprints[group]
            ):
                raise UntrustedIndexError(f"frame {frame.frame_index} decodes differently a second time")
            if frame.frame_index == frame_index:
                self._take(frame, is_wanted=True)

    # Tables

    def _make_tables(self, source: IndexedDecoder) -> None:
        pts, seconds = source.index.pts, source.index.pts_seconds
        self._result.notes |= notes_on_video(source)
        if "videos" in self._stages:
            row = video_row(self._video, source, pts, seconds, is_interlaced=False, bars=self._bars.bars)
            self._result.tables["videos"] = table_from_rows("videos", [row])
        if "frames" in self._stages:
            self._result.tables["frames"] = self._frames_table(source)
        if "shots" in self._stages and "shots" not in self._result.errors:
            starts = self._settled_starts(source)
            self._result.tables["shots"] = shots_table(
                self._video.video_id, starts, pts=pts, settings=self._settings.shots
            )

    def _frames_table(self, source: IndexedDecoder) -> pa.Table:
        index, num_frames = source.index, len(source.index)
        columns: dict[str, Iterable[Any]] = {
            "video_id": pa.repeat(self._video.video_id, num_frames),
            "frame_index": np.arange(num_frames),
            "pts": index.pts,
            "pts_seconds": index.pts_seconds,
            "duration_seconds": seconds_on_screen(index.pts_seconds, last_seconds=None),
            "is_keyframe": index.is_keyframe,
            "field_order": pa.repeat("progressive", num_frames),
            **{name: pa.nulls(num_frames, pa.float64()) for name in _OF_EVERY_FRAME},
        }
        rows = [self._measured.get(frame_index, {}) for frame_index in range(num_frames)]
        types = {column.name: column.type for column in TABLES["frames"].columns}
        for name in _MEASURES:
            columns[name] = pa.array([row.get(name) for row in rows], type=types[name])
        return conform("frames", pa.table(columns))


def _lies_ahead(evidence: GroupEvidence, frame_index: int, span: range) -> bool:
    """True where the packets tell of a cut behind that frame, inside the group."""
    return any(frame_index < start < span.stop for start in evidence.starts)
