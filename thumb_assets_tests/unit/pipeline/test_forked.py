"""The engine's process as a fork: when it is safe, what it keeps of its parent and what not."""

import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from thumb_assets.pipeline.environment import engine_environment
from thumb_assets_tests.unit.pipeline.test_process import _COUNT_FAULTS, _PLAIN, num_faults

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="elsewhere the engine is a new interpreter"
)
# In an interpreter of its own: the tests' has threads.
_FORKS = """
import os, sys
from thumb_assets.pipeline.forked import ForkedProcess, fork, may_fork, prepare
prepare()
import pyarrow
"""


def printed(code: str, **options: object) -> str:
    command = [sys.executable, "-c", _FORKS + code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def in_fork(work: str, *, environment: dict[str, str] | None = None, before: str = "", **options: object) -> str:
    """The output of the lines of a function that a fork calls."""
    lines = "".join(f"    {line}\n" for line in work.strip().splitlines())
    call = f"pid = fork(work, environment={environment or {}!r}, kept=())"
    return printed(f"{before}\ndef work():\n{lines}\n{call}\nassert ForkedProcess(pid).wait() == 0", **options)


def test_it_is_safe_before_there_are_threads_and_tables() -> None:
    assert printed("print(may_fork())") == "True"
    assert printed("import pyarrow.parquet, pyarrow.compute, av, thumb_assets.stages; print(may_fork())") == "True"
    waiting = "import threading; stop = threading.Event(); threading.Thread(target=stop.wait).start()"
    assert printed(f"{waiting}; print(may_fork()); stop.set()") == "False"


def test_it_is_not_safe_unless_it_was_prepared() -> None:
    code = "from thumb_assets.pipeline.forked import may_fork; print(may_fork())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_it_is_not_safe_once_arrow_has_read_a_file(tmp_path: Path) -> None:
    path = str(tmp_path / "table.parquet")
    code = (
        f"import pyarrow.parquet as pq; pq.write_table(pyarrow.table({{'a': [1]}}), {path!r}); pq.read_table({path!r})"
    )
    assert printed(f"{code}; print(may_fork())") == "False"


def test_it_is_not_safe_where_another_thread_asks() -> None:
    code = "from concurrent.futures import ThreadPoolExecutor\nprint(ThreadPoolExecutor(1).submit(may_fork).result())"
    assert printed(code) == "False"


def test_it_has_a_session_of_its_own_no_input_and_no_files_of_its_parent(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    work = """
descriptors = sorted(map(int, os.listdir("/proc/self/fd")))
print(os.getsid(0) == os.getpid(), repr(sys.stdin.buffer.read()), descriptors)
"""
    said = in_fork(work, before=f"kept = open({str(tmp_path / 'file')!r})", input="words")
    assert said == "True b'' [0, 1, 2, 3]"  # the last is the listing's own


def test_it_handles_no_signal_as_its_parent_does() -> None:
    before = "import signal; signal.signal(signal.SIGTERM, print); signal.signal(signal.SIGTSTP, print)"
    work = """
import signal
print([signal.getsignal(each).name for each in (signal.SIGTERM, signal.SIGTSTP, signal.SIGINT)])
"""
    assert in_fork(work, before=before) == "['SIG_DFL', 'SIG_DFL', 'SIG_IGN']"


def test_it_has_the_signal_mask_of_its_parent() -> None:
    work = "import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, ()))"
    assert in_fork(work) == "set()"


def test_what_waited_to_be_written_is_written_once() -> None:
    assert in_fork("print('theirs')", before="print('ours')") == "ours\ntheirs"


def test_freed_pictures_are_kept_in_it() -> None:
    """The same as for a process that starts with the environment."""
    wanted = engine_environment(_PLAIN)
    in_a_fork = int(in_fork(_COUNT_FAULTS, environment=wanted, env=_PLAIN))
    assert in_a_fork < num_faults({}) / 10


def test_its_failure_is_printed_and_seen() -> None:
    code = "def work():\n    raise ValueError('of the work')\n"
    code += "print(ForkedProcess(fork(work, environment={}, kept=())).wait())"
    done = subprocess.run([sys.executable, "-c", _FORKS + code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), "ValueError: of the work" in done.stderr) == ("1", True)


def test_the_code_of_a_signal_is_negative() -> None:
    code = "import time\nchild = ForkedProcess(fork(lambda: time.sleep(60), environment={}, kept=()))\n"
    code += "assert child.poll() is None; child.kill(); print(child.wait(), child.poll())"
    assert printed(code) == f"{-signal.SIGKILL} {-signal.SIGKILL}"


def test_one_that_is_given_no_job_imports_no_engine_and_ends_with_its_parent() -> None:
    code = "import time\nfrom thumb_assets.pipeline.process import EngineProcess\n"
    code += "child = EngineProcess(is_forked=True)\ntime.sleep(0.3)\n"
    code += "maps = open(f'/proc/{child.pid}/maps').read()\nprint(child.pid, 'cv2' in maps)\nos._exit(0)"
    pid, has_cv2 = printed(code).split()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}/stat").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (has_cv2, Path(f"/proc/{pid}/stat").exists()) == ("False", False)
