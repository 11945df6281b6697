"""The benchmark of datasets measures a whole export."""

from pathlib import Path

from benchmarks.dataset_export import measure_export


def test_memory_does_not_grow_with_the_stills(tmp_path: Path) -> None:
    few = measure_export(tmp_path / "few", num_stills=20)
    many = measure_export(tmp_path / "many", num_stills=1500)
    assert few.num_stills < many.num_stills
    assert few.dataset_bytes < many.dataset_bytes
    # Maximum over all children of this process, so the second is never below the first.
    assert many.peak_bytes - few.peak_bytes < 200e6
