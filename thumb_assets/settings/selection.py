"""Settings of the choice and of the survey: what rejects, what scores, how different selections have to be."""

from typing import Literal

from pydantic import Field, model_validator

from thumb_assets.settings.base import StageSettings


class ComponentWeights(StageSettings):
    """Weights of the components of `combined_score`; a component that is absent is left out of the mean.

    The description of a weight is that of its component's column in the table `selections`.
    """

    sharpness: float = Field(0.25, ge=0, description="Percentile of the Laplacian variance among the candidates.")
    clip: float = Field(0.35, ge=0, description="Percentile of clip_score among the candidates.")
    iqa: float = Field(0.0, ge=0, description="Mean percentile of the metrics, direction honoured.")
    aesthetic: float = Field(0.0, ge=0, description="Percentile of the aesthetic score among the candidates.")
    stillness: float = Field(0.0, ge=0, description="Percentile of how little moves around the frame.")
    contrast: float = Field(0.05, ge=0, description="Percentile of the luma's standard deviation.")
    subject: float = Field(
        0.2, ge=0, description="Size of the subject up to a tenth of the picture, less where it is cut off above."
    )
    text: float = Field(0.50, ge=0, description="Percentile of the likeness to selection.looking_for.")
    words: float = Field(
        1.0,
        ge=0,
        description="Likeness of subtitle or writing to selection.looking_for, beside the best of the video.",
    )
    sound: float = Field(0.0, ge=0, description="Percentile of the loudness around the frame.")
    judge: float = Field(1.0, ge=0, description="The judge's score over 10; 0 where it was not asked for it.")
    learned: float = Field(1.0, ge=0, description="Percentile of the learned scorer's score.")
    state: float = Field(
        1.0, ge=0, description="Time of the state of the screen; with text and judge all that counts in screens."
    )


class RejectSettings(StageSettings):
    """Reasons to reject a candidate, as long as others remain; a threshold that nothing reaches is off.

    Candidates that show nothing are rejected even where no others remain, see `keep_least_bad`.

    Rules that are a matter of degree drop the worst of a video, at most `max_share` of its candidates each; the others
    that break them are doubtful: taken last, and only where the rules leave less than `min_usable_share` of the video.
    """

    min_luma_mean: float = Field(16.0, ge=0, le=255, description="Below this mean luma a frame is too dark.")
    max_dark_share: float = Field(
        0.92, ge=0, le=1, description="Above this share of nearly black pixels a frame is too dark."
    )
    max_luma_mean: float = Field(
        236.0, ge=0, le=255, description="Above this mean luma a frame is too bright, if few are."
    )
    max_bright_share: float = Field(
        0.60, ge=0, le=1, description="Above this share of burnt-out pixels a frame is too bright, if few are."
    )
    min_luma_std: float = Field(8.0, ge=0, le=255, description="Below this deviation of the luma a frame is too flat.")
    min_content_std: float = Field(
        4.0, ge=0, le=255, description="Below this deviation of the luma a frame shows nothing at all: black or blank."
    )
    min_content_acutance: float = Field(
        0.17,
        ge=0,
        le=0.5,
        description="Where even the best is below this, a covered or hopelessly blurred lens shows nothing at all.",
    )
    max_colour_bar_share: float = Field(
        0.5, ge=0, le=1, description="A test pattern: colour bars in their order cover more of the width than this."
    )
    min_luma_entropy: float = Field(
        3.0, ge=0, le=8, description="Below this entropy (bits) of the luma a frame is too flat, if few are."
    )
    no_damage: bool = Field(True, description="Reject frames that the decoder marks corrupt, and frames built on them.")
    min_cut_seconds: float = Field(0.12, ge=0, description="A frame nearer to a cut may mix two shots.")
    min_transition_seconds: float = Field(
        0.6, ge=0, description="A frame nearer to the middle of a dissolve or fade is part of it."
    )
    min_contrast_share: float = Field(
        0.85,
        ge=0,
        le=1,
        description="Below this share of the best contrast within the second a frame is part of a fade.",
    )
    min_sharpness_share: float = Field(
        0.45,
        ge=0,
        le=1,
        description="Below this share of the sharpest frame (Laplacian variance) within the second a frame mixes two.",
    )
    max_brightness_jump: float = Field(
        30.0, ge=0, le=255, description="A flash: the mean luma exceeds that of the second around it by more than this."
    )
    max_bright_share_jump: float = Field(
        0.30, ge=0, le=1, description="Also a flash: the burnt-out share exceeds the video's median by more than this."
    )
    min_acutance: float = Field(
        0.21,
        ge=0,
        le=0.5,
        description="Below this even the sharpest edges are soft: out of focus or motion blur. Soft videos: less.",
    )
    min_sharpness_of_median: float = Field(
        0.03,
        ge=0,
        le=1,
        description="Below this share of the video's median sharpness (Laplacian variance) a frame is blurred.",
    )
    max_motion: float = Field(
        24.0,
        ge=0,
        le=255,
        description="Above this difference of two frames within 0.12 s there is too much motion, or a jump.",
    )
    turned_away_share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Turned away: no face, where this share of the candidates around it, or more, have one.",
    )
    min_eyes_open: float = Field(
        0.05,
        ge=0,
        le=1,
        description="variants: below this, of the way from closed to what is usual in the video, the eyes of the "
        "largest face are shut.",
    )
    max_title_card_margin: float = Field(
        0.10, ge=-2, le=2, description="A title card: more similar to one than to a good frame, by more than this."
    )
    max_text_share: float = Field(
        0.02,
        ge=0,
        le=1,
        description="Above the video's median and this share of writing a frame is overlaid with text.",
    )
    max_bar_share: float = Field(
        0.08, ge=0, le=1, description="A letterbox: bars cover more than the video's median by this share."
    )
    max_unsafe_probability: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Above this probability a frame is unsafe; below 1 the stage safety has to look at each first.",
    )
    max_recurrences: int = Field(
        2, ge=0, description="An intro, a logo or credits: shown in more than this number of other videos."
    )
    max_share: float = Field(
        0.15, ge=0, le=1, description="Largest share of a video's candidates that one rule of degree may reject."
    )
    min_usable_share: float = Field(
        0.15,
        ge=0,
        le=1,
        description="If a smaller share of the candidates is usable, last-resort frames are taken too.",
    )


