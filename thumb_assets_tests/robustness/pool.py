"""Runs cases in a few worker processes; a worker that dies or takes too long fails its case and is replaced."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MODULE = "thumb_assets_tests.robustness.damage_worker"
_REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class CaseResult:
    """Result of one case."""

    name: str
    problems: tuple[str, ...]
    outcome: str
    seconds: float
    message: str | None = None


class WorkerPool:
    """Worker processes that live as long as the pool; use as a context manager.

    Args:
        sources: the table every worker is given.
        folder: where cases get folders of their own, removed when the case is done.
        bound_seconds: how long one case may take.
    """

    def __init__(self, sources: Mapping[str, Path], folder: Path, *, num_workers: int, bound_seconds: float) -> None:
        self._sources = {name: str(path) for name, path in sources.items()}
        self._folder = folder
        self._bound_seconds = bound_seconds
        self._threads = ThreadPoolExecutor(num_workers)
        self._local = threading.local()
        self._workers: list[_Worker] = []

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown()
        for worker in self._workers:
            worker.stop()

    def run(self, names: Iterable[str]) -> list[CaseResult]:
        """The results in the order of the names."""
        return list(self._threads.map(self._run_one, names))

    def _run_one(self, name: str) -> CaseResult:
        worker: _Worker | None = getattr(self._local, "worker", None)
        if worker is None or worker.process.poll() is not None:
            worker = self._local.worker = _Worker(self._sources)
            self._workers.append(worker)
        folder = Path(tempfile.mkdtemp(dir=self._folder)) / "case"
        begin = time.monotonic()
        answer = worker.ask({"name": name, "folder": str(folder)}, self._bound_seconds)
        seconds = time.monotonic() - begin
        shutil.rmtree(folder.parent, ignore_errors=True)
        return CaseResult(name, tuple(answer["problems"]), answer["outcome"], seconds, answer.get("message"))


class _Worker:
    def __init__(self, sources: dict[str, str]) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the worker
        self.process = subprocess.Popen(
            [sys.executable, "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=_REPOSITORY,
            env=os.environ | {"PYTHONPATH": str(_REPOSITORY)},
            start_new_session=True,
        )
        self._send(sources)
        assert self.process.stdout is not None
        if not self.process.stdout.readline():
            self._log.seek(0)
            raise RuntimeError(f"a worker does not start: {self._log.read().decode(errors='replace')[-1500:]}")

    def ask(self, job: dict[str, str], bound_seconds: float) -> dict[str, Any]:
        self._log.seek(0, os.SEEK_END)
        log_begin = self._log.tell()
        try:
            self._send(job)
        except BrokenPipeError:
            return {"problems": ["the worker died between cases"], "outcome": "crash"}
        assert self.process.stdout is not None
        is_ready, _, _ = select.select([self.process.stdout], [], [], bound_seconds)
        if not is_ready:
            self.stop()
            return {"problems": [f"took more than {bound_seconds:.0f} s"], "outcome": "hang"}
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)  # type: ignore[no-any-return]
        code = self.process.wait()
        self._log.seek(log_begin)
        tail = self._log.read().decode(errors="replace")[-1500:]
        return {"problems": [f"the process ended with {code}: {tail}"], "outcome": "crash"}

    def stop(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self._log.close()

    def _send(self, message: Mapping[str, str]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()
