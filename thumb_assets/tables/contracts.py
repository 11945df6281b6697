"""All tables, and which stage writes which. `docs/tables.md` is generated from them."""

from thumb_assets.tables.declaration import TableContract
from thumb_assets.tables.measurements import (
    APPEARANCE,
    CANDIDATE_FRAMES,
    CLIP_SCORES,
    FACES,
    FRAMES,
    IQA_SCORES,
    SHARPNESS,
    SHOTS,
    VIDEOS,
)
from thumb_assets.tables.outputs import (
    CHAPTERS,
    CROPS,
    DECISIONS,
    JUDGEMENTS,
    OUTCOMES,
    PUBLISHED,
    RECURRENCES,
    REJECTIONS,
    SELECTIONS,
    STILLS,
)

TABLES: dict[str, TableContract] = {
    table.name: table
    for table in (
        VIDEOS,
        FRAMES,
        SHOTS,
        CANDIDATE_FRAMES,
        SHARPNESS,
        APPEARANCE,
        FACES,
        CLIP_SCORES,
        IQA_SCORES,
        JUDGEMENTS,
        SELECTIONS,
        REJECTIONS,
        DECISIONS,
        RECURRENCES,
        CHAPTERS,
        STILLS,
        CROPS,
        PUBLISHED,
        OUTCOMES,
    )
}

# The stages in the order of the flow, and the tables each one writes. `catalog` writes the SQLite index, no table.
STAGE_TABLES: dict[str, tuple[str, ...]] = {
    "videos": ("videos",),
    "frames": ("frames",),
    "shots": ("shots",),
    "candidate_frames": ("candidate_frames",),
    "sharpness": ("sharpness",),
    "appearance": ("appearance",),
    "faces": ("faces",),
    "clip_scores": ("clip_scores",),
    "iqa_scores": ("iqa_scores",),
    "judgements": ("judgements",),
    "selections": ("selections", "rejections"),
    "chapters": ("chapters",),
    "stills": ("stills",),
    "crops": ("crops",),
    "published": ("published",),
    "catalog": (),
}
STAGES: tuple[str, ...] = tuple(STAGE_TABLES)


def stage_of(table_name: str) -> str | None:
    """The stage that writes a table; None for the tables that no stage writes.

    >>> stage_of("rejections"), stage_of("decisions")
    ('selections', None)
    """
    return next((stage for stage, table_names in STAGE_TABLES.items() if table_name in table_names), None)
