"""The jobs."""

import dagster as dg

THUMBNAILS = dg.define_asset_job(
    "thumbnails",
    selection=dg.AssetSelection.groups("thumbnails"),
    description="Every stage of the chosen videos, from the file to the stills.",
)
