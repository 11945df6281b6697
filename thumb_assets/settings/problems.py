"""One line about a value that settings do not take: the setting as a person writes it, and what it takes instead."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from thumb_assets.settings.base import section_of

_KINDS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
    NoneType: "null",
}


def problem_of(error: ValidationError, model: type[BaseModel]) -> str:
    """The first problem of an error, as one line.

    Args:
        model: the settings model that was given the values.

    >>> class Inner(BaseModel, extra="forbid"):
    ...     top_k: int = 3
    >>> class Outer(BaseModel, extra="forbid"):
    ...     selection: Inner = Inner()
    >>> def problem(**values):
    ...     try:
    ...         Outer.model_validate(values)
    ...     except ValidationError as error:
    ...         return problem_of(error, Outer)
    >>> problem(selection={"topk": 5})
    'setting selection.topk does not exist; did you mean selection.top_k?'
    >>> problem(selection={"top_k": "many"})
    "setting selection.top_k must be a whole number (got 'many')"
    """
    first = error.errors()[0]
    names, field, section = _locate([str(part) for part in first["loc"]], model)
    name = ".".join(names)
    if first["type"] == "extra_forbidden":
        return f"setting {name} does not exist; {_suggestion(names, section, model)}"
    given = repr(first["input"])
    got = "" if "://" in given or len(given) > 200 else f" (got {given})"  # an address may hold a password
    if first["type"] in {"value_error", "assertion_error"}:  # our own words
        said = str(first["ctx"]["error"])
        return f"setting {name}: {said}{got}" if name else f"settings: {said}"
    if field is None:
        return f"setting {name} is a section; set a value in it, such as {name}.{next(iter(section.model_fields))}"
    return f"setting {name} must be {_expected(field)}{got}"


def setting_names(model: type[BaseModel], *, prefix: str = "") -> Iterator[str]:
    """Every setting of a model and of its sections, such as `selection.top_k`."""
    for name in model.model_fields:
        section = section_of(model, name)
        if section is None:
            yield f"{prefix}{name}"
        else:
            yield from setting_names(section, prefix=f"{prefix}{name}.")


def _locate(parts: list[str], model: type[BaseModel]) -> tuple[list[str], FieldInfo | None, type[BaseModel]]:
    """The names down to a setting, its field (None where it is a section or unknown), and the section they end in."""
    names: list[str] = []
    section = model
    for part in parts:
        field = section.model_fields.get(part)
        names.append(part)
        if field is None:
            return names, None, section
        below = section_of(section, part)
        if below is None:
            return names, field, section
        section = below
    return names, None, section


def _suggestion(names: list[str], section: type[BaseModel], model: type[BaseModel]) -> str:
    *above, last = names
    near = get_close_matches(last, section.model_fields, n=1, cutoff=0.6)
    if near:
        return f"did you mean {'.'.join([*above, *near])}?"
    elsewhere = [name for name in setting_names(model) if name.rpartition(".")[2] == last]
    elsewhere = elsewhere or get_close_matches(".".join(names), setting_names(model), n=1, cutoff=0.75)
    if elsewhere:
        return f"did you mean {elsewhere[0]}?"
    place = f"{'.'.join(above)} has" if above else "there are"
    return f"{place} {', '.join(section.model_fields)}"


def _expected(field: FieldInfo) -> str:
    bounds = " and ".join(_bounds(field.metadata))
    kinds = _kinds(field.annotation)
    if not bounds:
        return " or ".join(kinds)
    return " or ".join([f"{kinds[0]}, {bounds}", *kinds[1:]])


def _bounds(metadata: list[Any]) -> Iterator[str]:
    for each in metadata:
        if isinstance(each, Ge):
            yield f"at least {each.ge}"
        elif isinstance(each, Gt):
            yield f"above {each.gt}"
        elif isinstance(each, Le):
            yield f"at most {each.le}"
        elif isinstance(each, Lt):
            yield f"below {each.lt}"
        elif isinstance(each, MinLen):
            yield "not empty"
        elif getattr(each, "pattern", None):
            yield f"of the form {each.pattern}"
        elif isinstance(each, FieldInfo):
            yield from _bounds(each.metadata)


def _kinds(annotation: Any) -> list[str]:  # noqa: PLR0911 - one for each kind
    """Values that an annotation takes, each alternative in words."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {Union, UnionType}:
        return [kind for argument in arguments for kind in _kinds(argument)]
    if origin is Literal:
        allowed = ", ".join(map(str, arguments))
        return [" or ".join(map(str, arguments)) if len(arguments) < 3 else f"one of {allowed}"]
    if origin is Annotated:
        bounds = " and ".join(_bounds(list(arguments[1:])))
        return [f"{kind}, {bounds}" if bounds else kind for kind in _kinds(arguments[0])]
    if origin is tuple and arguments[-1] is not Ellipsis:
        return [f"a list of {len(arguments)}, of which each is {_kinds(arguments[0])[0]}"]
    if origin in {tuple, list, set, frozenset}:
        return [f"a list of which each is {_kinds(arguments[0])[0]}"]
    if origin in {dict, Mapping}:
        return [f"names with values, each {_kinds(arguments[1])[0]}"]
    return [_KINDS.get(annotation, "of another kind")]
