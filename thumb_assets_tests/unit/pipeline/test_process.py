"""What the engine's own process asks of the C library."""

import os
import platform
import subprocess
import sys

import pytest

_COUNT_FAULTS = """
import os, resource, sys
import numpy as np
from thumb_assets.pipeline import tune_process

if sys.argv[1] == "tuned":
    tune_process()

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

np.ones(40 * 1024**2, np.uint8)
before = faults()
for _ in range(10):
    np.ones(40 * 1024**2, np.uint8)
print(faults() - before, os.environ.get("OMP_WAIT_POLICY"))
"""


def run(how: str, **environment: str) -> tuple[int, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "OMP_", "GLIBC_"))}
    command = [sys.executable, "-c", _COUNT_FAULTS, how]
    outcome = subprocess.run(command, capture_output=True, text=True, check=True, env={**plain, **environment})
    num_faults, policy = outcome.stdout.split()
    return int(num_faults), policy


pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's malloc can be told")


def test_freed_pictures_are_kept_for_the_next_frame() -> None:
    untuned, policy = run("untuned")
    assert policy == "None"
    tuned, policy = run("tuned")
    assert policy == "PASSIVE"
    assert tuned < untuned / 10


def test_what_the_user_set_stays() -> None:
    as_set, policy = run("tuned", MALLOC_TRIM_THRESHOLD_="100000", OMP_WAIT_POLICY="ACTIVE")
    assert policy == "ACTIVE"
    assert as_set > 10 * run("tuned")[0]
