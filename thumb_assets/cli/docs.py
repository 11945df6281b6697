"""Writes what is made from the commands: `python -m thumb_assets.cli.docs docs/cli.md`.

The list at the end of that page, and the file that says which module brings a command.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from thumb_assets.cli.group import INDEX_FILE, SECTIONS, command_modules, index_of_commands, load_commands, main

# A person writes the part of the page above it.
HEADING = "## All commands"
_WIDTH = 110


def commands_list() -> str:
    """The end of the page: the help of each command, by section."""
    load_commands()
    context = click.Context(main, info_name="thumb-assets", terminal_width=_WIDTH, max_content_width=_WIDTH)
    lines = [HEADING, ""]
    for section, names in SECTIONS.items():
        lines += [f"### {section}", ""]
        for name in sorted(names):
            lines += [line for text in _help(main.commands[name], context) for line in ("```text", text, "```", "")]
    return "\n".join(lines).rstrip() + "\n"


def commands_index() -> str:
    """The content of `commands.json`."""
    index = {"modules": command_modules(), "commands": index_of_commands()}
    return json.dumps(index, indent=1, ensure_ascii=False) + "\n"


def _help(command: click.Command, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=command.name, parent=parent)
    yield command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from _help(command.commands[name], context)


if __name__ == "__main__":
    INDEX_FILE.write_text(commands_index(), encoding="utf-8")
    page = Path(sys.argv[1])
    page.write_text(page.read_text(encoding="utf-8").partition(HEADING)[0] + commands_list(), encoding="utf-8")
