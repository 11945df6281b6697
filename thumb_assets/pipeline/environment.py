"""The environment of a process that runs the engine: what it asks of the libraries below Python.

For one that starts it is said by variables; for one that runs already glibc's malloc takes the same by `mallopt`.
"""

import ctypes
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

# glibc's malloc: what is freed is kept for the next frame, up to a gigabyte, in one arena. By itself it gives a freed
# picture back to the system and gets fresh pages for the next one, each of which costs a fault; and an arena of another
# thread is made of pieces of 64 MB that come and go whatever the thresholds say. OpenMP: threads that wait sleep, since
# those that spin do so at the cost of the decoder's.
ARENAS = "MALLOC_ARENA_MAX"
_WANTED = {
    ARENAS: "1",
    "MALLOC_MMAP_THRESHOLD_": str(256 * 1024**2),
    "MALLOC_TRIM_THRESHOLD_": str(1024**3),
    "OMP_WAIT_POLICY": "PASSIVE",
}
# Of `mallopt`, from glibc's malloc.h.
_MALLOC_PARAMETERS = {"MALLOC_TRIM_THRESHOLD_": -1, "MALLOC_MMAP_THRESHOLD_": -3, ARENAS: -8}


def engine_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Further environment for a process that runs the engine and nothing else; read when a process starts.

    Over every frame of a video page faults took a third of all time. It is the whole process's affair, so it is not
    done for whoever calls the engine in a process of their own. What the user set, of malloc or of OpenMP, stays.

    >>> sorted(engine_environment({"GLIBC_TUNABLES": "glibc.malloc.check=1"}))
    ['OMP_WAIT_POLICY']
    """
    is_malloc_set = any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in environ)
    return {
        name: value
        for name, value in _WANTED.items()
        if name not in environ and not (is_malloc_set and name.startswith("MALLOC_"))
    }


@contextmanager
def in_engine_environment() -> Iterator[None]:
    """Inside, a process that is started gets `engine_environment`."""
    added = engine_environment(os.environ)
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def keep_freed_memory() -> None:
    """Has this process keep what is freed, as an engine's does: for a command that works on large arrays and ends."""
    if has_glibc():
        set_malloc(engine_environment(os.environ))


def set_malloc(environment: Mapping[str, str]) -> None:
    """Has this process's malloc, which is glibc's, do from now on what variables of an environment say."""
    libc = ctypes.CDLL(None)
    for name in environment.keys() & _MALLOC_PARAMETERS.keys():
        libc.mallopt(_MALLOC_PARAMETERS[name], int(environment[name]))


def has_glibc() -> bool:
    """True where the C library is glibc, whose malloc takes these settings."""
    if sys.platform != "linux":
        return False
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") is not None
    except (OSError, ValueError):
        return False