class SimilaritySettings(StageSettings):
    """Likeness of two candidates: cosine of CLIP embeddings and of classical descriptors, and difference hashes."""

    descriptor_weight: float = Field(
        0.6, ge=0, le=1, description="Weight of gradients and colours beside the CLIP embedding, where both are there."
    )
    max_cosine: float = Field(0.95, ge=-1, le=1, description="Two selections that are more alike are near-duplicates.")
    max_embedding_cosine: float = Field(
        0.995,
        ge=-1,
        le=1,
        description="The same if there are only embeddings: any two of thumb-mini are similar.",
    )
    min_hash_distance: int = Field(
        10, ge=0, le=64, description="Two selections whose hashes differ in fewer bits are near-duplicates."
    )
    is_relative: bool = Field(
        True, description="Where a video's candidates are all much alike, half of their mean distance is enough."
    )


class KeyframesSettings(StageSettings):
    """Strategy `keyframes`: a new selection begins where the similarity to the last one falls below a threshold."""

    threshold: Literal["fixed", "dynamic", "percentile"] = Field(
        "percentile", description="dynamic falls as selections accumulate; percentile is found from the video itself."
    )
    fixed: float = Field(0.90, ge=-1, le=1, description="The threshold of fixed, and where dynamic begins.")
    step: float = Field(0.01, ge=0, le=1, description="dynamic: decrease with each selection.")
    floor: float = Field(0.75, ge=-1, le=1, description="dynamic: lower bound.")
    percentile: float = Field(
        40.0, ge=0, le=100, description="percentile: of the similarities of candidates a few seconds apart."
    )
    compared_seconds: float = Field(4.0, gt=0, description="percentile: their distance.")

    @model_validator(mode="after")
    def _floor_is_below(self) -> "KeyframesSettings":
        if self.floor > self.fixed:
            raise ValueError("floor is above fixed, where a dynamic threshold begins")
        return self


