"""The stage `catalog`: the SQLite index over all tables."""

from thumb_assets.stages.kit.declaration import Indexed, Stage

STAGE = Stage(
    name="catalog",
    contracts=(),
    run=Indexed(),
    kinds=frozenset({"sqlite"}),
    description="The SQLite index over all tables: one transaction per video, rebuildable at any time.",
)
