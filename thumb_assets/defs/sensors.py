"""The sensor that turns new files of the library into partitions."""

import dagster as dg

from thumb_assets.defs.resources import ThumbAssetsResource


@dg.sensor(
    name="library",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Adds a partition for every new video of the library. It never removes one: an empty or missing "
    "library is an error, since a volume that is not mounted looks the same.",
)
def library_sensor(context: dg.SensorEvaluationContext, thumb_assets: ThumbAssetsResource) -> dg.SensorResult:
    """One tick: scan, compare with the partitions, add what is new."""
    video_ids = [video.video_id for video in thumb_assets.library.all()]
    known = set(context.instance.get_dynamic_partitions("videos"))
    new = [video_id for video_id in video_ids if video_id not in known]
    if not new:
        return dg.SensorResult(skip_reason=f"no new video among {len(video_ids)}")
    return dg.SensorResult(dynamic_partitions_requests=[dg.AddDynamicPartitionsRequest("videos", new)])
