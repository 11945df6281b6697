"""The stage `videos`: what the file is."""

from thumb_assets.stages.kit.declaration import FromFile, Stage
from thumb_assets.tables.measurements import VIDEOS

STAGE = Stage(
    name="videos",
    contracts=(VIDEOS,),
    run=FromFile(),
    # What the sparse pass finds differs from what the full pass does.
    settings=lambda s: (s.sparse,) if s.sparse.is_on else (),
    version="5",  # steady black bars
    has_paths=True,
)
