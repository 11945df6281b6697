"""The detector that the settings ask for, or the best that is here."""

from thumb_assets.faces.boxes import FaceDetector
from thumb_assets.faces.centerface import CenterFaceDetector
from thumb_assets.faces.landmarks import FaceLandmarker
from thumb_assets.faces.yunet import YuNetDetector
from thumb_assets.settings.stages import FacesSettings
from thumb_assets.weights.registry import ModelFile, get_model_file
from thumb_assets.weights.resolve import find_local, resolve_file

# By name of the setting and of the model, the best first.
_DETECTORS: dict[str, type[YuNetDetector | CenterFaceDetector]] = {
    "yunet": YuNetDetector,
    "centerface": CenterFaceDetector,
}
_LANDMARKS = "face-landmarker"


def detector_model(settings: FacesSettings) -> ModelFile | None:
    """The model of the detector; None where the settings ask for none.

    `auto` means the best whose file is here, YuNet before CenterFace: it finds as much in a fifth of the time. Where
    neither is, CenterFace, whose file is the easier to get.
    """
    if settings.detector == "none":
        return None
    if settings.detector != "auto":
        return get_model_file(settings.detector)
    models = [get_model_file(name) for name in _DETECTORS]
    if settings.model_path is not None:
        return models[0]
    return next(filter(find_local, models), models[-1])


def landmarks_model(settings: FacesSettings) -> ModelFile | None:
    """The model of the landmarks; None where the settings ask for none."""
    return get_model_file(_LANDMARKS) if settings.landmarks == "auto" and settings.detector != "none" else None


def load_face_detector(settings: FacesSettings) -> FaceDetector | None:
    """The detector the settings ask for; None where they ask for none.

    Raises:
        ModelUnavailableError: its file cannot be had or read; the message says how to supply it.
    """
    model_file = detector_model(settings)
    if model_file is None:
        return None
    path = resolve_file(model_file, explicit=settings.model_path)
    return _DETECTORS[model_file.name](path, min_confidence=settings.min_confidence)


def load_face_landmarker(settings: FacesSettings) -> FaceLandmarker | None:
    """The landmarks the settings ask for; None where they ask for none, or the file is not here.

    Raises:
        ModelUnavailableError: the file is another one, or this OpenCV cannot read it.
    """
    model_file = landmarks_model(settings)
    if model_file is None or find_local(model_file) is None:
        return None
    return FaceLandmarker(resolve_file(model_file))
