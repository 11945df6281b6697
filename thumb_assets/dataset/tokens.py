"""Estimates the tokens that pictures and text cost a vision-language model.

Sources: OpenAI, "Images and vision", section "Calculating costs", models that count tiles: the picture is scaled into
2048 x 2048, then its shorter side to 768 at most; 85 tokens, and 170 for each tile of 512 pixels. Text: OpenAI,
"Tokenizer": about four characters of English to a token. Other models count otherwise; a digest says what it assumes.
"""

import math

ASSUMED = (
    "85 a picture and 170 a tile of 512 x 512 pixels (OpenAI, Images and vision, Calculating costs), 1 for 4 letters"
)
_BASE, _PER_TILE, _TILE = 85, 170, 512
_MOST, _MOST_OF_SHORTER = 2048, 768
_CHARACTERS = 4


def tokens_of_picture(width: int, height: int) -> int:
    """Tokens for a picture of that size in pixels.

    >>> tokens_of_picture(1024, 768), tokens_of_picture(1024, 384), tokens_of_picture(4096, 2048)
    (765, 425, 1105)
    """
    scale = min(1.0, _MOST / max(width, height))
    scale = min(scale, _MOST_OF_SHORTER / min(width, height))
    tiles = math.ceil(round(width * scale) / _TILE) * math.ceil(round(height * scale) / _TILE)
    return _BASE + _PER_TILE * tiles


def tokens_of_text(text: str) -> int:
    """Tokens for a text.

    >>> tokens_of_text("four")
    1
    """
    return math.ceil(len(text) / _CHARACTERS)
