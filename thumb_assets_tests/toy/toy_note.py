"""The stage `toy_note`: one line per video on its toy scores."""

import pyarrow as pa
import pyarrow.compute as pc

from thumb_assets.stages.kit.declaration import FromTables, Made, RunContext, Stage, VideoTables
from thumb_assets.tables.conform import table_from_rows
from thumb_assets.tables.declaration import VIDEO_ID, Column, TableContract

CONTRACT = TableContract(
    "toy_note",
    "One row per video.",
    (VIDEO_ID, Column("greatest", pa.float64(), "Greatest toy score.", "level").of("toy.toy_score")),
    key=("video_id",),
)


def _make(job: VideoTables, _run: RunContext) -> Made:
    greatest = pc.max(job.table("toy").column("toy_score")).as_py()
    return Made({"toy_note": table_from_rows("toy_note", [{"video_id": job.video_id, "greatest": greatest}])})


STAGE = Stage(name="toy_note", contracts=(CONTRACT,), run=FromTables(_make), reads=("toy",))
