"""The machine as the report names it: cores, processor, versions; no name of a host, user or folder."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import av

_PACKAGES = ("thumb-assets", "av", "numpy", "opencv-python-headless", "scenedetect-headless", "torch", "pyiqa")


def describe_machine() -> str:
    """One line."""
    versions = [f"{name} {found}" for name in _PACKAGES if (found := _version(name))]
    return (
        f"{_num_cores()} cores, {_processor()}, {platform.system()} {platform.machine()}; "
        f"Python {platform.python_version()}, {', '.join(versions)}, libavcodec {_libavcodec()}"
    )


def _num_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(names), "") or platform.processor() or "unknown processor"


def _libavcodec() -> str:
    return ".".join(map(str, av.library_versions["libavcodec"]))


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
