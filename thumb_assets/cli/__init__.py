"""The `thumb-assets` command: reads arguments, calls the engine or Dagster, prints what happened.

What belongs here: options, exit codes, progress bars, tables on the terminal. What does not: any decision on a video.
Exit code 0 when all is well, 1 when any video failed (the others are done), 2 for wrong usage, 130 for Ctrl+C,
which is the normal end (0) of commands that serve until they are stopped.
A new command is a new module here that adds it by `group.in_section`; nothing else names it.
"""

from thumb_assets.cli.group import main

__all__ = ["main"]
