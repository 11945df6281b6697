"""Writes the tables of `docs/selection.md` from the declarations: `python -m thumb_assets.select.docs FILE`."""

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from pathlib import Path

from pydantic import BaseModel

from thumb_assets.select.components import COMPONENTS
from thumb_assets.select.rules import DEGRADED, REASONS, RULES, Rule
from thumb_assets.select.traits import TRAITS
from thumb_assets.settings.selection import ComponentWeights, SelectionSettings


def with_tables(page: str, tables: Mapping[str, Callable[[], Iterator[str]]] | None = None) -> str:
    """The page with its tables as the declarations have them; each stands between `<!-- NAME -->` and `<!-- end -->`.

    Args:
        tables: by name what gives the lines of one; None for those of this module.

    Raises:
        ValueError: the page has no place for one of them.
    """
    for name, rows in (TABLES if tables is None else tables).items():
        start, end = f"<!-- {name} -->\n", "<!-- end -->"
        before, middle, rest = page.partition(start)
        if not middle or end not in rest:
            raise ValueError(f"the page has no place for the table {name}")
        page = before + start + "\n" + "\n".join(rows()) + "\n\n" + end + rest.partition(end)[2]
    return page


_IN_SCREENS = {"all": "yes", "screens": "only there", "others": "", "others_and_cards": "at its ends"}


def _rules() -> Iterator[str]:
    columns = ("rule", "what breaks it", "a matter of degree", "shows nothing", "in recordings of screens")
    yield from (f"| {' | '.join(columns)} |", "|---" * len(columns) + "|")
    for reason in REASONS:
        rules = [rule for rule in RULES if rule.reason == reason and rule.tier is not None]
        if rules:
            degree = "yes" if rules[0].tier == DEGRADED else ""
            screens = _IN_SCREENS[rules[0].applies_to]
            nothing = "yes" if any(rule.shows_nothing != "never" for rule in rules) else ""
            yield f"| `{reason}` | {' '.join(dict.fromkeys(map(_words, rules)))} | {degree} | {nothing} | {screens} |"


def _left_out() -> Iterator[str]:
    yield from ("| reason | settings that decide |", "|---|---|")
    for reason in REASONS:
        names = dict.fromkeys(f"`{rule.setting}`" for rule in RULES if rule.reason == reason and rule.tier is None)
        if names:
            yield f"| `{reason}` | {', '.join(names)} |"


def _components() -> Iterator[str]:
    yield from ("| component | what it is | default weight | in recordings of screens |", "|---|---|---|---|")
    for component in COMPONENTS:
        words = ComponentWeights.model_fields[component.name].description
        screens = _IN_SCREENS[component.applies_to]
        yield f"| `{component.name}` | {words} | {component.weight(SelectionSettings()):g} | {screens} |"


def _words(rule: Rule) -> str:
    if rule.setting is None or rule.applies_to == "screens":
        threshold = rule.threshold_of(SelectionSettings())
        share = "" if threshold is None else f"{100 * threshold:.3g} %"
        sentence = rule.sentence.format(value_share="so much", threshold_share=share)
        return f"{sentence[0].upper()}{sentence[1:]}."
    *sections, last = rule.setting.split(".")
    model: BaseModel = reduce(getattr, sections, SelectionSettings())
    words, value = type(model).model_fields[last].description, rule.value_of(SelectionSettings())
    return f"{words} (`{rule.setting}`" + ("" if isinstance(value, bool) or value is None else f", {value:g}") + ")"


def _traits() -> Iterator[str]:
    yield from ("| trait | words | what decides |", "|---|---|---|")
    for trait in TRAITS:
        yield f"| {trait.name} | {', '.join(trait.words)} | {trait.about} |"


TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "rules": _rules,
    "components": _components,
    "left out": _left_out,
    "traits": _traits,
}

if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(with_tables(page.read_text(encoding="utf-8")), encoding="utf-8")
