"""The page over the library: from the catalog, whole in one file, and safe with what strangers' files are called."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import dagster as dg
import numpy as np
import pytest
from click.testing import CliRunner

from thumb_assets.cli import main
from thumb_assets.defs.build import build_definitions
from thumb_assets.defs.report import CHECK, NAME
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.report.facts import gather, gone_videos
from thumb_assets.report.page import write_report
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.running import register, run_stages


@pytest.fixture
def library(data_dir: Path, synthetic_videos: Callable[[str], Path]) -> Path:
    """Two videos that are done, and two that failed for one reason."""
    broken = [data_dir / f"<b>broken & {number}.mp4" for number in (1, 2)]
    for number, path in enumerate(broken):
        path.write_bytes(b"no video at all" + bytes([number]))
    run_stages(data_dir, register(data_dir, [synthetic_videos("cfr"), synthetic_videos("multi_shot"), *broken]))
    return data_dir


def test_it_says_what_the_tables_say(library: Path) -> None:
    facts = gather(TableStore(library))
    assert (facts.totals["num_videos"], facts.totals["num_tried"], facts.totals["num_failed"]) == (2, 4, 2)
    store = TableStore(library)
    num_stills = sum(store.read("stills", video_id).num_rows for video_id in store.video_ids("stills"))
    assert facts.totals["num_stills"] == num_stills
    (reason,) = facts.failures
    assert (reason["stage"], reason["num_videos"], reason["is_permanent"]) == ("videos", 2, 1)
    histogram = facts.scores["Score of the selected frames"]
    assert "More is better" in histogram.caption
    values = np.concatenate(
        [store.read("selections", each).column("combined_score") for each in store.video_ids("stills")]
    )
    num_bins = len(histogram.counts)
    assert histogram.edges == pytest.approx(np.linspace(values.min(), values.max(), num_bins + 1))
    bins = np.minimum((values - values.min()) / (values.max() - values.min()) * num_bins, num_bins - 1)
    assert np.repeat(np.arange(num_bins), histogram.counts) == pytest.approx(np.sort(np.floor(bins)), abs=1)
    assert len(facts.latest) == 2


def test_pictures_come_first_and_lead_to_their_videos_pages(library: Path) -> None:
    store = TableStore(library)
    path = write_report(gather(store), store, now=time.time())
    page = path.read_text(encoding="utf-8")
    assert "<b>broken" not in page  # a name is text, never markup
    assert "<script" not in page
    assert page.index("<img") < page.index("Failures by reason") < page.index("<svg")
    assert page.count("<figcaption>") == page.count("<svg") == len(gather(store).scores)
    links = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len([link for link in links if link.endswith(".jpg")]) == 2
    assert len([link for link in links if link.startswith("gallery/videos/")]) == 3  # one of them of a failure
    assert all((library / unquote(link)).is_file() for link in links)


def test_what_was_set_aside_is_listed(library: Path) -> None:
    folder = library / "videos"
    folder.mkdir()
    (folder / "page<b>.ts").write_text("export const a = 1;\n" * 20)
    Library(library).all()
    result = CliRunner().invoke(main, ["report", "--data-dir", str(library)])
    assert result.exit_code == 0
    page = (library / "report.html").read_text(encoding="utf-8")
    assert "page&lt;b&gt;.ts" in page
    assert "is text, not video" in page


def test_a_still_that_is_gone_is_left_out(library: Path) -> None:
    store = TableStore(library)
    for path in store.stills_dir(store.video_ids("stills")[0]).iterdir():
        path.unlink()
    page = write_report(gather(store), store, now=0).read_text(encoding="utf-8")
    assert page.count("<img") == 1


def test_without_a_catalog_it_says_what_to_run(data_dir: Path) -> None:
    result = CliRunner().invoke(main, ["report", "--data-dir", str(data_dir)])
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")


def test_the_command_prints_where_it_is(library: Path) -> None:
    result = CliRunner().invoke(main, ["report", "--data-dir", str(library)])
    assert (result.exit_code, result.stdout.strip()) == (0, str(library / "report.html"))


def test_the_asset_and_its_standing_check(library: Path) -> None:
    definitions = build_definitions(resource=ThumbAssetsResource(data_dir=str(library)))
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [definitions.get_assets_def(NAME)],
            instance=instance,
            resources={"thumb_assets": ThumbAssetsResource(data_dir=str(library))},
        )
    (check,) = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed, check.metadata["num_failed_videos"].value) == (CHECK, False, 2)
    assert "broken" in str(check.metadata["sample"].value)
    assert (library / "report.html").is_file()
    (made,) = result.asset_materializations_for_node(NAME)
    assert made.metadata["page"] == dg.MetadataValue.path(str(library / "report.html"))  # browsers follow no file://
    assert "2 x videos" in str(made.metadata["failures"].value)


def test_a_failed_video_whose_file_was_removed_counts_no_more(library: Path) -> None:
    store = TableStore(library)
    assert gone_videos(store) == set()
    for path in library.glob("*broken*"):
        path.unlink()
    assert len(gone_videos(store)) == 2
    facts = gather(store)
    assert (facts.totals["num_failed"], list(facts.failures)) == (0, [])
    definitions = build_definitions(resource=ThumbAssetsResource(data_dir=str(library)))
    with dg.DagsterInstance.ephemeral() as instance:
        resources = {"thumb_assets": ThumbAssetsResource(data_dir=str(library))}
        result = dg.materialize([definitions.get_assets_def(NAME)], instance=instance, resources=resources)
    (check,) = result.get_asset_check_evaluations()
    assert check.passed
