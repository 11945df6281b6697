"""Real clips with labelled transitions: the folder `video` of the tests' shared inputs, where it is."""

import json
from pathlib import Path
from typing import Any

from benchmarks.shots.truth import Clip, Transition

# Beside the repository, as the tests look for it.
DEFAULT_FOLDER = Path(__file__).resolve().parents[3] / "shared" / "video"
_LABELS_NAME = "shot_boundaries.json"
# Its labels count the frames of the first video stream; the project reads the one FFmpeg thinks best.
_OTHER_STREAM = "nasa_13013.mp4"

# The labels of these two give one frame in the black, as PySceneDetect's tests do; the mixture around it, [start,
# exclusive end), was read off the mean luma of every frame. `fades.mp4` is plain grey that goes from white to black and
# back. The first label of each is the black at the start of the file, which is no transition between shots.
_FADES = {
    "fades.mp4": {84: (42, 126), 167: (126, 209)},
    "testvideo.mp4": {198: (179, 240), 377: (322, 410)},
}
_IGNORED = {"fades.mp4": (0, 42), "testvideo.mp4": (0, 31)}
_NUM_FRAMES = {"testvideo.mp4": 500}


def labelled_clips(folder: Path) -> list[Clip]:
    """The clips of the folder that have labels and are there; none where the folder or its labels are not."""
    labels_path = folder / _LABELS_NAME
    if not labels_path.is_file():
        return []
    labels = json.loads(labels_path.read_text(encoding="utf-8"))
    return [
        _clip(folder / name, label)
        for name, label in labels.items()
        if isinstance(label, dict) and name != _OTHER_STREAM and (folder / name).is_file()
    ]


def _clip(path: Path, label: dict[str, Any]) -> Clip:
    cuts = [Transition("cut", frame_index, frame_index) for frame_index in label.get("hard", [])]
    fades = [Transition("fade", start, end) for start, end in _FADES.get(path.name, {}).values()]
    ignored = [tuple(span) for span in (label.get("fade_in_from_black"), _IGNORED.get(path.name)) if span]
    return Clip(
        path.name,
        path,
        tuple(sorted([*cuts, *fades], key=lambda each: each.start)),
        ignored=tuple((first, last) for first, last in ignored),
        num_frames=_NUM_FRAMES.get(path.name),
    )
