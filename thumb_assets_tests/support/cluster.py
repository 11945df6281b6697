"""The deployment of several machines on this one, for tests: see deploy/local_cluster.py."""

import importlib.util
import struct
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

_SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "local_cluster.py"


def local_cluster() -> ModuleType:
    """The script as a module."""
    name = "thumb_assets_local_cluster"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, _SCRIPT)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


def copies_of(clip: Path, folder: Path, names: Iterable[str]) -> list[Path]:
    """Files with the same frames and each a content, and so a video id, of its own: MP4 allows free boxes anywhere."""
    folder.mkdir(parents=True, exist_ok=True)
    content, made = clip.read_bytes(), []
    for name in names:
        payload = str(folder / name).encode()
        path = folder / name
        path.write_bytes(content + struct.pack(">I4s", 8 + len(payload), b"free") + payload)
        made.append(path)
    return made


def wait_for(is_so: Callable[[], Any], *, seconds: float, what: Callable[[], str] = str) -> Any:
    """The first true answer."""
    end = time.monotonic() + seconds
    while True:
        answer = is_so()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:.0f} s: {what()}")
        time.sleep(0.5)
