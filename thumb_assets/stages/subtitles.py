"""The stage `subtitles`: the cues of a video's tracks of text and of the sidecars beside its file."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from thumb_assets.errors import BadInputError
from thumb_assets.settings.load import Settings
from thumb_assets.stages.kit.declaration import FromTables, Made, RunContext, SkippedError, Stage, VideoTables
from thumb_assets.stages.kit.work import picture_span, video_stamps
from thumb_assets.store.sidecars import sidecars_of, storable
from thumb_assets.subtitles import Cue, cues_of, decoded, language_of, within
from thumb_assets.tables.conform import table_from_rows
from thumb_assets.tables.soundtrack import SUBTITLES

if TYPE_CHECKING:
    from thumb_assets.video.cues import MarkedCue, TextTrack

_Cue = TypeVar("_Cue")


def read_subtitles(job: VideoTables, run: RunContext) -> Made:
    """The table `subtitles` of one video; without rows where it has none.

    A source that cannot be read is passed over with a note: a video is as good without its subtitles.

    Raises:
        SkippedError: they are not asked for.
        BadInputError: the video's file cannot be opened.
    """
    if not run.settings.subtitles.is_on:
        raise SkippedError("subtitles are not asked for: set subtitles.is_on=true")
    reader = _Reader(job, run.settings)
    cues = reader.cues()
    rows = [{"video_id": job.video_id, "cue_index": index, **vars(cue)} for index, cue in enumerate(cues)]
    metrics: dict[str, int | float | str] = {"num_sources": len({cue.source for cue in cues})}
    if reader.notes:
        metrics["note"] = "; ".join(reader.notes)
    return Made({"subtitles": table_from_rows("subtitles", rows)}, {}, metrics)


class _Reader:
    """The sources of one video, read one after the other."""

    def __init__(self, job: VideoTables, settings: Settings) -> None:
        self.notes: list[str] = []
        self._job, self._settings, self._limits = job, settings, settings.subtitles
        self._path = job.video.path

    def cues(self) -> list[Cue]:
        from thumb_assets.video.cues import tracks_of

        tracks, stamps = tracks_of(self._path, self._settings.video), video_stamps(self._job)
        if tracks.pictures:
            self.notes.append(f"tracks without text are passed over: {', '.join(sorted(set(tracks.pictures)))}")
        sidecars = sidecars_of(self._path) if self._limits.sidecars else ()
        texts = tracks.texts[: self._limits.max_num_sources]
        read = sidecars[: self._limits.max_num_sources - len(texts)]
        if left := len(tracks.texts) + len(sidecars) - len(texts) - len(read):
            more = "1 more source is" if left == 1 else f"{left} more sources are"
            self.notes.append(f"{more} passed over (subtitles.max_num_sources)")
        found = self._of_tracks(texts)
        for path in read:
            found += self._of_sidecar(path, shift_seconds=tracks.begin_seconds + stamps.offset_seconds)
        begin, end = picture_span(self._job)
        shown = within(found, begin_seconds=begin, end_seconds=end)
        if outside := len(found) - len(shown):
            self.notes.append(f"{outside} of {len(found)} cues lie outside of the picture")
        return shown

    def _of_tracks(self, tracks: "Sequence[TextTrack]") -> list[Cue]:
        if not tracks:
            return []
        from thumb_assets.video.cues import track_cues

        marked: dict[int, list[MarkedCue]] = {track.stream_index: [] for track in tracks}
        found = track_cues(self._path, tracks, video_stamps(self._job), self._settings.video)
        for stream_index, cue in self._readable(found):
            if len(marked[stream_index]) <= self._limits.max_num_cues:
                marked[stream_index].append(cue)
            elif all(len(each) > self._limits.max_num_cues for each in marked.values()):
                break
        cues = []
        for track in tracks:
            name = f"embedded:{track.stream_index}"
            cues += self._cues(marked[track.stream_index], name=name, language=track.language)
        return cues

    def _of_sidecar(self, path: Path, *, shift_seconds: float) -> list[Cue]:
        name = storable(path.name)
        try:
            num_bytes = path.stat().st_size
            content = path.read_bytes() if num_bytes <= self._limits.max_file_bytes else None
        except OSError as error:
            self.notes.append(f"{name}: cannot be read ({error.strerror}); check its rights")
            return []
        if content is None:
            self.notes.append(f"{name}: has {num_bytes} bytes and is passed over (subtitles.max_file_bytes)")
            return []
        from thumb_assets.video.cues import text_cues

        text, encoding = decoded(content)
        marked = list(islice(self._readable(text_cues(text, name)), self._limits.max_num_cues + 1))
        language = language_of(name, self._path.stem)
        cues = self._cues(marked, name=name, language=language, shift_seconds=shift_seconds)
        if not marked:
            self.notes.append(f"{name}: holds no cue")
        elif any("\ufffd" in cue.text for cue in cues):
            self.notes.append(f"{name}: some of its characters are not {encoding}; save it as UTF-8")
        return cues

    def _cues(
        self, marked: "list[MarkedCue]", *, name: str, language: str | None, shift_seconds: float = 0.0
    ) -> list[Cue]:
        limits = self._limits
        if len(marked) > limits.max_num_cues:
            self.notes.append(f"{name}: has over {limits.max_num_cues} cues, the rest is passed over")
        return cues_of(
            marked[: limits.max_num_cues],
            source=name,
            language=language,
            shift_seconds=shift_seconds,
            max_length=limits.max_length,
        )

    def _readable(self, found: Iterable[_Cue]) -> Iterator[_Cue]:
        """Yields cues until a source cannot be read any further, and notes that."""
        try:
            yield from found
        except BadInputError as error:
            self.notes.append(str(error))


STAGE = Stage(
    name="subtitles",
    contracts=(SUBTITLES,),
    run=FromTables(read_subtitles),
    reads=("videos", "frames"),
    section="subtitles",
    is_on=lambda s: s.subtitles.is_on,
    tools=("charset-normalizer",),
    beside=lambda path, s: sidecars_of(path) if s.subtitles.sidecars else (),
    description="One row per cue of the video's subtitles: tracks of text and files beside it.",
)
