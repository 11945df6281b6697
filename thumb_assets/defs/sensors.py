"""The sensor that turns new and changed files of the library into partitions."""

import json
from collections.abc import Iterable, Sequence

import dagster as dg

from thumb_assets.defs.jobs import THUMBNAILS
from thumb_assets.defs.partitions import VIDEOS, is_busy, known_videos, range_tags, run_tags
from thumb_assets.defs.provenance import stages_of
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.escaping import one_line
from thumb_assets.settings import Settings
from thumb_assets.store import Discovery, Mirror

_NUM_NAMED = 5


@dg.sensor(
    name="library",
    minimum_interval_seconds=30,
    job=THUMBNAILS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Adds a partition for every new video of the library, puts a new one in the place of that of a file "
    "whose content changed, and has both run in chunks (library.process_new). Files that may still be written are left "
    "for later. Files that are gone are told, and keep their partitions: `thumb-assets prune` removes them. An empty "
    "or missing library is an error, since a volume that is not mounted looks the same.",
)
def library_sensor(context: dg.SensorEvaluationContext, thumb_assets: ThumbAssetsResource) -> dg.SensorResult:
    """One tick: a look at the next portion of the library."""
    settings = thumb_assets.settings.library
    mirror = Mirror(settings, thumb_assets.store)
    mirror.update_library(max_files=settings.max_new_per_tick, max_seconds=settings.max_hash_seconds_per_tick)
    found = thumb_assets.library.discover(settings, after=_position(context.cursor))
    known = set(known_videos(context.instance))
    mirror.announce(video for video in found.videos if video.video_id not in known)
    new = list(dict.fromkeys(video.video_id for video in found.videos if video.video_id not in known))
    outdated = [video_id for video_id in found.replaced if video_id in known]
    lost = [video_id for video_id in found.lost if video_id in known]
    for error in found.errors:
        context.log.warning(one_line(error))
    if lost:
        context.log.warning(f"the files of {_few(lost)} are gone; `thumb-assets prune` removes what was made of them")
    requests: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    if new:
        requests.append(VIDEOS.build_add_request(new))
    if outdated and not is_busy(context.instance):
        context.log.info(f"the files of {_few(outdated)} have another content now")
        requests.append(VIDEOS.build_delete_request(outdated))
    return dg.SensorResult(
        dynamic_partitions_requests=requests,
        run_requests=_runs(context, new, thumb_assets.settings) if new and settings.process_new else [],
        cursor=_cursor(found.after),
        skip_reason=None if requests else _summary(found, lost),
    )


def _runs(context: dg.SensorEvaluationContext, video_ids: Sequence[str], settings: Settings) -> list[dg.RunRequest]:
    """Runs over ranges of new partitions: those that one tick adds follow each other."""
    stages = stages_of(context.repository_def, settings, on_missing=context.log.warning)
    size = settings.backfill.num_videos_per_run
    chunks = (video_ids[start : start + size] for start in range(0, len(video_ids), size))
    return [
        dg.RunRequest(
            asset_selection=[dg.AssetKey(stage) for stage in stages],
            tags=range_tags(chunk) | run_tags(settings.backfill),
        )
        for chunk in chunks
    ]


def _position(cursor: str | None) -> bytes | None:
    """Where the last tick stopped; a file's name may hold bytes that are no text."""
    after = json.loads(cursor).get("after") if cursor else None
    return bytes.fromhex(after) if after else None


def _cursor(after: bytes | None) -> str:
    return json.dumps({"after": after.hex() if after else None})


def _summary(found: Discovery, lost: Sequence[str]) -> str:
    parts = [f"nothing new among {len(found.videos)} videos"]
    parts += [f"{found.num_unsettled} files may still be written"] if found.num_unsettled else []
    parts += [f"the files of {_few(lost)} are gone"] if lost else []
    parts += ["more files are looked at in the next tick"] if found.after else []
    return "; ".join(parts)


def _few(video_ids: Iterable[str]) -> str:
    """A number of videos, and some of them."""
    named = list(video_ids)
    more = ", ..." if len(named) > _NUM_NAMED else ""
    return f"{len(named)} videos ({', '.join(named[:_NUM_NAMED])}{more})"
