"""`thumb-assets ui`: Dagster's services below this process, which has the terminal to itself."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import data_dir_option, table_store
from thumb_assets.cli.output import err, one_line_errors
from thumb_assets.settings.environment import DATA_DIR_VARIABLE

# The services get this long to end by themselves after Ctrl+C. A run that is cut off is marked as failed by Dagster's
# run monitoring, and what it had not finished is done by a later one.
_END_SECONDS = 1.5
# A run's process gets this long to pause the engine's before it is paused itself.
_PAUSE_SECONDS = 0.3
_PRINT_SECONDS = 0.5


@in_section("Look")
@click.command("ui")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Only this machine by default.")
@data_dir_option
@click.pass_obj
def ui_command(verbose: bool, *, port: int, host: str, data_dir: Path | None) -> None:
    """Open Dagster's web UI over the data folder. Runs until interrupted."""
    from thumb_assets.defs.instance import prepare_dagster_home

    with one_line_errors(verbose=verbose):
        store = table_store(data_dir)
        environ = os.environ | {
            "DAGSTER_HOME": str(prepare_dagster_home(store)),
            DATA_DIR_VARIABLE: str(store.data_dir),
        }
        err.print(f"Dagster on http://{host}:{port} (Ctrl+C stops it)")
        err.print("to look at the pictures and decide of them: thumb-assets desk")
        arguments = ["-m", "dagster", "dev", "-m", "thumb_assets.definitions", "-h", host, "-p", str(port)]
        services = _Services([sys.executable, *arguments], environ)
        sys.exit(services.run())


class _Services:
    """Dagster's processes, in a session of their own: no program below them can be stopped by the terminal."""

    def __init__(self, command: list[str], environ: dict[str, str]) -> None:
        # Shells have what a script starts in the background ignore SIGINT; the services are to end by it.
        signal.signal(signal.SIGINT, self._interrupt)
        signal.signal(signal.SIGTERM, self._interrupt)
        signal.signal(signal.SIGTSTP, self._pause)
        self._is_ending = False
        self._is_printing = threading.Lock()
        self._process = subprocess.Popen(  # noqa: S603 - a list, no shell: this interpreter
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        threading.Thread(target=self._relay, daemon=True).start()

    def run(self) -> int:
        """Waits for the services, and returns the exit code."""
        code = self._process.wait()
        return 0 if self._is_ending else code

    def _relay(self) -> None:
        """Prints what the services print, until they are to end: then it is about how they do."""
        for line in self._process.stdout or ():
            with self._is_printing, suppress(OSError):
                if not self._is_ending:
                    os.write(2, line)

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_ending:
            return
        self._is_ending = True
        # A line of the services that is being printed comes before ours; where the terminal is held, it may wait.
        if self._is_printing.acquire(timeout=_PRINT_SECONDS):
            self._is_printing.release()
        err.print("stopped; work that was under way goes on when the UI is opened again, or by: thumb-assets backfill")
        self._signal(signal.SIGINT)
        deadline = time.monotonic() + _END_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            time.sleep(0.05)
        self._signal(signal.SIGKILL)

    def _pause(self, number: int, _frame: FrameType | None) -> None:
        self._signal(signal.SIGTSTP)  # runs pause the engine's processes, which have sessions of their own
        time.sleep(_PAUSE_SECONDS)
        self._signal(signal.SIGSTOP)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # here this process stops, until the shell's `fg`
        signal.signal(number, self._pause)
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)
