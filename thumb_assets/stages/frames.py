"""The stage `frames`: every displayed frame of the file."""

from thumb_assets.stages.kit.declaration import FromFile, Stage
from thumb_assets.tables.measurements import FRAMES

STAGE = Stage(
    name="frames",
    contracts=(FRAMES,),
    run=FromFile(),
    reads=("videos",),
    section="sparse",
    # Which frames a sparse pass decodes follows from what the other stages are after.
    settings=lambda s: (s.sparse, s.shots, s.candidates) if s.sparse.is_on else (),
    with_stages=lambda s: ("shots",) if s.sparse.is_on else (),
    version="8",  # the commonest colour, once a second, of the picture between steady black bars
    tools=("opencv-python-headless",),
)
