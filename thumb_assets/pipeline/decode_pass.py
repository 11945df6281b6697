"""One decode of a video that serves every stage: identities, luma measures, shot detection, capture of candidates."""

import math
from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from thumb_assets.bars import BarWatch, look_number
from thumb_assets.errors import ThumbAssetsError
from thumb_assets.events import Events
from thumb_assets.screens import COLOUR_LINES, largest_colour_share
from thumb_assets.settings.load import Settings
from thumb_assets.sharpness import EVAL_HEIGHT, difference_image, frame_difference, measure_luma
from thumb_assets.shots.detector import ShotDetector
from thumb_assets.shots.transitions import shots_table
from thumb_assets.stages import STAGES
from thumb_assets.stages.kit.declaration import FrameKeeper, FromTables, RunContext, VideoTables
from thumb_assets.stages.kit.scorer import FrameTaker
from thumb_assets.store.file_cache import LibraryVideo
from thumb_assets.tables.conform import conform, table_from_rows
from thumb_assets.video.decode import FrameSource
from thumb_assets.video.frame import Frame
from thumb_assets.video.geometry import Bars
from thumb_assets.video.header import VideoHeader
from thumb_assets.video.timing import VideoTiming, seconds_on_screen

# Recent frames are kept so that a shot's end, which is known a few frames late, gets its candidate without a second
# decode: so many at least, and at most of so many pixels in all. What falls further back is fetched after the pass:
# TransNetV2 is 25 to 74 frames late, too many pictures of full size to keep.
_LEAST_RECENT_FRAMES, _MOST_RECENT_PIXELS = 8, 100_000_000

# Rows of `frames` are packed into Arrow in blocks: as dicts they take five times the memory.
_NUM_ROWS_PER_BLOCK = 4096


class CaptureRule(Protocol):
    """Says which frames are candidates while frames arrive."""

    def observe(
        self,
        frame_index: int,
        *,
        pts_seconds: float,
        is_keyframe: bool,
        shot_starts: Sequence[int] = (),
        frame_difference: float | None = None,
        colour_share: float | None = None,
    ) -> list[int]:
        """Indices wanted now: this frame's, or earlier ones after a late announcement."""
        ...


def keepers_for(job: VideoTables, stages: Iterable[str], context: RunContext) -> dict[str, FrameKeeper]:
    """Those that are to see every frame of a pass over a video, by the stage that asks for it."""
    found = {}
    for stage in stages:
        run = STAGES[stage].run
        keep = run.keep if isinstance(run, FromTables) else None
        if keep is not None and (keeper := keep(job, context)) is not None:
            found[stage] = keeper
    return found


@dataclass(frozen=True)
class KnownFrames:
    """The rule where the candidates are already in a table."""

    frame_indices: frozenset[int]

    def observe(
        self,
        frame_index: int,
        *,
        pts_seconds: float,  # noqa: ARG002
        is_keyframe: bool,  # noqa: ARG002
        shot_starts: Sequence[int] = (),  # noqa: ARG002
        frame_difference: float | None = None,  # noqa: ARG002
        colour_share: float | None = None,  # noqa: ARG002
    ) -> list[int]:
        """See CaptureRule."""
        return [frame_index] if frame_index in self.frame_indices else []


@dataclass
class PassResult:
    """The findings of a pass.

    Attributes:
        tables: the decode stages' tables that were asked for.
        errors: why a decode stage of them has no table.
        notes: by stage, metrics that say what people should know.
        captured: by index of a frame that was handed to the scorers of candidates, the bars that were known by then
            and left out.
    """

    tables: dict[str, pa.Table] = field(default_factory=dict)
    errors: dict[str, ThumbAssetsError] = field(default_factory=dict)
    notes: dict[str, dict[str, str]] = field(default_factory=dict)
    captured: dict[int, Bars] = field(default_factory=dict)


