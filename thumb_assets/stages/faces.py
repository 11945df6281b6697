"""The stage `faces`: the faces in each candidate."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from thumb_assets.errors import ModelUnavailableError, ThumbAssetsError
from thumb_assets.faces.boxes import scale_boxes
from thumb_assets.faces.loading import detector_model, landmarks_model, load_face_detector, load_face_landmarker
from thumb_assets.settings.load import Settings
from thumb_assets.sharpness import box_laplacian_variance
from thumb_assets.stages.kit.declaration import FromFrames, Stage
from thumb_assets.stages.kit.scorer import FrameScorer, Row
from thumb_assets.stages.kit.work import OF_FRAMES
from thumb_assets.tables.measurements import FACES
from thumb_assets.weights.registry import ModelFile

if TYPE_CHECKING:
    from thumb_assets.video.frame import Frame


def _face_scorer(settings: Settings) -> FrameScorer[Any, Any]:
    detector = load_face_detector(settings.faces)
    if detector is None:
        raise ModelUnavailableError("faces are not looked for: set faces.detector=auto to find them")

    landmarker = load_face_landmarker(settings.faces)
    footer = {"model_sha256": detector.model_sha256}
    if landmarker is not None:
        footer["landmarks_sha256"] = landmarker.model_sha256

    def render(frame: "Frame") -> tuple[Any, float]:
        rgb = frame.whole.rgb(settings.faces.working_height)  # the boxes are those of the whole frame
        return rgb, frame.geometry.display_size[0] / rgb.shape[1]

    def score(items: Sequence[Any]) -> list[Any]:
        found = []
        for rgb, factor in items:
            boxes = detector.detect(rgb)
            if landmarker is not None:
                boxes = landmarker.look_at(rgb, boxes)
            variances = [box_laplacian_variance(rgb, (box.x, box.y, box.width, box.height)) for box in boxes]
            found.append(list(zip(scale_boxes(boxes, factor), variances, strict=True)))
        return found

    def to_rows(video_id: str, frame_index: int, faces: Any, error: str | None) -> list[Row]:
        if error is not None:  # the table has no error column: a frame without a verdict must not look like one
            raise ThumbAssetsError(f"{video_id}: frame {frame_index}: the face detector failed: {error}")
        return [
            {
                "video_id": video_id,
                "frame_index": frame_index,
                "face_index": face_index,
                "x": box.x,
                "y": box.y,
                "width": box.width,
                "height": box.height,
                "confidence": box.confidence,
                "laplacian_variance": variance,
                "frontality": box.frontality,
                "detector": detector.name,
                "eye_openness": box.eye_openness,
                "mouth_openness": box.mouth_openness,
                "gaze": box.gaze,
            }
            for face_index, (box, variance) in enumerate(faces)
        ]

    return FrameScorer("faces", render, score, to_rows, footer=footer)


def _known(model: ModelFile | None) -> tuple[ModelFile, ...]:
    return () if model is None else (model,)


STAGE = Stage(
    name="faces",
    contracts=(FACES,),
    run=FromFrames(_face_scorer),
    reads=OF_FRAMES,
    section="faces",
    is_on=lambda s: s.faces.detector != "none",
    version="5",  # eyes, mouth and gaze; CenterFace sees 224 lines
    tools=("opencv-python-headless",),
    models=lambda s: _known(detector_model(s.faces)),
    optional_models=lambda s: _known(landmarks_model(s.faces)),
    model_files=lambda s: (s.faces.model_path,),
)
