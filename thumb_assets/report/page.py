"""Renders the page: a template, whose pictures are those of the gallery beside it."""

import os
from datetime import datetime, timezone
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

from thumb_assets import __version__
from thumb_assets.report.facts import Facts
from thumb_assets.report.gallery.write import shown_card, write_gallery
from thumb_assets.store.parquet import TableStore
from thumb_assets.wording import one_line


def write_report(facts: Facts, store: TableStore, *, now: float) -> Path:
    """Puts the page in the place of the old one, and brings the gallery up to date that its pictures lead to.

    Args:
        now: seconds since the epoch when the facts were gathered, which the file's time says: what changed since is
            newer than the page.

    Raises:
        BadInputError: the gallery's folder holds something else.
        StorageError: the disk is full, read-only or gone.
    """
    write_gallery(store, store.gallery_dir, is_decoding=False)
    path = store.write_text(store.report_path, render(facts, store, now=now))
    os.utime(path, (now, now))
    return path


def render(facts: Facts, store: TableStore, *, now: float) -> str:
    """The page; names and reasons come from strangers' files, so everything is escaped."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, finalize=_shown)
    environment.filters["address"] = lambda name: quote(str(name))
    text = (resources.files("thumb_assets.report") / "page.html").read_text(encoding="utf-8")
    return environment.from_string(text).render(
        facts=facts,
        made_at=datetime.fromtimestamp(now, tz=timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        version=__version__,
        gallery=quote(store.gallery_dir.name),
        pictures=[
            shown
            for card in facts.latest
            if (shown := shown_card(card))["picture"] and (store.gallery_dir / shown["picture"]).is_file()
        ],
    )


def _shown(value: Any) -> Any:
    """Value that an expression of the template puts into the page; markup made by us (`safe`) is a kind of its own."""
    return one_line(value) if type(value) is str else value
