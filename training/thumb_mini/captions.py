"""Captions of a clean frame and of each kind of defect: the prompts of the settings and paraphrases."""

from thumb_assets.settings.stages import NEGATIVE_PROMPTS, POSITIVE_PROMPTS

CLEAN = "clean"

_CLEAN_CAPTIONS = (
    *POSITIVE_PROMPTS,
    "a sharp frame from a video",
    "a clear, well-lit picture of the main subject",
    "a crisp and bright photo",
    "a good still from a film, in focus and well exposed",
    "a high quality frame with a clear subject",
    "a clean, detailed image of a scene",
    "a beautiful thumbnail showing the subject clearly",
)
_BLUR, _BLACK, _GRAPHIC, _BETWEEN = NEGATIVE_PROMPTS
_FORMS = ("{}", "a frame with {}", "a video still showing {}", "a bad thumbnail with {}", "{} in a video")

# Per kind: the prompt of the settings that names it, and phrases that fit the forms above.
_PHRASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "defocus": (_BLUR, ("defocus blur", "an out of focus picture", "soft, blurred details", "a blurry image")),
    "motion": (_BLUR, ("motion blur", "smeared movement", "camera shake", "a blurry moving subject")),
    "compression": (_BLUR, ("compression artifacts", "blocky low quality video", "a pixelated picture", "low bitrate")),
    "upscaled": (_BLUR, ("a low resolution picture", "an enlarged blurry image", "missing detail", "upscaling blur")),
    "rolling_shutter": (_BLUR, ("rolling shutter wobble", "a distorted picture", "skewed and bent lines")),
    "combing": (_BLUR, ("interlace combing", "jagged interlaced lines", "two fields mixed together")),
    "black": (_BLACK, ("a black screen", "nothing but darkness", "an empty dark image", "a blank frame")),
    "dark": (_BLACK, ("a very dark picture", "bad lighting", "an underexposed scene", "too little light")),
    "fade": (_BLACK, ("a fade to black", "a fade out", "a fading picture", "a fade in")),
    "faded": (_BETWEEN, ("low contrast", "washed out colors", "a pale, foggy picture", "a flat grey image")),
    "flash": (_BETWEEN, ("an overexposed picture", "a white flash", "burnt out highlights", "too much light")),
    "title_card": (_GRAPHIC, ("a title card", "a title screen", "large text on a plain background", "a heading")),
    "credits": (_GRAPHIC, ("credits", "rolling end credits", "many lines of text", "a list of names")),
    "logo": (_GRAPHIC, ("a logo", "a logo on a plain background", "a brand graphic", "an intro animation")),
    "slide": (_GRAPHIC, ("a slide", "a presentation slide", "a chart with text", "a screen of bullet points")),
    "lower_third": (_GRAPHIC, ("a lower third", "a name banner", "a news banner with text", "a caption bar")),
    "subtitles": (_GRAPHIC, ("subtitles", "a subtitle line", "text at the bottom", "closed captions")),
    "overlay": (_GRAPHIC, ("text overlay", "big text over the picture", "words across the image", "a text graphic")),
    "dissolve": (_BETWEEN, ("a dissolve", "two pictures on top of each other", "a cross fade", "a double image")),
    "wipe": (_BETWEEN, ("a wipe", "a split screen transition", "half of the next shot", "two scenes side by side")),
}
KINDS: tuple[str, ...] = tuple(_PHRASES)


def captions_of(kind: str) -> tuple[str, ...]:
    """All captions of a kind of defect, or of `clean`; the prompt of the settings is the first.

    >>> captions_of("defocus")[0]
    'a blurry frame'
    """
    if kind == CLEAN:
        return _CLEAN_CAPTIONS
    prompt, phrases = _PHRASES[kind]
    return (prompt, *(form.format(phrase) for phrase in phrases for form in _FORMS))


def all_captions() -> list[str]:
    """Every caption there is, each once, in a fixed order."""
    return list(dict.fromkeys(caption for kind in (CLEAN, *KINDS) for caption in captions_of(kind)))
