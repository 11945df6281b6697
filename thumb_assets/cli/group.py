"""The command itself: `main`, to which each module of this room adds its commands, and the sections of its help.

A module is imported when its command is called. Until then `commands.json` says which one that is and what the help
says of it; `python -m thumb_assets.cli.docs` writes it from the commands. Where it is not of the modules that are here,
all are imported.
"""

import gc
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Literal, TypeVar, get_args

import click

from thumb_assets import __version__
from thumb_assets.wording import one_line

Section = Literal["Make", "Look", "Decide", "Operate", "Models"]
_Command = TypeVar("_Command", bound=click.Command)
SECTIONS: dict[Section, list[str]] = {section: [] for section in get_args(Section)}
INDEX_FILE = Path(__file__).with_name("commands.json")
# These are programs of their own.
_PROGRAMS = {"__main__", "docs"}


def collect_from_now_on() -> None:
    """Turns Python's collector on where `__main__` turned it off; what is imported by then it never looks at."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def load_commands() -> None:
    """Imports every module of this room, so that `main` has all commands."""
    for name in command_modules():
        import_module(f"{__package__}.{name}")


def command_modules() -> list[str]:
    """Names of the modules of this room that may bring commands."""
    return sorted(module.name for module in iter_modules([str(Path(__file__).parent)]) if module.name not in _PROGRAMS)


@cache
def read_index(path: Path = INDEX_FILE) -> dict[str, dict[str, str]]:
    """By command what the index says of it; empty where that cannot be read or is not of the modules that are here."""
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        return dict(index["commands"]) if index["modules"] == command_modules() else {}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


class LineGroup(click.Group):
    """A group with sections in its help. It prints usage errors and Ctrl+C as one escaped line."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """As click's, by the only module that is needed."""
        if cmd_name not in self.commands:
            if cmd_name in read_index():
                import_module(f"{__package__}.{read_index()[cmd_name]['module']}")
            else:
                load_commands()
        collect_from_now_on()
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """As click's."""
        if not read_index():
            load_commands()
        return sorted(read_index() or super().list_commands(ctx))

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """As click's."""
        with _escaped_usage_errors():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """As click's."""
        try:
            with _escaped_usage_errors():
                return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            from thumb_assets.cli.output import INTERRUPTED, Interrupted, err

            signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends already: another Ctrl+C would leave a trace
            said = "; run the same command again"  # of other commands nothing says that there is a rest
            if isinstance(interrupt, Interrupted):
                said = f": {interrupt}; {interrupt.advice}"
            err.print(f"interrupted{said}", markup=False)
            ctx.exit(INTERRUPTED)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Lists the commands by section."""
        index = read_index() or index_of_commands()
        width = formatter.width - 6 - max(map(len, index))
        for section in SECTIONS:
            own = [name for name in sorted(index) if index[name]["section"] == section]
            told = [(name, click.Command(name, help=index[name]["help"]).get_short_help_str(width)) for name in own]
            with formatter.section(section):
                formatter.write_dl(told)


def index_of_commands() -> dict[str, dict[str, str]]:
    """By command its module, its section and its help's first paragraph."""
    load_commands()
    return {
        name: {
            "module": str(main.commands[name].callback.__module__).rpartition(".")[2],
            "section": section,
            "help": " ".join((main.commands[name].help or "").partition("\n\n")[0].split()),
        }
        for section, names in SECTIONS.items()
        for name in sorted(names)
    }


@contextmanager
def _escaped_usage_errors() -> Iterator[None]:
    try:
        yield
    except click.ClickException as error:
        if not str(error.message).startswith("Usage:"):  # the help itself, where a command is given nothing
            setattr(error, "message", one_line(error.message))  # noqa: B010 - typed as final
        raise


@click.group(cls=LineGroup)
@click.version_option(__version__, prog_name="thumb-assets")
@click.option("-v", "--verbose", is_flag=True, help="Show the traceback behind an error.")
@click.pass_context
def main(context: click.Context, *, verbose: bool) -> None:
    """Turn a video library into the few frames worth keeping."""
    context.obj = verbose


def in_section(section: Section) -> Callable[[_Command], _Command]:
    """Adds a command to `thumb-assets`, in this section of its help."""

    def add(command: _Command) -> _Command:
        main.add_command(command)
        SECTIONS[section].append(str(command.name))
        return command

    return add
