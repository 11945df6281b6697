"""Writes the list in `docs/settings.md` from the settings: `python -m thumb_assets.settings.docs docs/settings.md`."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from thumb_assets.settings.base import section_of
from thumb_assets.settings.config import flat
from thumb_assets.settings.load import Settings

_MOST = 60
# What stands above it on the page is written by hand.
HEADING = "## All of them"


def settings_table() -> str:
    """The end of the page: every setting, its default and what it says."""
    lines = [HEADING, ""]
    for name in Settings.model_fields:
        section = section_of(Settings, name)
        if section is not None:
            lines += [f"### {name}", "", str(section.__doc__).strip().splitlines()[0], "", *_table(name, section), ""]
    return "\n".join(lines).rstrip() + "\n"


def _table(name: str, section: type[BaseModel]) -> Iterator[str]:
    yield "| setting | default | |"
    yield "|---|---|---|"
    for setting, value in flat(section().model_dump(mode="json"), section, f"{name}."):
        yield f"| `{setting}` | `{_shown(value)}` | {_description(setting)} |"


def _description(setting: str) -> str:
    model: type[BaseModel] = Settings
    *sections, last = setting.split(".")
    for section in sections:
        model = section_of(model, section) or model
    return " ".join((model.model_fields[last].description or "").replace("|", "\\|").split())


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False).replace("|", "\\|")
    return text if len(text) <= _MOST else f"{text[:_MOST]}..."


def main(path: Path) -> None:
    """Replaces the end of a page."""
    above = path.read_text(encoding="utf-8").partition(HEADING)[0]
    path.write_text(above + settings_table(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
