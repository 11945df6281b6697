"""The partitions: one per video, its key the `video_id`."""

import dagster as dg

VIDEOS = dg.DynamicPartitionsDefinition(name="videos")


def add_videos(instance: dg.DagsterInstance, video_ids: list[str]) -> list[str]:
    """Adds partitions that the instance does not know yet and returns those."""
    known = set(instance.get_dynamic_partitions("videos"))
    new = [video_id for video_id in dict.fromkeys(video_ids) if video_id not in known]
    if new:
        instance.add_dynamic_partitions("videos", new)
    return new
