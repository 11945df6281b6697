"""The fixtures of the product's tests, for the tests of the benchmarks."""

from thumb_assets_tests.conftest import data_dir, ffmpeg_program, no_dagster_home, shared_dir, synthetic_videos

__all__ = ["data_dir", "ffmpeg_program", "no_dagster_home", "shared_dir", "synthetic_videos"]