class SelectionSettings(StageSettings):
    """The choice of the few frames from the candidates."""

    preset: str | None = Field(
        None, description="Settings by name, or by a YAML file; explicit settings override them."
    )
    strategy: Literal["best", "keyframes", "variants"] = Field(
        "best",
        description="best: few, good and different; keyframes: one wherever the content changes; variants: covers for "
        "a test, of nearly equal scores and different traits.",
    )
    top_k: int | Literal["auto"] = Field(3, description="Selections per video, at most; auto: as the content supports.")
    max_k: int = Field(12, ge=1, le=1000, description="Maximum number of selections if top_k is auto.")
    min_coverage_gain: float = Field(
        0.03, ge=0, le=1, description="auto: each selection has to make the video so much better covered."
    )
    min_share_of_best: float = Field(
        0.4,
        ge=0,
        le=1,
        description="Share of the video's best score that a selection needs: fewer ones rather than bad ones.",
    )
    near_equal_share: float = Field(
        0.6, ge=0, le=1, description="variants: share of the video's best score that a cover of a test needs."
    )
    preferred_equal_share: float = Field(
        0.85,
        ge=0,
        le=1,
        description="variants: covers with this share come first, the most different of them; others only where these "
        "are too few, the best first.",
    )
    keep_least_bad: bool = Field(
        False, description="Select the least bad frames of a video that shows nothing: black, blank, a test pattern."
    )
    min_gap_seconds: float = Field(1.0, ge=0, description="Least distance between two selections.")
    distinct_shots: bool = Field(True, description="One selection per shot while there are shots left.")
    diversify: Literal["facility_location", "mmr", "none"] = Field(
        "facility_location", description="Method that makes selections different; none takes the best scores."
    )
    screens: Literal["auto", "off"] = Field(
        "auto", description="auto: in slides and screen recordings (candidates.screens) a selection for each new state."
    )
    diversity_weight: float = Field(0.3, ge=0, le=1, description="Weight of being different beside the score.")
    window_seconds: tuple[float, float] | None = Field(None, description="Only frames in [start, end) are chosen.")
    spoiler_safe: bool = Field(
        False, description="Choose nothing of the story's end, and nothing more like its end than like the rest of it."
    )
    spoiler_share: float = Field(
        0.6, gt=0, le=1, description="spoiler_safe: share of the story, without intro and credits, that may be shown."
    )
    looking_for: str | None = Field(
        None, min_length=1, description="Words, for CLIP, subtitles and writing; frames like them score higher."
    )
    avoid: str | None = Field(
        None, min_length=1, description="Words, for CLIP, subtitles and writing; frames like them are rejected."
    )
    words_by: Literal["meaning", "letters"] = Field(
        "meaning",
        description="How subtitles and writing are compared; meaning needs all-minilm-l6-v2.",
    )
    avoid_words: float = Field(
        0.5,
        ge=0,
        le=1,
        description="A greater likeness of subtitle or writing to `avoid` is to be avoided.",
    )
    avoid_margin: float = Field(
        0.02, ge=-2, le=2, description="Likeness to `avoid` above that to a good frame by more is to be avoided."
    )
    shot_weight: float = Field(
        0.0, ge=0, le=1, description="Share of percentiles within the shot, whose content is alike, beside the video's."
    )
    library_weight: float = Field(
        0.25, ge=0, le=1, description="Share of percentiles within the library, where it was surveyed and is large."
    )
    learned: Literal["auto", "off", "force"] = Field(
        "auto", description="Whether a learned scorer counts: where it was better than the weights, never, always."
    )
    weights: ComponentWeights = Field(default_factory=ComponentWeights)
    reject: RejectSettings = Field(default_factory=RejectSettings)
    similarity: SimilaritySettings = Field(default_factory=SimilaritySettings)
    keyframes: KeyframesSettings = Field(default_factory=KeyframesSettings)
    face_bonus: float = Field(0.05, ge=0, le=1, description="Added to combined_score, at most, for clear faces.")
    clear_face_confidence: float = Field(0.85, ge=0, le=1, description="Least confidence of a clear face.")
    clear_face_height: float = Field(0.10, ge=0, le=1, description="Least height of a clear face, of the frame's.")

    @model_validator(mode="after")
    def _can_be_used(self) -> "SelectionSettings":
        if self.top_k != "auto" and not 1 <= self.top_k <= 1000:
            raise ValueError("top_k is a number from 1 to 1000, or auto")
        if self.window_seconds is not None and not 0 <= self.window_seconds[0] < self.window_seconds[1]:
            raise ValueError("window_seconds is [start, end) with 0 <= start < end")
        return self

    @property
    def most(self) -> int:
        """Selections per video, at most."""
        return self.max_k if self.top_k == "auto" else self.top_k

    @property
    def floor(self) -> str | None:
        """Name of the setting whose share of the best score a selection needs; None where it needs none."""
        floors = {"best": "min_share_of_best", "variants": "near_equal_share"}
        return floors.get(self.strategy)


class SurveySettings(StageSettings):
    """Comparison of the library's videos; docs/survey.md explains the defaults."""

    min_cosine: float = Field(
        0.95, ge=-1, le=1, description="Frames of two videos are alike from this cosine on, weighed as two selections."
    )
    max_hash_distance: int = Field(8, ge=0, le=64, description="And if their hashes differ in no more bits than this.")
    still_min_cosine: float = Field(0.93, ge=-1, le=1, description="The same for two stills, which are only listed.")
    still_max_hash_distance: int = Field(12, ge=0, le=64, description="And for their hashes.")
    num_neighbours: int = Field(
        64,
        ge=1,
        le=1000,
        description="Other videos that are counted of a frame, at most; neighbours that are looked at.",
    )
    max_exact: int = Field(
        30_000,
        ge=0,
        description="Up to this number each frame is compared with all; above it an index finds the near ones.",
    )
    min_videos: int = Field(20, ge=1, description="With fewer measured videos the library's scores do not count.")
