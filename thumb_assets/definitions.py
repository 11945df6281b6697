"""The code location: `defs`, which Dagster's tools find here, and nothing else."""

import dagster as dg

from thumb_assets.defs.build import build_definitions


@dg.definitions
def defs() -> dg.Definitions:
    """The graph of the data folder that the environment names, by its settings at this moment."""
    return build_definitions()
