"""The columns of a dataset's rows, the same in every format; `docs/export.md` lists them."""

from collections.abc import Iterable

import pyarrow as pa

from thumb_assets.tables.declaration import FRAME_INDEX, LUMA_HASH, PTS, PTS_SECONDS, VIDEO_ID, Column, TableContract
from thumb_assets.tables.outputs import SELECTIONS

_text, _int, _float, _bool = pa.string(), pa.int64(), pa.float64(), pa.bool_()
FILE_NAME = Column("file_name", _text, "The picture's place in the dataset, or its name inside the shard.")

_OF_STILL = (
    FILE_NAME,
    Column("split", _text, "The split it belongs to; every still of a `group_id` is in one."),
    VIDEO_ID,
    Column("source", _text, "The video's path below the library folder, or its file's name."),
    Column(
        "licence", _text, "Licence of the video, an SPDX name where it is one; null where it is not known.", "", True
    ),
    Column("author", _text, "Author of the video; null where not known.", "", True),
    Column("group_id", _text, "The first of the videos that share footage with this one, itself among them."),
    FRAME_INDEX,
    PTS,
    Column("time_base", _text, "Unit of pts in seconds, numerator/denominator."),
    PTS_SECONDS,
    Column("video_sha256", _text, "SHA-256 of the video's file.", "hex"),
    Column("still_sha256", _text, "SHA-256 of the picture's file.", "hex"),
    LUMA_HASH,
    Column("width", _int, "Width of the picture.", "px"),
    Column("height", _int, "Height of the picture.", "px"),
    Column("is_selected", _bool, "Whether it is a selection of its video; else a candidate that lost."),
    Column("rank", _int, "Rank among the selections of its video, 1 is the best; null for others.", "", True),
    Column("decision", _text, "What people decided of it: pin or cover; null where nothing.", "", True),
    Column("reason", _text, "Why it was selected, or the rule by which it lost.", "", True),
    Column("caption", _text, "The subtitle that is shown at the frame.", "", True),
    Column("written", _text, "What was read in the picture.", "", True),
    Column("chapter", _text, "Title of the chapter that it is in.", "", True),
    # What it was chosen by: combined_score and its parts.
    *(each for each in SELECTIONS.columns if each.type == _float and each.name != PTS_SECONDS.name),
)


def dataset_contract(scores: Iterable[Column] = (), models: Iterable[str] = ()) -> TableContract:
    """The columns of a dataset.

    Args:
        scores: what was measured of candidates, one column each; see `dataset.scores`.
        models: tables of scores that a model made, by name: a column for the model and one for its licence each.
    """
    made_by = [
        column
        for table in models
        for column in (
            Column(f"{table}_model", _text, f"The model behind the scores of `{table}`; null where none.", "", True),
            Column(f"{table}_licence", _text, "Its licence; null where it is not known.", "", True),
        )
    ]
    return TableContract(
        "dataset", "One row per picture.", (*_OF_STILL, *scores, *made_by), key=("video_id", "frame_index"), stage=None
    )
