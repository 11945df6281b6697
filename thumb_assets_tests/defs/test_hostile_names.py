"""Names of files that hold control characters and markup: nothing that Dagster shows obeys them."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from thumb_assets.defs.metadata import bullets
from thumb_assets.defs.report import build_report
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.settings.load import load_settings
from thumb_assets_tests.defs.conftest import RunRange
from thumb_assets_tests.support.hostile import NAME, active_markup, unsafe_characters
from thumb_assets_tests.support.running import register

STAGES = ("videos", "frames", "shots", "candidate_frames", "sharpness", "selections", "stills", "catalog")


def shown_texts(event: dg.DagsterEvent) -> Iterator[tuple[str, str]]:
    """Every text that an event brings to the UI, with its kind."""
    data: Any = event.event_specific_data
    yield "text", event.message or ""
    for part in (data, getattr(data, "materialization", None), getattr(data, "asset_observation", None)):
        yield "text", str(getattr(part, "description", None) or "")
        yield from metadata_texts(getattr(part, "metadata", None) or {})
    failure = getattr(data, "user_failure_data", None)
    if failure is not None:
        yield "text", failure.description or ""
        yield from metadata_texts(failure.metadata)


def metadata_texts(metadata: Mapping[str, dg.MetadataValue[Any]]) -> Iterator[tuple[str, str]]:
    for value in metadata.values():
        kind = "markdown" if isinstance(value, dg.MarkdownMetadataValue) else "text"
        if isinstance(value.value, str):
            yield kind, value.value
        elif isinstance(value, dg.TableMetadataValue):
            yield from (("text", str(cell)) for record in value.records for cell in record.data.values())


def assert_harmless(texts: list[tuple[str, str]]) -> None:
    for kind, text in texts:
        assert unsafe_characters(text) == []
        if kind == "markdown":
            assert active_markup(text) == [], text
        else:
            assert "\n" not in text


def test_no_event_of_a_run_obeys_a_name(
    synthetic_videos: Callable[[str], Path],
    data_dir: Path,
    tmp_path: Path,
    instance: dg.DagsterInstance,
    run_range: RunRange,
) -> None:
    good, broken = tmp_path / f"{NAME}.mp4", tmp_path / f"{NAME}.broken.mp4"
    shutil.copyfile(synthetic_videos("multi_shot"), good)
    broken.write_bytes(b"no video" * 100)
    result = run_range(register(data_dir, [good, broken]), STAGES)
    kinds = {"ASSET_MATERIALIZATION", "ASSET_OBSERVATION", "ASSET_CHECK_EVALUATION", "STEP_FAILURE"}
    events = [event for event in result.all_events if event.event_type_value in kinds]
    assert {event.event_type_value for event in events} == kinds
    texts = [text for event in events for text in shown_texts(event)]
    assert any("owned" in text for _, text in texts)
    assert_harmless(texts)
    logged = [record.user_message for record in instance.all_logs(result.run_id) if not record.is_dagster_event]
    assert any("owned" in line for line in logged)
    assert [line for line in logged if unsafe_characters(line) or "\n" in line] == []

    report = build_report(load_settings())
    made = dg.materialize([report], resources={"thumb_assets": ThumbAssetsResource(data_dir=str(data_dir))})
    page = [text for event in made.all_events if event.event_type_value in kinds for text in shown_texts(event)]
    assert any("owned" in text for _, text in page)
    assert_harmless(page)


def test_a_list_shows_every_character_of_a_text() -> None:
    value = bullets([NAME, "- # 1. nested", "plain_text 0.83"], marker="1.")
    assert active_markup(value.value) == []
    assert len(value.value.splitlines()) == 3
