"""The code location: `build_definitions(...)` and `defs`, nothing else."""

from thumb_assets.defs.build import build_definitions

__all__ = ["build_definitions", "defs"]

defs = build_definitions()
