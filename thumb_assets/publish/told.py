"""The message that tells others of a video's stills."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa


def told_stills(stills: pa.Table, selections: pa.Table, *, folder: Path, stills_url: str = "") -> list[dict[str, Any]]:
    """One dict per still, the best first: `rank`, `reason` and the fields of `settings.ToldField`.

    Args:
        stills, selections: tables of the contract, of one video.
        folder: the stills' folder, for `path`.
        stills_url: under which the folder of all stills is served; without it `url` is None.
    """
    chosen = {row["rank"]: row for row in selections.to_pylist()}
    told = []
    for still in sorted(stills.to_pylist(), key=lambda row: row["rank"]):
        selection = chosen[still["rank"]]
        name = still["file_name"]
        address = f"{stills_url.rstrip('/')}/{quote(still['video_id'])}/{quote(name)}" if stills_url else None
        told.append(
            {
                "rank": still["rank"],
                "reason": selection["reason"],
                "url": address,
                "path": str(folder / name),
                "file_name": name,
                "frame_index": still["frame_index"],
                "pts_seconds": selection["pts_seconds"],
                "combined_score": selection["combined_score"],
                **{field: still[field] for field in ("width", "height", "num_bytes", "file_sha256")},
            }
        )
    return told
