"""The report of a video's stills, and the target `http` of `published`: a request to the CMS."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from thumb_assets.http import HttpClient
from thumb_assets.settings.operation import PublishSettings

KEY_PLACE = "{key}"


def report_of_stills(
    stills: pa.Table, selections: pa.Table, *, folder: Path, stills_url: str = ""
) -> list[dict[str, Any]]:
    """One dict per still, the best first: `rank`, `reason` and the fields of `StillField`.

    Args:
        stills, selections: tables of the contract, of one video.
        folder: the stills' folder, for `path`.
        stills_url: under which the folder of all stills is served; without it `url` is None.
    """
    chosen = {row["rank"]: row for row in selections.to_pylist()}
    report = []
    for still in sorted(stills.to_pylist(), key=lambda row: row["rank"]):
        selection = chosen[still["rank"]]
        name = still["file_name"]
        address = f"{stills_url.rstrip('/')}/{quote(still['video_id'])}/{quote(name)}" if stills_url else None
        report.append(
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
    return report


def publish_to_http(
    client: HttpClient,
    settings: PublishSettings,
    *,
    key: str,
    video_id: str,
    stills: Sequence[Mapping[str, Any]],
    token: str | None,
    reason: str | None = None,
) -> None:
    """Sends the stills as JSON: all there are, so that sending them again changes nothing.

    Args:
        key: by which the CMS knows the video; it takes the place of `{key}` in the address.
        stills: see `report_of_stills`.
        token: goes into the header `Authorization`.
        reason: why there are no stills.

    Raises:
        BadInputError, NetworkError: see `HttpClient.send`.
    """
    why = {} if reason is None else {"reason": reason}
    body = json.dumps({"video_id": video_id, "key": key, "stills": list(stills), **why}, sort_keys=True).encode()
    headers = {
        "Content-Type": "application/json",
        **({"Authorization": f"Bearer {token}"} if token else {}),
    }
    client.send(settings.http_method, settings.http_url.replace(KEY_PLACE, quote(key, safe="")), body, headers)
