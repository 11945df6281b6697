"""Renders the page: a template, with pictures inside it."""

import base64
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib import resources
from pathlib import Path
from typing import Any

from thumb_assets import __version__
from thumb_assets.export.figures import score_histograms, still_thumbnail
from thumb_assets.report.facts import Facts
from thumb_assets.store.parquet import TableStore
from thumb_assets.wording import one_line


def write_report(facts: Facts, store: TableStore, *, now: float) -> Path:
    """Puts the page in the place of the old one.

    Args:
        now: seconds since the epoch when the facts were gathered, which the file's time says: what changed since is
            newer than the page.

    Raises:
        StorageError: the disk is full, read-only or gone.
    """
    path = store.write_text(store.report_path, render(facts, store, now=now))
    os.utime(path, (now, now))
    return path


def render(facts: Facts, store: TableStore, *, now: float) -> str:
    """The page; names and reasons come from strangers' files, so everything is escaped."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, finalize=_shown)
    text = (resources.files("thumb_assets.report") / "page.html").read_text(encoding="utf-8")
    return environment.from_string(text).render(
        facts=facts,
        made_at=datetime.fromtimestamp(now, tz=timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        version=__version__,
        histograms=score_histograms({name: (each.edges, each.counts) for name, each in facts.scores.items()})
        if facts.scores
        else None,
        pictures=[picture for row in facts.latest if (picture := _picture(row, store)) is not None],
    )


def _shown(value: Any) -> Any:
    """Value that an expression of the template puts into the page; markup made by us (`safe`) is a kind of its own."""
    return one_line(value) if type(value) is str else value


def _picture(row: Mapping[str, Any], store: TableStore) -> Mapping[str, Any] | None:
    """A row of `Facts.latest` with a small picture; None where the file is gone or cannot be read."""
    path = store.stills_dir(row["video_id"]) / row["file_name"]
    try:
        data = still_thumbnail(path)
    except OSError:
        return None
    return {**row, "data": base64.b64encode(data).decode()}
