"""Base of every settings model, the marks of single settings, and one layer of values above another."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict

# Marks, beside a field's type. The first: it changes how fast a table is made or what a failure does, never a value in
# it. The second: Dagster reads it once, when it loads the code location.
NO_EFFECT_ON_VALUES, READ_AT_LOAD = "no effect on values", "read at load"


class StageSettings(BaseModel):
    """Base of the per-stage models: frozen, and an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    @classmethod
    def marked(cls, mark: str) -> set[str]:
        """Names of the settings that have a mark."""
        return {name for name, field in cls.model_fields.items() if mark in field.metadata}

    def dump_values(self) -> dict[str, Any]:
        """The settings that change a value in a table, as JSON has them."""
        return self.model_dump(mode="json", exclude=self.marked(NO_EFFECT_ON_VALUES))


def each_once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values; a validator that rejects repeated ones.

    Raises:
        ValueError: one is given twice.
    """
    if len(set(values)) != len(values):
        raise ValueError("one is given twice")
    return values


def possible_widths(widths: tuple[int, ...], *, least: int, most: int) -> tuple[int, ...]:
    """The widths, in pixels, ascending.

    Raises:
        ValueError: one is out of bounds.
    """
    for width in widths:
        if not least <= width <= most:
            raise ValueError(f"{width} is not a width from {least} to {most}")
    return tuple(sorted(widths))


@cache
def section_of(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """The model behind a field that is a section of settings; None for a value or an unknown name."""
    known = model.model_fields.get(name)
    annotation = known.annotation if known else None
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def merged(beneath: Mapping[str, Any], above: Mapping[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Both, section by section; where both say something, `above` is right.

    A value that is a table itself is replaced whole.

    >>> class Weights(BaseModel):
    ...     clip: float = 0.0
    ...     iqa: float = 0.0
    >>> class Choice(BaseModel):
    ...     top_k: int = 3
    ...     weights: Weights = Weights()
    >>> merged({"top_k": 5, "weights": {"clip": 1.0}}, {"weights": {"iqa": 0.5}}, Choice)
    {'top_k': 5, 'weights': {'clip': 1.0, 'iqa': 0.5}}
    """
    result = dict(beneath)
    for name, value in above.items():
        section, own = section_of(model, name), result.get(name)
        is_merged = section is not None and isinstance(own, Mapping) and isinstance(value, Mapping)
        result[name] = merged(own, value, section) if is_merged and section and own is not None else value
    return result