@dataclass(frozen=True)
class Decoding:
    """The way a pass went over the file, and the reason where it is not the way that was asked for."""

    how: str = "every_frame"
    fallback_reason: str | None = None

    @property
    def footer(self) -> dict[str, str]:
        """For the table `frames`."""
        reason = {} if self.fallback_reason is None else {"fallback_reason": self.fallback_reason}
        return {"decoding": self.how, **reason}

    @property
    def metrics(self) -> dict[str, str]:
        """For people."""
        if self.fallback_reason is None:
            return {}
        return {"note": f"sparse pass not possible: {self.fallback_reason}; decoded every frame"}


class DecodePass:
    """Runs over every frame of one video once and feeds whoever asked.

    Args:
        stages: which of the decode stages are wanted.
        rule: which frames the scorers of candidates get; None gives them none.
        scorers: what to feed.

    Attributes:
        keepers: what sees every frame beside them, where the table `frames` is made.
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
        self._of_candidates = [scorer for scorer in scorers if scorer.scope == "candidates"]
        self._of_every_frame = [scorer for scorer in scorers if scorer.scope == "every_frame"]
        self._recent: deque[Frame] = deque(maxlen=_LEAST_RECENT_FRAMES)
        self._frame_rows: list[dict[str, Any]] = []
        self._frame_tables: list[pa.Table] = []
        self._pts: list[int] = []
        self._seconds = array("d")
        self._is_interlaced = False
        self._previous_image: Any = None
        self._last_second = -1  # of those in which a frame's colours were counted
        self._bars, self._last_look = BarWatch(), -1
        self._shot_detector: ShotDetector | None = None
        self._result = PassResult()
        self.keepers: Sequence[FrameKeeper] = ()

    def run(self, source: FrameSource, events: Events) -> PassResult:
        """Decodes all of `source`; errors of the file itself are raised, those of the shot detector are returned."""
        self._recent = deque(maxlen=num_recent_frames(source.header, self._settings))
        if "shots" in self._stages:
            self._shot_detector = self._build_shot_detector()
        for frame in source:
            self._take(frame)
            events.frame(self._video.video_id, frame.frame_index, source.header.num_frames_from_header)
        # While the decoder lives: a picture that outlives it stays with its pool, until none of its pictures is kept.
        self._recent.clear()
        self._make_tables(source)
        return self._result

    def _take(self, frame: Frame) -> None:
        self._pts.append(frame.pts)
        self._seconds.append(frame.pts_seconds)
        self._is_interlaced |= frame.field_order != "progressive"
        self._look_for_bars(frame)
        row: dict[str, Any] = {}
        if "frames" in self._stages:
            row = self._frame_row(frame)
            self._frame_rows.append(row)
            for keeper in self.keepers:
                keeper.take(frame, row)
            if len(self._frame_rows) >= _NUM_ROWS_PER_BLOCK:
                self._pack_frame_rows()
        starts = self._detect(frame)
        frame.let_go_of_halves()
        for scorer in self._of_every_frame:
            scorer.add(self._video.video_id, frame)
        if self._rule is None or not self._of_candidates:
            return
        self._recent.append(frame)
        wanted = self._rule.observe(
            frame.frame_index,
            pts_seconds=frame.pts_seconds,
            is_keyframe=frame.is_keyframe,
            shot_starts=starts,
            frame_difference=row.get("frame_difference"),
            colour_share=row.get("largest_colour_share"),
        )
        for frame_index in wanted:
            self._capture(frame_index)

    def _pack_frame_rows(self) -> None:
        self._frame_tables.append(table_from_rows("frames", self._frame_rows))
        self._frame_rows = []

    def _capture(self, frame_index: int) -> None:
        for frame in self._recent:
            if frame.frame_index == frame_index and frame_index not in self._result.captured:
                bars = self._result.captured[frame_index] = self._bars.bars
                for scorer in self._of_candidates:
                    scorer.add(self._video.video_id, frame.inside(bars))

    def _look_for_bars(self, frame: Frame) -> None:
        look = look_number(frame.pts_seconds - self._seconds[0])
        if look > self._last_look:
            self._last_look = look
            observe_bars(self._bars, frame)

    def _build_shot_detector(self) -> ShotDetector | None:
        try:
            return ShotDetector(self._settings.shots)
        except ThumbAssetsError as error:  # a model or device that is not here: of no concern to the other stages
            self._result.errors["shots"] = error
            return None

    def _detect(self, frame: Frame) -> list[int]:
        if self._shot_detector is None:
            return []
        try:
            return self._shot_detector.process(self._shot_detector.picture_of(frame), seconds=frame.pts_seconds)
        except Exception as error:  # noqa: BLE001 - a detector that dies must not take the frames table with it
            self._shot_detector = None
            self._result.errors["shots"] = self._detection_error(error, f"frame {frame.frame_index}")
            return []

    def _shots_table(self, detector: ShotDetector, pts: Any) -> pa.Table | None:
        try:
            starts = detector.finish()
        except Exception as error:  # noqa: BLE001 - as above; the learned detector looks at the last frames here
            self._result.errors["shots"] = self._detection_error(error, "the end")
            return None
        return shots_table(self._video.video_id, starts, pts=pts, settings=self._settings.shots)

    def _detection_error(self, error: Exception, place: str) -> ThumbAssetsError:
        if isinstance(error, ThumbAssetsError):
            return error
        known = ThumbAssetsError(f"{self._video.path}: shot detection failed at {place}: {error}")
        known.__cause__ = error
        return known

    def _frame_row(self, frame: Frame) -> dict[str, Any]:
        luma = frame.luma(EVAL_HEIGHT)
        measures, image = measure_luma(luma), difference_image(luma)
        previous, self._previous_image = self._previous_image, image
        return {
            "video_id": self._video.video_id,
            "frame_index": frame.frame_index,
            "pts": frame.pts,
            "pts_seconds": frame.pts_seconds,
            "duration_seconds": 0.0,  # known with the next frame
            "is_keyframe": frame.is_keyframe,
            "field_order": frame.field_order,
            "is_corrupt": frame.is_corrupt,
            "luma_hash": frame.luma_hash,
            "chroma_hash": frame.chroma_hash,
            "luma_mean": measures.luma_mean,
            "luma_std": measures.luma_std,
            "laplacian_variance": measures.laplacian_variance,
            "frame_difference": None if previous is None else frame_difference(image, previous),
            "largest_colour_share": self._colour_share(frame),
        }

    def _colour_share(self, frame: Frame) -> float | None:
        """Measured once a second: it says what the video is, not what the frame is."""
        second = math.floor(frame.pts_seconds - self._seconds[0])
        if second <= self._last_second:
            return None
        self._last_second = second
        return largest_colour_share(frame.inside(self._bars.bars).rgb(COLOUR_LINES))

    def _make_tables(self, source: FrameSource) -> None:
        pts, seconds = np.array(self._pts, dtype=np.int64), np.array(self._seconds)
        if "videos" in self._stages:
            row = video_row(self._video, source, pts, seconds, is_interlaced=self._is_interlaced, bars=self._bars.bars)
            self._result.tables["videos"] = table_from_rows("videos", [row])
        if "frames" in self._stages:
            self._pack_frame_rows()
            frames = pa.concat_tables(self._frame_tables)
            shown = pa.array(seconds_on_screen(seconds, last_seconds=source.last_seconds))
            place = frames.column_names.index("duration_seconds")
            self._result.tables["frames"] = conform("frames", frames.set_column(place, "duration_seconds", shown))
        self._result.notes |= notes_on_video(source)
        if self._shot_detector is not None:
            table = self._shots_table(self._shot_detector, pts)
            if table is not None:
                self._result.tables["shots"] = table


def num_recent_frames(header: VideoHeader, settings: Settings) -> int:
    """Number of frames to keep: from a shot's end back to its last candidate, and on to where the end is known.

    A state of the screen is known to have ended with the next frame.
    """
    width, height = header.geometry.display_size
    rate = float(header.guessed_frame_rate or 25)
    wanted = settings.shots.window_width + 2 + math.ceil((settings.candidates.shot_end_seconds or 0) * rate)
    if settings.candidates.screens != "off":
        wanted = max(wanted, 2 + math.ceil(settings.candidates.state_seconds * rate))
    return max(_LEAST_RECENT_FRAMES, min(wanted, _MOST_RECENT_PIXELS // (width * height)))


def observe_bars(watch: BarWatch, frame: Frame) -> None:
    """Has the bars of a frame looked at, unless it is shown in another shape than most of the video."""
    if not frame.is_of_other_shape:
        watch.observe(frame.luma(EVAL_HEIGHT), lambda: (frame.rgb(), frame.luma()))


def notes_on_video(source: FrameSource) -> dict[str, dict[str, str]]:
    """Metrics that say what people should know of the stamps and sizes, by stage."""
    notes, header = [], source.header
    if source.num_time_jumps:
        places = "1 place" if source.num_time_jumps == 1 else f"{source.num_time_jumps} places"
        notes.append(f"the time stamps start again or jump at {places}; seconds are counted on from there")
    first, usual = header.first_geometry, header.geometry
    if (first.width, first.height) != (usual.width, usual.height):
        notes.append(
            f"the picture size changes: {first.width}x{first.height} at first, {usual.width}x{usual.height} for most "
            "of the time, which counts"
        )
    if header.has_several_shapes:
        notes.append("the pixel aspect ratio changes; each still has that of its own frame")
    if header.dolby_vision is not None and header.dolby_vision.is_shown_wrong:
        notes.append(
            f"Dolby Vision profile {header.dolby_vision.profile} is not converted: colours of stills are wrong; add a "
            "version in HDR10 or SDR"
        )
    return {"videos": {"note": "; ".join(notes)}} if notes else {}


def video_row(
    video: LibraryVideo, source: FrameSource, pts: Any, seconds: Any, *, is_interlaced: bool, bars: Bars
) -> dict[str, Any]:
    """The row of the table `videos`.

    Args:
        pts: (N,) int64 stamps of all displayed frames.
        seconds: (N,) float64, their places in time.
        is_interlaced: whether any of them is.
        bars: that all pictures have.
    """
    header, geometry = source.header, source.header.geometry
    timing = VideoTiming.of(pts, seconds, time_base=header.time_base, last_seconds=source.last_seconds)
    frame_rate = header.average_frame_rate
    return {
        "video_id": video.video_id,
        "source_path": video.source_path,
        "video_sha256": video.sha256,
        "container": header.container,
        "codec": header.codec,
        "stream_index": header.stream_index,
        "width": geometry.width,
        "height": geometry.height,
        "sample_aspect_ratio_num": geometry.sample_aspect_ratio.numerator,
        "sample_aspect_ratio_den": geometry.sample_aspect_ratio.denominator,
        "rotation_degrees": geometry.rotation_degrees,
        "is_mirrored": geometry.is_mirrored,
        "pix_fmt": header.pix_fmt,
        "bit_depth": header.bit_depth,
        "color_space": header.color_space,
        "color_transfer": header.color_transfer,
        "color_primaries": header.color_primaries,
        "color_range": header.color_range,
        "is_interlaced": is_interlaced,
        "time_base_num": header.time_base.numerator,
        "time_base_den": header.time_base.denominator,
        "average_frame_rate_num": frame_rate.numerator if frame_rate else 0,
        "average_frame_rate_den": frame_rate.denominator if frame_rate else 1,
        "is_vfr": timing.is_vfr,
        "num_frames_from_header": header.num_frames_from_header,
        "num_frames_from_content": len(pts),
        "num_decode_errors": source.num_decode_errors,
        "begin_pts": timing.begin_pts,
        "duration_seconds": timing.duration_seconds,
        "num_time_jumps": source.num_time_jumps,
        **{f"bar_{side}": lines for side, lines in asdict(bars).items()},
    }
