"""Facts of a moment, for people: the faces and the words in its picture, what is said and heard then.

What belongs here: sentences from tables, whatever counts in the choice. What does not: why a frame was chosen (tell).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thumb_assets.select.aligned import texts_at, written_on
from thumb_assets.tables.soundtrack import SILENCE_LUFS
from thumb_assets.video.geometry import Geometry
from thumb_assets.wording import count, quoted

# Tables that say something of a moment; each may be missing.
MOMENT_TABLES = ("videos", "faces", "texts", "subtitles", "audio")
# A half second so many LU above the video's median is loud; where the level also rises so far within 0.1 s, a burst.
_LOUD_LU, _BURST_DB = 6.0, 10.0
# A burst belongs to a moment up to so many seconds away.
_NEAR_SECONDS = 0.75
# As sure as this of speech; such a median is that of a video that is silent anyway.
_SPEECH, _QUIET_LUFS = 0.5, -60.0

Floats = NDArray[np.float64]


def known_of_moment(
    tables: Mapping[str, pa.Table],
    *,
    frame_index: int,
    seconds: float,
    selection: Mapping[str, Any] | None,
    is_sound_counted: bool,
) -> str:
    """Tells what is known of a frame's moment and not said by its reason, as further sentences of it.

    Args:
        tables: by name those of MOMENT_TABLES that are there, of one video.
        frame_index: the frame.
        seconds: when it is shown.
        selection: its row of the table `selections`; None where it was not chosen.
        is_sound_counted: whether the loudness had a say in the choice.
    """
    row = selection or {}
    facts = [] if row.get("face_bonus") else _seen(tables, frame_index=frame_index)
    facts += [] if row.get("words_percentile") else _words(tables, frame_index=frame_index, seconds=seconds)
    heard = _heard(tables, seconds=seconds)
    if not is_sound_counted:
        facts, heard = facts + heard, []
    no_say = ", with no say in its score" if selection else ""
    parts = {"Heard then": heard, f"Known of that moment{no_say}": facts}
    return "".join(f". {what}: {'; '.join(own)}" for what, own in parts.items() if own)


def _seen(tables: Mapping[str, pa.Table], *, frame_index: int) -> list[str]:
    """Names the faces of a candidate."""
    faces = tables.get("faces")
    if faces is None or "videos" not in tables or not tables["videos"].num_rows:
        return []
    own = faces.filter(pc.equal(faces.column("frame_index"), frame_index)).sort_by([("height", "descending")])
    if not own.num_rows:
        return []
    _width, lines = Geometry.from_row(tables["videos"].to_pylist()[0]).display_size
    share = 100 * own.column("height")[0].as_py() / lines
    larger = "the larger" if own.num_rows == 2 else "the largest"
    size = f"{share:.0f} % of the picture's height"
    return [f"a face, {size}" if own.num_rows == 1 else f"{count(own.num_rows, 'face')}, {larger} {size}"]


def _words(tables: Mapping[str, pa.Table], *, frame_index: int, seconds: float) -> list[str]:
    """Quotes what is written in a frame and the subtitles shown then."""
    (written,) = written_on(tables.get("texts"), frame_indices=np.array([frame_index]))
    (said,) = texts_at(tables.get("subtitles"), seconds=np.array([seconds]))
    texts = {"writing": written, "subtitle": said}
    return [f"{place} {quoted(text)}" for place, text in texts.items() if text]


def _heard(tables: Mapping[str, pa.Table], *, seconds: float) -> list[str]:
    """Names a burst of sound near a moment, or that it is loud, silent, or that somebody speaks."""
    audio = tables.get("audio")
    if audio is None or not audio.num_rows:
        return []
    starts, ends, loudness, onset, speech = (
        _floats(audio, name)
        for name in ("start_seconds", "end_seconds", "loudness_lufs", "onset_db", "speech_probability")
    )
    is_now = (starts <= seconds) & (seconds < ends)
    if not is_now.any() or np.isnan(loudness).all():
        return []
    usual = float(np.nanmedian(loudness))
    above = loudness - usual
    is_near = (starts < seconds + _NEAR_SECONDS) & (ends > seconds - _NEAR_SECONDS)
    is_burst = is_near & (above >= _LOUD_LU) & (onset >= _BURST_DB)
    facts = []
    if is_burst.any():
        place = int(np.argmax(np.where(is_burst, onset, -np.inf)))
        facts.append(f"a burst of sound at {starts[place]:.1f} s {_levels(loudness[place], above[place])}")
    elif (above[is_now] >= _LOUD_LU).any():
        place = int(np.flatnonzero(is_now)[0])
        facts.append(f"louder than usual {_levels(loudness[place], above[place])}")
    elif (loudness[is_now] <= SILENCE_LUFS).any() and usual > _QUIET_LUFS:
        facts.append("silence")
    if (speech[is_now] >= _SPEECH).any():
        facts.append(f"speech (probability {float(np.nanmax(speech[is_now])):.2f})")
    return facts


def _levels(loudness: float, above: float) -> str:
    return f"({loudness:.0f} LUFS, {above:.0f} LU above the usual)"


def _floats(table: pa.Table, name: str) -> Floats:
    column: Any = pc.fill_null(table.column(name).cast(pa.float64()), np.nan)
    return np.asarray(column.to_numpy(), np.float64)
