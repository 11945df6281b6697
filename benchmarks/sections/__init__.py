"""One module per section of the page: which contestants over which clips, and what is made of their costs.

What belongs here: a TITLE, an ABOUT that says how it is measured, and `measure(bench)`. What does not: the contestants
themselves, the repetitions, the look of the page.
"""

from importlib import import_module
from types import ModuleType

# In the order of the page.
NAMES = (
    "stopwatch",
    "limit",
    "profile",
    "tutorial",
    "sparse",
    "every-frame",
    "overhead",
    "scaling",
    "memory",
    "what-if",
    "gpu",
)


def section(name: str) -> ModuleType:
    """The module of a section; only then are the libraries imported that it needs.

    >>> section("every-frame").TITLE
    'Every frame'
    """
    return import_module(f"benchmarks.sections.{name.replace('-', '_')}")
