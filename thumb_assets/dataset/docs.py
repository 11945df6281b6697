"""Writes the tables of `docs/export.md` from the declarations: `python -m thumb_assets.dataset.docs FILE`."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from thumb_assets.dataset.formats import FORMATS
from thumb_assets.dataset.licences import known_licences
from thumb_assets.dataset.scores import contract_of
from thumb_assets.select.docs import with_tables


def _formats() -> Iterator[str]:
    yield from ("| FORMAT | what it is | loaded by |", "|---|---|---|")
    for each in FORMATS.values():
        yield f"| `{each.name}` | {each.about} | `{each.loads.replace('{folder}', 'OUT')}` |"


def _columns() -> Iterator[str]:
    yield from ("| column | type | unit | null | meaning |", "|---|---|---|---|---|")
    for column in contract_of(["METRIC"]).columns:
        null = "yes" if column.is_nullable else ""
        yield f"| `{column.name}` | {column.type} | {column.unit} | {null} | {column.doc} |"


def _licences() -> Iterator[str]:
    yield from ("| licence | passes `--licence commercial` |", "|---|---|")
    for name, is_commercial in known_licences():
        yield f"| `{name}` | {'yes' if is_commercial else 'no'} |"


TABLES: dict[str, Callable[[], Iterator[str]]] = {"formats": _formats, "columns": _columns, "licences": _licences}

if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(with_tables(page.read_text(encoding="utf-8"), TABLES), encoding="utf-8")
