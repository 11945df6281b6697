import shutil
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.defs.sensors import library_sensor
from thumb_assets.errors import BadInputError

MakeVideo = Callable[[str], Path]


def tick(instance: dg.DagsterInstance, data_dir: Path) -> dg.SensorResult:
    context = dg.build_sensor_context(
        instance=instance, resources={"thumb_assets": ThumbAssetsResource(data_dir=str(data_dir))}
    )
    result = library_sensor(context)
    assert isinstance(result, dg.SensorResult)
    for request in result.dynamic_partitions_requests or ():
        instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
    return result


def test_new_files_become_partitions_once(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance
) -> None:
    library = data_dir / "videos"
    library.mkdir()
    shutil.copyfile(synthetic_videos("cfr"), library / "First Clip (1).mp4")
    tick(instance, data_dir)
    (first,) = instance.get_dynamic_partitions("videos")
    assert first.startswith("first-clip-1-")
    shutil.copyfile(synthetic_videos("vfr"), library / "second.mp4")
    tick(instance, data_dir)
    assert len(instance.get_dynamic_partitions("videos")) == 2
    assert tick(instance, data_dir).skip_reason is not None


def test_an_empty_or_missing_library_is_an_error_and_removes_nothing(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance
) -> None:
    library = data_dir / "videos"
    with pytest.raises(BadInputError, match="does not exist"):
        tick(instance, data_dir)
    library.mkdir()
    shutil.copyfile(synthetic_videos("cfr"), library / "clip.mp4")
    tick(instance, data_dir)
    (library / "clip.mp4").unlink()
    with pytest.raises(BadInputError, match="no usable video"):
        tick(instance, data_dir)
    assert len(instance.get_dynamic_partitions("videos")) == 1
