"""Settings of the stages: what changes a value in a table, or how it is computed."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from thumb_assets.settings.base import NO_EFFECT_ON_VALUES, StageSettings

MAX_ASPECT_RATIO_PART = 100  # either number of W:H


class VideoSettings(StageSettings):
    """Decoding of files."""

    decode_threads: int = Field(0, ge=0, le=64, description="Decoder threads; 0 lets FFmpeg choose.")
    kept_frames: int = Field(24, ge=0, description="Candidates held in memory, as decoded, until stills are written.")
    max_pixels: int = Field(
        64_000_000, ge=1, description="A stream with more pixels per frame than this is refused (8K has 33 million)."
    )
    max_file_bytes: int = Field(1_000_000_000_000, ge=1, description="A larger file is refused.")
    max_duration_seconds: float = Field(86_400.0, gt=0, description="A longer video is refused once that is seen.")
    max_num_frames: int = Field(20_000_000, ge=1, description="A video of more frames is refused once that is seen.")
    is_isolated: bool = Field(
        True, description="Work in a child process, so that a decoder that dies or hangs costs one video."
    )
    stall_seconds: float = Field(
        3600.0,
        gt=0,
        le=604_800,
        description="A video without progress for this long has failed (a whole batch is one step).",
    )
    hwaccel: Literal["none", "auto", "cuda", "vaapi", "qsv", "videotoolbox", "d3d11va"] = Field(
        "none", description="Device that decodes; what it cannot do the CPU does. Checks always decode on the CPU."
    )


class SparseSettings(StageSettings):
    """Thumbnails without decoding every frame, and the share that is decoded then."""

    is_on: bool = Field(False, description="Decode sync frames and a few groups of pictures where the index allows it.")
    max_decoded_share: float = Field(
        0.10,
        ge=0,
        le=1,
        description="Share of the video's decoding that may be spent; the sync frames and one group are always needed.",
    )
    min_sync_frames: int = Field(
        16,
        ge=2,
        description="With fewer of them frames between them are decoded as well, up to so many candidates; where that "
        "costs as much as the video, every frame is.",
    )
    max_sync_gap_seconds: float = Field(
        12.0, gt=0, description="Where two are further apart on average, every frame is decoded."
    )


class ShotsSettings(StageSettings):
    """Cutting the video into shots."""

    detector: Literal["adaptive", "content", "threshold", "histogram", "hash", "transnet"] = Field(
        "adaptive", description="PySceneDetect's detectors, or transnet: the learned TransNetV2 (extra `transnet`)."
    )
    adaptive_threshold: float = Field(3.5, gt=0, description="AdaptiveDetector: least ratio to the neighbours' mean.")
    window_width: int = Field(3, ge=1, le=120, description="AdaptiveDetector: frames on each side in that mean.")
    content_threshold: float = Field(27.0, gt=0, description="ContentDetector: least mean HSV difference.")
    fade_threshold: float = Field(
        12.0, ge=0, le=255, description="ThresholdDetector, transnet: mean RGB that counts as black."
    )
    histogram_threshold: float = Field(0.05, gt=0, le=1, description="HistogramDetector: least loss of correlation.")
    hash_threshold: float = Field(0.395, gt=0, le=1, description="HashDetector: least share of differing hash bits.")
    transnet_threshold: float = Field(0.5, gt=0, lt=1, description="transnet: a frame with more is a transition.")
    device: Annotated[Literal["auto", "cpu", "cuda"], NO_EFFECT_ON_VALUES] = Field(
        "auto", description="transnet: auto is cuda, then cpu."
    )
    min_shot_seconds: float = Field(0.6, ge=0, description="A cut sooner than this after the last one is ignored.")
    working_height: int = Field(
        64, ge=32, le=2160, description="Lines the detector sees at least, the picture halved; transnet's are given."
    )


class SubtitlesSettings(StageSettings):
    """Reading of subtitles, of tracks in the file and of files beside it."""

    is_on: bool = Field(True, description="Read subtitles.")
    sidecars: bool = Field(True, description="Read NAME.srt, .vtt, .ass and .ssa beside NAME.mp4; NAME.en.srt as well.")
    max_file_bytes: int = Field(8_000_000, ge=1, description="A larger sidecar is passed over.")
    max_num_sources: int = Field(16, ge=1, le=1000, description="Tracks and sidecars that are read, at most.")
    max_num_cues: int = Field(10_000, ge=1, le=1_000_000, description="Cues that are kept of a source, at most.")
    max_length: int = Field(500, ge=1, description="Characters that are kept of a cue.")


class AudioSettings(StageSettings):
    """Measuring of sound."""

    is_on: bool = Field(True, description="Measure how loud it is, every half second.")
    speech: Literal["none", "silero"] = Field(
        "silero", description="Model that hears speech; without its file the probability is null."
    )
    model_path: Path | None = Field(None, description="Silero VAD's file; null looks it up in the weights room.")


class CandidatesSettings(StageSettings):
    """The frames that are candidates."""

    shot_offset_seconds: float = Field(0.4, ge=0, description="Distance of a shot's candidate from the shot's start.")
    uniform_interval_seconds: float | None = Field(
        1.5, gt=0, description="One candidate in the middle of every interval of this length; null turns it off."
    )
    min_num_candidates: int = Field(
        8, ge=0, le=1000, description="A short video's intervals are shorter, so that there are as many of them."
    )
    use_shots: bool = Field(True, description="One candidate near each shot's start, and one near its end.")
    shot_end_seconds: float | None = Field(
        0.2, ge=0, description="Distance of the latter from the shot's end; null turns it off."
    )
    transition_seconds: float = Field(0.7, ge=0, description="That distance where the shot dissolves or fades.")
    use_cues: bool = Field(True, description="One candidate in the middle of each subtitle that no other one shows.")
    use_keyframes: bool = Field(False, description="Every codec sync frame is a candidate.")
    every_num_frames: int | None = Field(None, ge=1, description="Every n-th frame is a candidate; null turns it off.")
    screens: Literal["auto", "on", "off"] = Field(
        "auto",
        description="One candidate for each state of the screen: in what looks like slides or a screen recording.",
    )
    min_still_share: float = Field(
        0.60,
        ge=0,
        le=1,
        description="screens=auto: in a recording of screens nothing moves for this share of the time.",
    )
    min_colour_share: float = Field(
        0.55,
        ge=0,
        le=1,
        description="screens=auto: and of its pictures the median has this share in one of 512 colours.",
    )
    max_still_difference: float = Field(
        0.25, ge=0, le=255, description="A screen stands still while two frames differ by less (frame_difference)."
    )
    state_seconds: float = Field(
        0.4, ge=0, description="A state of the screen lasts at least so long, and is shown so long before its end."
    )


class FacesSettings(StageSettings):
    """Face detection."""

    detector: Literal["auto", "none", "yunet", "centerface"] = Field(
        "auto", description="auto: yunet where its file is here, else centerface, else faces are left out."
    )
    model_path: Path | None = Field(
        None, description="The detector's ONNX file (auto: YuNet's); null looks it up in the weights room."
    )
    working_height: int = Field(540, ge=64, le=2160, description="Lines of the image the faces are measured in.")
    min_confidence: float = Field(0.7, ge=0, le=1, description="Boxes with less are dropped by the detector.")
    landmarks: Literal["auto", "none"] = Field(
        "auto", description="auto: eyes, mouth and gaze of large faces where the model face-landmarker is here."
    )
    on_unavailable: Annotated[Literal["skip", "error"], NO_EFFECT_ON_VALUES] = Field(
        "skip", description="If the model is unavailable."
    )


POSITIVE_PROMPTS = ("a sharp, well-lit frame from a video, showing the main subject clearly",)
NEGATIVE_PROMPTS = (
    "a blurry frame",
    "a black frame",
    "a transition with text overlay or graphic",
    "a frame caught between two shots",
)
TITLE_CARD_PROMPTS = ("a title card with text", "a slide with large text on a plain background", "film credits")
# Those of the settings of `clip` that change no embedding.
PROMPT_FIELDS = ("positive_prompts", "negative_prompts", "title_card_prompts")


class ClipSettings(StageSettings):
    """The CLIP model that scores the candidates, and its prompts."""

    model: str = Field("thumb-mini", description="Any open_clip model name, or thumb-mini, which ships with us.")
    pretrained: str | None = Field("embedded", description="open_clip's tag of the weights; thumb-mini's is embedded.")
    checkpoint: Path | None = Field(None, description="A local checkpoint instead of the tag (safetensors preferred).")
    positive_prompts: tuple[str, ...] = Field(POSITIVE_PROMPTS, min_length=1)
    negative_prompts: tuple[str, ...] = Field(NEGATIVE_PROMPTS, min_length=1)
    title_card_prompts: tuple[str, ...] = Field(TITLE_CARD_PROMPTS, min_length=1)
    batch_size: Annotated[int, NO_EFFECT_ON_VALUES] = Field(
        32, ge=1, le=4096, description="Images per forward pass, at most: fewer where memory asks for it, few on a CPU."
    )
    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], NO_EFFECT_ON_VALUES] = Field(
        "auto", description="auto: cuda, then mps, then cpu."
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto", description="auto: bf16 on CUDA (fp16 on GPUs without it), else fp32. Texts are always encoded in fp32."
    )
    compile: Annotated[Literal["none", "torch", "tensorrt"], NO_EFFECT_ON_VALUES] = Field(
        "none", description="CUDA only: have torch compile the model."
    )
    on_unavailable: Annotated[Literal["skip", "error"], NO_EFFECT_ON_VALUES] = Field(
        "skip", description="If the weights are unavailable."
    )


class IqaSettings(StageSettings):
    """The no-reference quality metrics that score the frames."""

    metrics: tuple[str, ...] = Field(
        ("piqe",),
        min_length=1,
        description="No-reference metrics: piqe is our own, all others are pyiqa's, by its names.",
    )
    working_height: int = Field(540, ge=64, le=4320, description="Lines of the image the metric sees (never enlarged).")
    scope: Literal["candidates", "every_frame"] = Field("candidates", description="Which decoded frames are scored.")
    batch_size: Annotated[int, NO_EFFECT_ON_VALUES] = Field(
        8, ge=1, le=1024, description="Images per forward pass, at most: fewer where memory asks for it, few on a CPU."
    )
    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], NO_EFFECT_ON_VALUES] = Field(
        "auto", description="auto: cuda, then mps, then cpu. piqe is always computed on the CPU."
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto", description="As of clip, for neural metrics whose scores hold in it; all others are computed in fp32."
    )
    compile: Annotated[Literal["none", "torch", "tensorrt"], NO_EFFECT_ON_VALUES] = Field(
        "none", description="CUDA only: have torch compile the nets."
    )
    on_unavailable: Annotated[Literal["skip", "error"], NO_EFFECT_ON_VALUES] = Field(
        "skip", description="If the package or the weights are unavailable."
    )


StillFormat = Literal["jpeg", "png", "webp", "avif"]


class StillsSettings(StageSettings):
    """Writing of the chosen frames."""

    format: StillFormat = Field(
        "jpeg", description="PNG is lossless and about ten times slower; WebP and AVIF are smaller, AVIF slowest."
    )
    jpeg_quality: int = Field(95, ge=1, le=100, description="JPEG quality; chroma is always 4:4:4.")
    webp_quality: int = Field(90, ge=1, le=100, description="WebP quality; chroma is always 4:2:0.")
    avif_quality: int = Field(80, ge=1, le=100, description="AVIF quality; chroma is always 4:4:4.")
    max_bytes: int | None = Field(
        None,
        ge=1000,
        description="No file of a still or crop is larger: quality goes down in steps of 5 until it fits; null: no "
        "limit. YouTube takes 2000000.",
    )
    bit_depth: Literal[8, 16] = Field(8, description="Bits per channel; 16 needs PNG, and keeps what 10 bits hold.")
    trim_bars: bool = Field(
        True, description="Cut off the black bars that the whole video has (letterbox, pillarbox), of crops too."
    )

    @model_validator(mode="after")
    def _depth_fits_format(self) -> "StillsSettings":
        if self.bit_depth == 16 and self.format != "png":
            raise ValueError("bit_depth 16 needs format png")
        if self.max_bytes is not None and self.format == "png":
            raise ValueError("max_bytes needs format jpeg, webp or avif: PNG has no quality to lower")
        return self

    @property
    def quality(self) -> int:
        """That of the format; of no meaning for PNG."""
        return self.quality_of(self.format)

    def quality_of(self, name: StillFormat) -> int:
        """That of any format; of no meaning for PNG."""
        return {"webp": self.webp_quality, "avif": self.avif_quality}.get(name, self.jpeg_quality)


class CropsSettings(StageSettings):
    """To which shapes the stills are cut as well; format and quality are those of the stills."""

    aspect_ratios: tuple[str, ...] = Field((), description='Such as ["16:9", "9:16", "1:1", "4:5"]; empty: no crops.')
    without_faces: Literal["saliency", "centre"] = Field(
        "saliency", description="Place of the crop if no face is known."
    )
    min_face_confidence: float = Field(0.7, ge=0, le=1, description="Faces with less do not count.")

    @field_validator("aspect_ratios")
    @classmethod
    def _ratios_can_be_used(cls, ratios: tuple[str, ...]) -> tuple[str, ...]:
        for ratio in ratios:
            match = re.fullmatch(r"([1-9][0-9]{0,2}):([1-9][0-9]{0,2})", ratio)
            if match is None or max(int(part) for part in match.groups()) > MAX_ASPECT_RATIO_PART:
                raise ValueError(f"{ratio!r} is not W:H with whole numbers from 1 to {MAX_ASPECT_RATIO_PART}")
        if len(set(ratios)) != len(ratios):
            raise ValueError("an aspect ratio is given twice")
        return ratios


# What footage often shows: titles for the chapters of a video of any kind.
SCENE_LABELS = (
    "people talking",
    "a person speaking to the camera",
    "an interview",
    "a crowd",
    "a presentation on a stage",
    "a slide with text",
    "a computer screen",
    "a city street",
    "traffic",
    "buildings",
    "an office",
    "a living room",
    "a kitchen",
    "food",
    "a forest",
    "mountains",
    "a beach",
    "the sea",
    "a river",
    "the sky",
    "a field",
    "a garden",
    "animals",
    "birds",
    "sport",
    "a concert",
    "a dance",
    "a car",
    "a train",
    "a factory",
    "a laboratory",
    "a night scene",
    "an animated film",
    "an aerial view",
)


class ChaptersSettings(StageSettings):
    """Chapters of like content, and their titles."""

    is_on: bool = Field(False, description="Make chapters.")
    eps: float | None = Field(
        None, gt=0, description="Radius of a cluster: 0 is identical, 1.41 unrelated; null: derived from the video."
    )
    min_samples: int = Field(2, ge=1, le=1000, description="Candidates within the radius that make a cluster.")
    time_weight: float = Field(
        0.1, ge=0, description="Distance between two candidates per minute that they are apart, beside their looks."
    )
    min_chapter_seconds: float = Field(
        10.0, ge=0, description="A shorter one joins the neighbour that is more like it."
    )
    max_chapters: int = Field(20, ge=1, le=1000, description="Neighbours that are most alike are joined until then.")
    labels: tuple[str, ...] = Field(SCENE_LABELS, description="Titles to choose from, in words that CLIP knows.")
    titles_from_writing: bool = Field(
        True, description="A chapter without a label gets the largest line that is written in it, where it is large."
    )
    titles_from_subtitles: bool = Field(
        True, description="One without that gets the subtitle that says most of what is said in it alone."
    )
    min_label_margin: float = Field(
        0.01, ge=-2, le=2, description="A label that is not more like a chapter than the next one by this is none."
    )


# Ways to prove that a picture file shows its frame, from the cheapest to the one that trusts least.
Verification = Literal["file", "decode", "count"]


class ExportSettings(StageSettings):
    """The program that fetches the chosen frames (both give the same pixels), their proof, the disk."""

    backend: Annotated[Literal["pyav", "ffmpeg"], NO_EFFECT_ON_VALUES] = Field(
        "pyav", description="ffmpeg: FFmpeg the program, proven like PyAV."
    )
    ffmpeg_path: Annotated[Path | None, NO_EFFECT_ON_VALUES] = Field(
        None, description="null: the system's ffmpeg, else imageio-ffmpeg's."
    )
    batch_size: Annotated[int, NO_EFFECT_ON_VALUES] = Field(
        50, ge=1, le=200, description="ffmpeg: frames per call, each decoding from the start."
    )
    timeout_seconds: Annotated[float, NO_EFFECT_ON_VALUES] = Field(
        600.0, gt=0, description="ffmpeg: a call that takes longer is stopped."
    )
    verification: Annotated[Verification, NO_EFFECT_ON_VALUES] = Field(
        "file",
        description="file: each picture is read back and compared with its frame in memory. decode: with its frame "
        "decoded once more, too. count: found by counting from frame 0.",
    )
    min_free_bytes: Annotated[int, NO_EFFECT_ON_VALUES] = Field(
        32_000_000, ge=0, description="Bytes that must stay free on the disk beyond the planned files."
    )

    @field_validator("verification", mode="before")
    @classmethod
    def _former_name_stays(cls, value: object) -> object:
        return "decode" if value == "seek" else value


class ModelsSettings(StageSettings):
    """The models that may be used at all; for every stage; changes no value in a table."""

    licence: Literal["commercial", "research"] = Field(
        "research", description="commercial refuses models whose terms forbid commercial use or are not known."
    )
    allow: tuple[str, ...] = Field((), description="Models you hold the rights to; never refused.")
