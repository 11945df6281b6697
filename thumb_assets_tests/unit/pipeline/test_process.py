"""Requests of the engine's own process to the libraries below Python."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from thumb_assets.pipeline.environment import engine_environment, in_engine_environment
from thumb_assets.pipeline.process import EngineProcess
from thumb_assets_tests.support.processes import wait_until

_COUNT_FAULTS = """
import resource
import threading
import numpy as np

def work():
    for _ in range(10):
        kept = [np.ones(10 * 1024**2, np.uint8) for _ in range(8)]  # more than an arena's piece of 64 MB

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def in_a_thread():
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

in_a_thread()
before = faults()
in_a_thread()
print(faults() - before)
"""
_PLAIN = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "OMP_", "GLIBC_"))}


def num_faults(added: dict[str, str]) -> int:
    command = [sys.executable, "-c", _COUNT_FAULTS]
    outcome = subprocess.run(command, capture_output=True, text=True, check=True, env={**_PLAIN, **added})
    return int(outcome.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's malloc can be told")
def test_freed_pictures_are_kept_for_the_next_frame() -> None:
    assert num_faults(engine_environment(_PLAIN)) < num_faults({}) / 10


def test_what_the_user_set_stays() -> None:
    assert engine_environment({"OMP_WAIT_POLICY": "ACTIVE", "MALLOC_ARENA_MAX": "4"}) == {}
    assert set(engine_environment({"MALLOC_CHECK_": "3"})) == {"OMP_WAIT_POLICY"}


def test_it_is_set_for_children_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    before = dict(os.environ)
    with in_engine_environment():
        assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    assert dict(os.environ) == before


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux tells the environment of a process")
def test_the_engines_process_has_it() -> None:
    child = EngineProcess()
    try:
        environ = Path(f"/proc/{child.pid}/environ")
        wait_until(environ.read_bytes, "the process has its environment")  # none for a moment while it starts
        told = environ.read_bytes().split(b"\0")
        expected = engine_environment({})
        assert {f"{name}={value}".encode() for name, value in expected.items()} <= set(told)
    finally:
        child.stop()


def test_arrow_does_without_pandas_until_somebody_asks_for_it() -> None:
    code = """
import sys
import pyarrow as pa
from thumb_assets.pipeline.child import spare_pandas
spare_pandas()
table = pa.table({"a": [1.0, None], "b": ["x", None]})
pa.compute.equal(table.column("a"), 1).to_numpy()
assert "pandas" not in sys.modules
frame = table.to_pandas()
assert pa.Table.from_pandas(frame).column("a").null_count == pa.array(frame["b"]).null_count == 1
import pandas
assert pandas.DataFrame({"a": [1.0, None]}).equals(frame[["a"]])
"""
    subprocess.run([sys.executable, "-c", code], check=True)
