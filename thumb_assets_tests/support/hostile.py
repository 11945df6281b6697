"""File names made to deceive whoever reads them, and what must not be found where people read."""

import re
import unicodedata

from markdown_it import MarkdownIt
from markdown_it.token import Token

FORGED = "error: forged"
NAME = (
    "a\x1b]0;owned\x07\x1b[2K\r\nerror: forged\u2028failed: forged\x9b1m\u202egpj.\u2066 [red]x[bold] | `b` "
    "<script>alert(1)<script> ![x](http:evil) [y](http:evil) *z* www.evil.example =1+1"
)
_HARMLESS_BLOCKS = {"paragraph", "inline", "ordered_list", "bullet_list", "list_item", "text", "softbreak"}


def unsafe_characters(text: str) -> list[str]:
    """Characters that a terminal or a reader's eye would obey; line feeds are for the test to look at."""
    kinds = {"Cc", "Cf", "Zl", "Zp"}
    return [character for character in text if character != "\n" and unicodedata.category(character) in kinds]


def active_markup(markdown: str) -> list[str]:
    """Elements of a Markdown text that are more than text and lists, pictures inside the text apart."""
    # Bare addresses, of which GitHub's Markdown makes links.
    bare = re.findall(r"https?:(?=//)|www\.", re.sub(r"data:image/[^)]*", "", markdown))
    tokens = MarkdownIt("commonmark", {"html": True}).parse(markdown)
    return bare + [
        f"{token.type}: {token.content or token.attrs}"
        for parent in tokens
        for token in (parent, *(parent.children or []))
        if token.type.removesuffix("_open").removesuffix("_close") not in _HARMLESS_BLOCKS
        and not _is_own_picture(token)
    ]


def _is_own_picture(token: Token) -> bool:
    return token.type == "image" and str(token.attrs.get("src", "")).startswith("data:image/")
