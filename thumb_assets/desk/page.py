"""`Page`: what the desk knows of one page; the pages themselves are found in `desk/pages`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pkgutil import iter_modules

from fastapi import APIRouter

from thumb_assets.desk import pages
from thumb_assets.desk.desk import Desk
from thumb_assets.errors import ContractError


@dataclass(frozen=True)
class Page:
    """One page of the desk.

    Attributes:
        title: for the navigation and the browser's tab.
        path: where it is; placeholders as FastAPI has them, such as `/video/{video_id}`.
        order: its place in the navigation; None keeps it out.
        routes: adds what its script asks, below `/api/NAME`.
        upload: the route below `/api/NAME` that takes a file as the body of its request; empty where there is none.
        name: of its module, and of its script in `desk/static`; set when it is found.
    """

    title: str
    path: str
    routes: Callable[[APIRouter, Desk], None]
    order: int | None = None
    upload: str = ""
    name: str = ""


def find_pages() -> list[Page]:
    """Every page of `desk/pages`, in the order of the navigation.

    Raises:
        ContractError: a module there holds no page.
    """
    found = []
    for each in iter_modules(pages.__path__):
        page = getattr(import_module(f"{pages.__name__}.{each.name}"), "PAGE", None)
        if not isinstance(page, Page):
            raise ContractError(f"{pages.__name__}.{each.name} holds no Page PAGE, so the desk cannot show it")
        found.append(replace(page, name=each.name))
    return sorted(found, key=lambda page: (page.order is None, page.order or 0, page.name))
