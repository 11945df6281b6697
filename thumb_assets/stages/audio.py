"""The stage `audio`: how loud a video is and whether somebody speaks, every half second."""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thumb_assets.audio import STEP_SECONDS, Heard, SoundMeter
from thumb_assets.errors import ModelUnavailableError
from thumb_assets.settings.load import Settings
from thumb_assets.speech import SpeechDetector, SpeechMeter
from thumb_assets.stages.kit.declaration import FromTables, Made, RunContext, SkippedError, Stage, VideoTables
from thumb_assets.stages.kit.work import picture_span, video_stamps
from thumb_assets.tables.conform import conform, empty_table
from thumb_assets.tables.soundtrack import AUDIO
from thumb_assets.weights.registry import check_models, get_model_file
from thumb_assets.weights.resolve import resolve_file

if TYPE_CHECKING:
    from thumb_assets.video.sound import SoundReader

# By its name in the weights room.
_MODEL = "silero-vad"


def measure_sound(job: VideoTables, run: RunContext) -> Made:
    """The table `audio` of one video; without rows where it has no sound. Damaged sound is measured as far as it goes.

    Raises:
        SkippedError: it is not asked for.
        BadInputError: the video's file cannot be opened.
    """
    settings: Settings = run.settings
    if not settings.audio.is_on:
        raise SkippedError("sound is not asked for: set audio.is_on=true")
    begin, end = picture_span(job)
    meter = SoundMeter(begin_seconds=begin, end_seconds=end)
    detector, why_not = _speech_detector(run)
    speech = None
    if detector is not None:
        speech = SpeechMeter(detector, begin_seconds=begin, step_seconds=STEP_SECONDS, num_steps=meter.num_steps)
    from thumb_assets.video.sound import SoundReader

    stamps = video_stamps(job)
    with SoundReader(job.video.path, stamps, settings.video, has_voice=speech is not None) as reader:
        for block in reader.blocks(end_seconds=end):
            run.events.video(job.video_id)  # a sign of life
            meter.add(block)
            if speech is not None:
                speech.add(block.voice, seconds=block.seconds, is_joined=block.is_joined)
        metrics: dict[str, int | float | str] = {"num_tracks": reader.num_tracks}
        if why_not:
            metrics["speech"] = f"none: {why_not}"
        if notes := _notes(reader):
            metrics["note"] = "; ".join(notes)
        footer = {} if reader.stream_index is None else {"stream_index": str(reader.stream_index)}
        has_sound = reader.stream_index is not None
    probabilities = None if speech is None else speech.probabilities
    table = _table(job.video_id, meter.heard(), probabilities) if has_sound else empty_table("audio")
    return Made({"audio": table}, footer, metrics)


def _speech_detector(run: RunContext) -> tuple[SpeechDetector | None, str]:
    """The model of speech, loaded once per run, or why there is none."""
    asked = run.settings.audio
    if asked.speech == "none":
        return None, "audio.speech is none"
    if "audio" not in run.kept:
        try:
            check_models((get_model_file(_MODEL),), run.settings.models)
            path = resolve_file(_MODEL, explicit=asked.model_path, allow_download=False)
            run.kept["audio"] = SpeechDetector(path), ""
        except ModelUnavailableError as error:
            run.kept["audio"] = None, str(error)
    kept: tuple[SpeechDetector | None, str] = run.kept["audio"]
    return kept


def _notes(reader: "SoundReader") -> list[str]:
    notes = [] if reader.passed_over is None else [f"{reader.passed_over}, and is not measured"]
    if reader.num_errors:
        notes.append(f"{reader.num_errors} packets of its sound are damaged and left out")
    if reader.is_cut:
        notes.append("its sound could not be read to the end")
    return notes


def _table(video_id: str, heard: Heard, speech: NDArray[np.float64] | None) -> pa.Table:
    num_rows = len(heard.begin_seconds)
    unknown = pa.nulls(num_rows, pa.float64())
    columns = {
        "video_id": pa.array([video_id] * num_rows, pa.string()),
        "start_seconds": heard.begin_seconds,
        "end_seconds": heard.begin_seconds + STEP_SECONDS,
        "loudness_lufs": _known(heard.loudness_lufs),
        "peak_dbfs": _known(heard.peak_dbfs),
        "onset_db": _known(heard.onset_db),
        "speech_probability": unknown if speech is None else _known(speech),
    }
    return conform("audio", pa.table(columns))


def _known(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(values.round(4), pa.float64(), mask=np.isnan(values))


STAGE = Stage(
    name="audio",
    contracts=(AUDIO,),
    run=FromTables(measure_sound),
    reads=("videos", "frames"),
    section="audio",
    is_on=lambda s: s.audio.is_on,
    optional_models=lambda s: (get_model_file(_MODEL),) if s.audio.speech != "none" else (),
    model_files=lambda s: (s.audio.model_path,),
    description="One row per half second: how loud it is, and whether somebody speaks.",
)
