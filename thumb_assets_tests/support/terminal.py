"""A real terminal for tests: an interactive shell with job control under a pseudo-terminal, typed at and read."""

import fcntl
import os
import pty
import re
import signal
import struct
import termios
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType

from thumb_assets_tests.support.processes import descendants_of

CTRL_C, CTRL_Z = "\x03", "\x1a"
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b\][^\x07]*\x07")


class Terminal:
    """An interactive bash at a pseudo-terminal of a given width. Use as a context manager.

    Args:
        environ: set besides what this process has.
    """

    def __init__(self, *, columns: int = 80, environ: Mapping[str, str] | None = None) -> None:
        added = {"TERM": "xterm", "PS1": "$ ", "HISTFILE": "", **(environ or {})}
        kept = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}
        self.pid, self._screen = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored where the tests run in the background of a shell
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], {**kept, **added})
        fcntl.ioctl(self._screen, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self._bytes = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pid in [*descendants_of(self.pid), self.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self._reader.join(10)
        os.close(self._screen)

    def _read(self) -> None:
        with suppress(OSError):  # the last program closed the terminal
            while received := os.read(self._screen, 65536):
                self._bytes += received

    @property
    def raw(self) -> str:
        """Everything that was shown, with what moves the cursor."""
        return bytes(self._bytes).decode(errors="replace")

    @property
    def text(self) -> str:
        """Everything that was shown, without colours and cursor movements; redrawn lines are lines of their own."""
        return re.sub(r"\r+\n?", "\n", _ESCAPES.sub("", self.raw))

    def press(self, keys: str) -> None:
        """Types keys as they are."""
        os.write(self._screen, keys.encode())

    def type(self, command: str) -> int:
        """Types a command line; returns where in `text` its echo begins. Its exit code is shown when it is back."""
        start = len(self.text)
        self.press(f"{command}; echo exit-code=$?.\n")
        return start

    def wait_for(self, pattern: str, *, seconds: float = 120, start: int = 0) -> "re.Match[str]":
        """Waits until the text from `start` on matches; an assertion shows the text where it does not in time."""
        deadline = time.monotonic() + seconds
        while (found := re.search(pattern, self.text[start:])) is None:
            assert time.monotonic() < deadline, f"no {pattern!r} within {seconds} s:\n{self.text[start:]}"
            time.sleep(0.02)
        return found

    def wait_for_exit(self, *, seconds: float = 120, start: int = 0) -> int:
        """The exit code of the command that was typed last, once the shell is back."""
        return int(self.wait_for(r"exit-code=(\d+)\.", seconds=seconds, start=start)[1])
