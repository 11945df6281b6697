"""What a process that runs the engine and nothing else asks of the libraries below it."""

import ctypes
import os
import sys

# malloc.h of glibc.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
# Larger than any picture or activation that is made again for every frame.
_LARGEST_KEPT_BYTES = 256 * 1024**2
# What may lie free before it is given back.
_MAX_FREE_BYTES = 1024**3


def tune_process() -> None:
    """Keeps freed memory for the next frame, and has threads sleep while they wait; call before torch is loaded.

    The C library gives a freed picture back to the system and gets fresh pages for the next one, each of which costs a
    fault: over every frame of a video that took a third of all time. OpenMP's threads spin for a while before they
    sleep, at the cost of the decoder's. Both are the whole process's affair, so this is not done for whoever calls the
    engine in a process of their own. What the user has set in the environment stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    is_set = any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ)
    if sys.platform != "linux" or is_set:
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _MAX_FREE_BYTES)
