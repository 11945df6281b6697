"""The sensor that turns new and changed files of the library into partitions."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import dagster as dg

from thumb_assets.defs.backfills import THUMBNAILS
from thumb_assets.defs.partitions import VIDEOS, known_videos, range_tags, run_tags, under_way
from thumb_assets.defs.provenance import stages_of
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.errors import SettingsError
from thumb_assets.library.backlog import backlog_of
from thumb_assets.settings.config import Configuration
from thumb_assets.settings.load import Settings
from thumb_assets.store.discovery import Discovery
from thumb_assets.store.file_cache import LibraryVideo
from thumb_assets.store.mirror import Mirror
from thumb_assets.store.parquet import TableStore
from thumb_assets.wording import count, one_line

_NUM_NAMED = 5


@dg.sensor(
    name="library",
    minimum_interval_seconds=30,
    job=THUMBNAILS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Adds a partition for every new video of the library, puts a new one in the place of that of a file "
    "whose content changed, and has both run in chunks (library.process_new). Files that may still be written are left "
    "for later. Files that are gone are told, and keep their partitions: `thumb-assets prune` removes them. An empty "
    "or missing library that had videos is an error, since a volume that is not mounted looks the same.",
)
def library_sensor(context: dg.SensorEvaluationContext, thumb_assets: ThumbAssetsResource) -> dg.SensorResult:
    """One tick: a look at the next portion of the library."""
    try:
        configuration = thumb_assets.configuration
    except SettingsError as reason:  # said once per tick, in one line; the cursor stays
        context.log.warning(one_line(reason))
        return dg.SensorResult(skip_reason=str(reason), cursor=context.cursor)
    settings = configuration.settings.library
    known = set(known_videos(context.instance))
    mirror = Mirror(settings, thumb_assets.store)
    mirror.update_library(max_files=settings.max_new_per_tick, max_seconds=settings.max_hash_seconds_per_tick)
    if not known and thumb_assets.library.is_new():
        return dg.SensorResult(skip_reason=f"no video yet: put files into {thumb_assets.library.videos_dir}")
    found = thumb_assets.library.discover(settings, after=_position(context.cursor))
    mirror.announce(video for video in found.videos if video.video_id not in known)
    new_videos = {video.video_id: video for video in found.videos if video.video_id not in known}
    stages: Sequence[str] = ()
    if new_videos:
        stages = stages_of(context.repository_def, configuration.settings, on_missing=context.log.warning)
    stale, later = set[str](), set[str]()
    if new_videos and settings.process_new:
        stale, later = _to_be_replaced(list(new_videos.values()), stages, configuration, thumb_assets.store)
    new = [video_id for video_id in new_videos if video_id not in later]
    outdated = [video_id for video_id in found.replaced if video_id in known]
    lost = [video_id for video_id in found.lost if video_id in known]
    for error in found.errors:
        context.log.warning(one_line(error))
    if lost:
        context.log.warning(f"the files of {_few(lost)} are gone; `thumb-assets prune` removes what was made of them")
    requests: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    if new:
        requests.append(VIDEOS.build_add_request(new))
    if outdated and under_way(context.instance) is None:
        context.log.info(f"the files of {_few(outdated)} have another content now")
        requests.append(VIDEOS.build_delete_request(outdated))
    if stale:
        context.log.warning(
            f"{_few(sorted(stale))} were made before with other inputs or older code and stay as they are; "
            "`thumb-assets backfill --stale` makes them again"
        )
    wanted = [video_id for video_id in new if video_id not in stale] if settings.process_new else []
    return dg.SensorResult(
        dynamic_partitions_requests=requests,
        run_requests=list(_runs(new, wanted, configuration.settings, thumb_assets, stages)),
        cursor=_cursor(found.after),
        skip_reason=None if requests else _summary(found, lost),
    )


def _to_be_replaced(
    videos: Sequence[LibraryVideo], stages: Sequence[str], configuration: Configuration, store: TableStore
) -> tuple[set[str], set[str]]:
    """The videos whose results a run would replace, which is never done unasked, and those left for the next tick."""
    done = [video for video in videos if store.has("outcomes", video.video_id)]
    left = {video.video_id for video in done}
    deadline = time.monotonic() + configuration.settings.library.max_hash_seconds_per_tick
    stale = set()
    for each in backlog_of(done, stages, configuration.settings, store, configuration=configuration, keep="made"):
        left.discard(each.video.video_id)
        if each.work == "stale":
            stale.add(each.video.video_id)
        if time.monotonic() > deadline:
            break
    return stale, left


def _runs(
    new: Sequence[str],
    wanted: Sequence[str],
    settings: Settings,
    thumb_assets: ThumbAssetsResource,
    stages: Sequence[str],
) -> Iterator[dg.RunRequest]:
    """Runs over ranges of new partitions: those of one tick follow each other, and none between them stays."""
    config = thumb_assets.keeping("made").model_dump()
    for is_wanted, neighbours in groupby(new, key=set(wanted).__contains__):
        video_ids = list(neighbours) if is_wanted else []
        for start in range(0, len(video_ids), settings.backfill.num_videos_per_run):
            chunk = video_ids[start : start + settings.backfill.num_videos_per_run]
            yield dg.RunRequest(
                asset_selection=[dg.AssetKey(stage) for stage in stages],
                tags=range_tags(chunk) | run_tags(settings.backfill),
                run_config={"resources": {"thumb_assets": {"config": config}}},
            )


def _position(cursor: str | None) -> bytes | None:
    """Position at which the last tick stopped; a file's name may hold bytes that are no text."""
    after = json.loads(cursor).get("after") if cursor else None
    return bytes.fromhex(after) if after else None


def _cursor(after: bytes | None) -> str:
    return json.dumps({"after": after.hex() if after else None})


def _summary(found: Discovery, lost: Sequence[str]) -> str:
    parts = [f"nothing new among {count(len(found.videos), 'video')}"]
    parts += [f"{found.num_unsettled} files may still be written"] if found.num_unsettled else []
    parts += [f"set aside as no videos: {len(found.set_aside)}"] if found.set_aside else []
    parts += [f"the files of {_few(lost)} are gone"] if lost else []
    parts += ["more files are looked at in the next tick"] if found.after else []
    return "; ".join(parts)


def _few(video_ids: Iterable[str]) -> str:
    """A number of videos, and some of them."""
    named = list(video_ids)
    more = ", ..." if len(named) > _NUM_NAMED else ""
    return f"{count(len(named), 'video')} ({', '.join(named[:_NUM_NAMED])}{more})"
