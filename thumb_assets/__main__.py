"""The command `thumb-assets` from its first moment: Ctrl+C ends it with one line also while it still imports.

What belongs here: what must happen before anything is imported. What does not: the commands (cli).
"""

import gc
import os
import sys

_INTERRUPTED = 130
# OpenBLAS starts its threads when NumPy is imported, and each spins for 2**26 cycles before it sleeps.
_BLAS_PATIENCE = "OPENBLAS_THREAD_TIMEOUT", "4"


def start() -> None:
    """Runs the command that was typed."""
    try:
        os.environ.setdefault(*_BLAS_PATIENCE)
        if "run" in sys.argv:
            from thumb_assets.pipeline.forked import prepare

            prepare()
        if "what-if" in sys.argv:
            from thumb_assets.pipeline.environment import keep_freed_memory

            keep_freed_memory()
        # An import makes objects that stay; looking through them again and again takes a tenth of it.
        gc.disable()
        from thumb_assets.cli import main

        main()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        _end_at_once()
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            _end_at_once()
        raise


def _end_at_once() -> None:
    """Ends without the seconds that libraries take to say goodbye; the engine's processes end with this one."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    start()
