"""The licences that this project knows, and whether each allows commercial use of a still."""

import re
from dataclasses import dataclass

# Of the owner of the library, who needs nobody's permission.
OWN = "own"
_CC = re.compile(r"cc-by(?P<terms>(?:-(?:nc|sa|nd))*)(?:-(?P<version>[1-4]\.[05]))?")
_CC_URL = re.compile(r"https?://(?:www\.)?creativecommons\.org/(?:licenses|publicdomain)/([a-z-]+)/([0-9.]+)")
_PUBLIC_DOMAIN = {"zero": "CC0", "mark": "CC-PDM"}
# By SPDX name in lower case, as people also write them: the SPDX name, whether commercial use is allowed.
_OTHERS: dict[str, tuple[str, bool]] = {
    "cc0": ("CC0-1.0", True),
    "cc0-1.0": ("CC0-1.0", True),
    "cc-zero": ("CC0-1.0", True),
    "cc-pdm": ("CC-PDM-1.0", True),
    "cc-pdm-1.0": ("CC-PDM-1.0", True),
    "public-domain": ("CC-PDM-1.0", True),
    "mit": ("MIT", True),
    "apache-2.0": ("Apache-2.0", True),
    "bsd-2-clause": ("BSD-2-Clause", True),
    "bsd-3-clause": ("BSD-3-Clause", True),
    "unlicense": ("Unlicense", True),
    "gfdl-1.3": ("GFDL-1.3", True),
    "polyform-noncommercial-1.0.0": ("PolyForm-Noncommercial-1.0.0", False),
    "polyform-strict-1.0.0": ("PolyForm-Strict-1.0.0", False),
    OWN: (OWN, True),
}


@dataclass(frozen=True)
class Licence:
    """A licence of a video.

    Attributes:
        name: SPDX's where it is known, else as it was said.
        is_known: whether this project knows its terms.
        is_commercial: whether it allows commercial use of stills; False where its terms are not known.
    """

    name: str
    is_known: bool = False
    is_commercial: bool = False


def licence_of(text: str) -> Licence:
    """The licence that a text names, in any of the usual spellings.

    A licence that forbids adaptations (ND) counts as not commercial: a still is cut out of the work.

    >>> licence_of("CC BY 4.0")
    Licence(name='CC-BY-4.0', is_known=True, is_commercial=True)
    >>> licence_of("https://creativecommons.org/licenses/by-nc/3.0/").name
    'CC-BY-NC-3.0'
    >>> licence_of("all rights reserved").is_known
    False
    """
    said = text.strip()
    key = re.sub(r"[\s_]+", "-", said.lower())
    found = _CC_URL.match(said.lower())
    if found:
        kind, version = found.groups()
        key = f"{_PUBLIC_DOMAIN.get(kind, 'cc-' + kind)}-{version}".lower()
    if key in _OTHERS:
        name, is_commercial = _OTHERS[key]
        return Licence(name, is_known=True, is_commercial=is_commercial)
    match = _CC.fullmatch(key)
    if match is None:
        return Licence(said)
    terms = match["terms"].split("-")
    return Licence(key.upper(), is_known=True, is_commercial=not {"nc", "nd"} & set(terms))


def known_licences() -> list[tuple[str, bool]]:
    """The names that are known and whether each allows commercial use, for people; a version may follow CC's."""
    creative_commons = [f"CC-BY{terms}" for terms in ("", "-SA", "-ND", "-NC", "-NC-SA", "-NC-ND")]
    names = dict.fromkeys([*creative_commons, *(name for name, _ in _OTHERS.values())])
    return [(name, licence_of(name).is_commercial) for name in names]
