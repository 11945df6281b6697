"""The command itself: `main`, to which each module of this room adds its commands, and the sections of its help."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeVar, get_args

import click

from thumb_assets import __version__
from thumb_assets.cli.output import INTERRUPTED, Interrupted, err
from thumb_assets.wording import one_line

Section = Literal["Make", "Look", "Decide", "Operate", "Models"]
_Command = TypeVar("_Command", bound=click.Command)
SECTIONS: dict[Section, list[str]] = {section: [] for section in get_args(Section)}


class LineGroup(click.Group):
    """A group with sections in its help. It prints usage errors and Ctrl+C as one escaped line."""

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
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends already: another Ctrl+C would leave a trace
            how_far = f": {interrupt}" if isinstance(interrupt, Interrupted) else ""
            err.print(f"interrupted{how_far}; run the same command again to go on", markup=False)
            ctx.exit(INTERRUPTED)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Lists the commands by section."""
        for section, names in SECTIONS.items():
            with formatter.section(section):
                width = formatter.width - 6 - max(map(len, self.commands))
                formatter.write_dl([(name, self.commands[name].get_short_help_str(width)) for name in sorted(names)])


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
