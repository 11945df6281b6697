"""`thumb-assets export` as a person types it, each format loaded back by the library it is for."""

import csv
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from thumb_assets.cli import main
from thumb_assets.cli.export import export_progress
from thumb_assets.cli.options import settings_of
from thumb_assets.cli.output import Interrupted
from thumb_assets.dataset.formats import FORMATS
from thumb_assets.dataset.scores import contract_of
from thumb_assets.dataset.tokens import tokens_of_picture, tokens_of_text
from thumb_assets.events import Events
from thumb_assets.library.dataset import export_dataset
from thumb_assets.settings.dataset import DatasetSettings
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import table_from_rows
from thumb_assets_tests.support.hostile import NAME
from thumb_assets_tests.unit.dataset.builders import add_video, library
from thumb_assets_tests.unit.store.builders import FOOTER
from thumb_assets_tests.unit.store.builders import row as table_row

NUM_VIDEOS, NUM_STILLS = 10, 20
SPLITS = {"train": 16, "validation": 2, "test": 2}
COLUMNS = contract_of([]).column_names


def thumb_assets(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def export(format_name: str, out: Path, data_dir: Path, *options: object) -> Result:
    result = thumb_assets("export", format_name, out, "--data-dir", data_dir, *options)
    assert result.exit_code == 0, result.output
    return result


def refused(format_name: str, out: Path, data_dir: Path, *options: object) -> str:
    """The one line on the error stream."""
    result = thumb_assets("export", format_name, out, "--data-dir", data_dir, *options)
    assert result.exit_code != 0
    (line,) = result.stderr.strip().splitlines()
    return line


def fingerprint(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten videos that share nothing, two stills each, with a licence and an author."""
    folder = tmp_path_factory.mktemp("library") / "data"
    library(folder, NUM_VIDEOS)
    (folder / "licences.csv").write_text("video,licence,author\na.mp4,CC-BY-4.0,Ana\nb.mp4,CC-BY-NC-4.0,Bo\n")
    (folder / "thumb_assets.toml").write_text('[dataset]\nlicences = "licences.csv"\n')
    return folder


@pytest.fixture(scope="module")
def stills(data_dir: Path) -> dict[str, dict[str, Any]]:
    """By SHA-256 of its file what the library's tables say of each still."""
    store = TableStore(data_dir)
    rows = [row for video_id in store.video_ids("stills") for row in store.read("stills", video_id).to_pylist()]
    return {row["file_sha256"]: row for row in rows}


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "hf-cache"))
    monkeypatch.setenv("COLUMNS", "200")


def assert_rows(rows: Iterator[tuple[dict[str, Any], bytes]], stills: dict[str, dict[str, Any]]) -> None:
    """Each row is of another still, with the bytes, the split, the licence and the author that it should have."""
    seen: dict[str, set[str]] = {}
    hashes = []
    for row, data in rows:
        sha256 = hashlib.sha256(data).hexdigest()
        still = stills[sha256]
        assert row["still_sha256"] == sha256
        assert (row["video_id"], row["frame_index"], row["pts"]) == tuple(
            still[name] for name in ("video_id", "frame_index", "pts")
        )
        letter = row["video_id"][0]
        owned = {"a": ("CC-BY-4.0", "Ana"), "b": ("CC-BY-NC-4.0", "Bo")}.get(letter, (None, None))
        assert (row["licence"], row["author"]) == owned
        assert (row["source"], row["time_base"]) == (f"{letter}.mp4", "1/25")
        seen.setdefault(row["split"], set()).add(row["video_id"])
        hashes.append(sha256)
    assert sorted(hashes) == sorted(stills)
    assert {split: 2 * len(videos) for split, videos in seen.items()} == SPLITS
    assert sum(map(len, seen.values())) == NUM_VIDEOS, "no video is in two splits"


def loaded(folder: object, tmp_path: Path, **options: object) -> Any:
    import datasets

    dataset = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "hf-cache"), **options)
    assert {split: dataset[split].num_rows for split in dataset} == SPLITS
    return dataset


def of_datasets(dataset: Any) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Rows with the bytes of their pictures; each picture is decoded as well."""
    import datasets

    for split in dataset:
        assert all(picture.size == (64, 36) for picture in dataset[split]["image"])
        for row in dataset[split].cast_column("image", datasets.Image(decode=False)):
            image = row.pop("image")
            yield row, image["bytes"] or Path(image["path"]).read_bytes()


def test_huggingface_is_loaded_by_datasets(data_dir: Path, tmp_path: Path, stills: dict[str, Any]) -> None:
    out = tmp_path / "out"
    result = export("huggingface", out, data_dir, "--set", "dataset.stills_per_shard=5")
    assert "train" in result.output
    assert f'load it: datasets.load_dataset("{out}")' in result.output
    assert len(list(out.glob("data/train-*-of-00004.parquet"))) == 4
    dataset = loaded(out, tmp_path)
    assert dataset["train"].column_names == ["image", *COLUMNS]
    assert_rows(of_datasets(dataset), stills)
    shards = {split: str(out / f"data/{split}-*.parquet") for split in SPLITS}
    assert_rows(of_datasets(loaded("parquet", tmp_path, data_files=shards)), stills)


def test_imagefolder_is_loaded_by_datasets_and_has_no_labels(
    data_dir: Path, tmp_path: Path, stills: dict[str, Any]
) -> None:
    out = tmp_path / "out"
    export("imagefolder", out, data_dir)
    for dataset in (loaded("imagefolder", tmp_path, data_dir=str(out)), loaded(out, tmp_path)):
        assert "label" not in dataset["train"].column_names
        assert_rows(of_datasets(dataset), stills)


def test_webdataset_is_loaded_by_webdataset_and_by_datasets(
    data_dir: Path, tmp_path: Path, stills: dict[str, Any]
) -> None:
    import webdataset

    out = tmp_path / "out"
    export("webdataset", out, data_dir, "--set", "dataset.stills_per_shard=6")
    assert len(list(out.glob("train-*-of-00003.tar"))) == 3
    samples = [
        sample
        for split in SPLITS
        for sample in webdataset.WebDataset(sorted(map(str, out.glob(f"{split}-*.tar"))), shardshuffle=False)
    ]
    assert len({sample["__key__"] for sample in samples}) == NUM_STILLS
    assert_rows(((json.loads(sample["json"]), sample["jpg"]) for sample in samples), stills)
    dataset = loaded(out, tmp_path)
    assert dataset["test"][0]["jpg"].size == (64, 36)


@pytest.mark.parametrize("format_name", ["croissant", "huggingface"])
def test_croissant_is_valid_and_its_records_load(
    format_name: str, data_dir: Path, tmp_path: Path, stills: dict[str, Any]
) -> None:
    import mlcroissant
    import pyarrow.parquet as pq

    out = tmp_path / "out"
    export(format_name, out, data_dir)
    dataset = mlcroissant.Dataset(str(out / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    records = list(dataset.records("stills"))
    assert all(record["stills/image"].size == (64, 36) for record in records)

    def texts(records: list[dict[str, Any]], name: str) -> list[str]:
        values = [record[name] for record in records]
        return [value.decode() if isinstance(value, bytes) else value for value in values]

    assert Counter(texts(records, "stills/split")) == SPLITS
    assert set(texts(records, "stills/still_sha256")) == set(stills)
    assert set(texts(list(dataset.records("splits")), "splits/name")) == set(SPLITS)
    described = json.loads((out / "croissant.json").read_text())
    assert described["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    (records_set,) = [each for each in described["recordSet"] if each["@id"] == "stills"]
    assert records_set["dataType"] == "prov:Entity"
    mapped = {field["name"]: field.get("equivalentProperty") for field in records_set["field"]}
    assert (mapped["video_sha256"], mapped["author"]) == ("prov:wasDerivedFrom", "prov:wasAttributedTo")
    assert set(mapped) == {"image", *COLUMNS}
    shards = [pq.ParquetFile(path) for path in sorted(out.glob("data/*.parquet"))]
    rows = [row for shard in shards for row in shard.read().to_pylist()]
    assert_rows(((row, row["image"]["bytes"]) for row in rows), stills)


def test_fiftyone_has_the_layout_that_it_imports(data_dir: Path, tmp_path: Path, stills: dict[str, Any]) -> None:
    out = tmp_path / "out"
    export("fiftyone", out, data_dir)
    metadata = json.loads((out / "metadata.json").read_text())
    assert (metadata["media_type"], metadata["version"]) == ("image", "1.0.0")
    fields = {field["name"]: field["ftype"].rpartition(".")[2] for field in metadata["sample_fields"]}
    assert list(fields)[:4] == ["id", "filepath", "tags", "metadata"]
    assert {
        "frame_index": "IntField",
        "licence": "StringField",
        "is_selected": "BooleanField",
    }.items() <= fields.items()
    samples = json.loads((out / "samples.json").read_text())["samples"]
    assert len({sample["_id"]["$oid"] for sample in samples}) == NUM_STILLS
    assert all({*fields} - {"id"} <= set(sample) and len(sample["_id"]["$oid"]) == 24 for sample in samples)
    assert_rows(
        (({**each, "split": each["tags"][0]}, (out / each["filepath"]).read_bytes()) for each in samples), stills
    )


@pytest.mark.parametrize("format_name", ["folder", "csv"])
def test_csv_names_files_that_are_there(
    format_name: str, data_dir: Path, tmp_path: Path, stills: dict[str, Any]
) -> None:
    out = tmp_path / "out"
    export(format_name, out, data_dir)
    with (out / "stills.csv").open(newline="", encoding="utf-8") as handle:
        rows = [{name: value or None for name, value in row.items()} for row in csv.DictReader(handle)]
    assert list(rows[0]) == list(COLUMNS)
    assert pd.read_csv(out / "stills.csv")["combined_score"].between(0.9, 1).all()
    root = out if format_name == "folder" else data_dir
    numbered = ({**row, **{name: int(row[name] or 0) for name in ("frame_index", "pts")}} for row in rows)
    assert_rows(((row, (root / row["file_name"]).read_bytes()) for row in numbered), stills)
    assert len(list(out.rglob("*.jpg"))) == (NUM_STILLS + 1 if format_name == "folder" else 0)


@pytest.mark.parametrize("format_name", FORMATS)
def test_two_exports_are_the_same_bytes(format_name: str, data_dir: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "one" / "set", tmp_path / "two" / "set"
    for out in (first, second, second):
        out.parent.mkdir(exist_ok=True)
        export(format_name, out, data_dir)
    assert fingerprint(first) == fingerprint(second)
    assert leftovers(first.parent) == leftovers(second.parent) == []


def test_the_card_says_licences_splits_and_the_nearest_pair(data_dir: Path, tmp_path: Path) -> None:
    import yaml

    out = tmp_path / "set"
    export("huggingface", out, data_dir)
    card = (out / "README.md").read_text()
    _, head, text = card.split("---\n", 2)
    facts = yaml.safe_load(head)
    assert facts["license"] == "other"
    assert [each["split"] for each in facts["configs"][0]["data_files"]] == list(SPLITS)
    assert "| train | 16 | 80% | 8 | 8 |" in text
    assert "- CC\\-BY\\-4.0: 2" in text or "- CC-BY-4.0: 2" in text
    assert "- not known: 16" in text
    assert "Cosine similarity 0." in text
    assert "card/nearest-pair.jpg" in text
    with Image.open(out / "card/nearest-pair.jpg") as picture:
        assert picture.width > 2 * 64
    assert all(f"| `{name}` |" in text for name in COLUMNS)


def test_licence_commercial_leaves_out_what_is_not_known_or_forbids_it(data_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = export("csv", out, data_dir, "--licence", "commercial")
    assert "left out (8 videos): their licence is not known; say it in a CSV (dataset.licences)" in result.stderr
    assert "left out (1 video): their licence forbids commercial use or adaptations (CC-BY-NC-4.0)" in result.stderr
    assert set(pd.read_csv(out / "stills.csv")["licence"]) == {"CC-BY-4.0"}
    export("csv", out, data_dir, "--licence", "known")
    assert set(pd.read_csv(out / "stills.csv")["licence"]) == {"CC-BY-4.0", "CC-BY-NC-4.0"}
    export("csv", out, data_dir, "--licence", "commercial", "--set", "dataset.default_licence=CC0")
    assert len(pd.read_csv(out / "stills.csv")) == 18, "the advice of the line works"
    line = refused("csv", tmp_path / "none", data_dir, "--licence", "commercial", "--set", "dataset.licences=")
    assert line.startswith("error: nothing is left to export; left out (10 videos): their licence is not known")


class StopsAt(Events):
    """Presses Ctrl+C, as it were, once so many stills are written."""

    def __init__(self, number: int) -> None:
        self.number = number

    def progress(self, name: str, done: int, total: int | None) -> None:
        if name == "stills written" and done == self.number:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (1, "nothing was written yet; run the same command again"),
        (3, "2 stills written and kept; run the same command again to go on"),
    ],
)
def test_ctrl_c_in_an_export_says_what_is_kept(data_dir: Path, tmp_path: Path, number: int, says: str) -> None:
    settings = settings_of(TableStore(data_dir), None, ["dataset.stills_per_shard=2"])
    asked = {"format_name": "folder", "folder": tmp_path / "set", "events": StopsAt(number)}
    with pytest.raises(Interrupted) as raised, export_progress(tmp_path / "set"):
        export_dataset(TableStore(data_dir), settings, **asked)
    assert f"{raised.value}; {raised.value.advice}" == says
    kept = export("folder", tmp_path / "set", data_dir, "--set", "dataset.stills_per_shard=2").stdout
    assert ("2 stills kept from an export that was interrupted" in kept) == (number == 3)


def test_rows_of_no_video_and_words_that_are_no_licence_are_named(data_dir: Path, tmp_path: Path) -> None:
    rows = tmp_path / "l.csv"
    rows.write_text("video,licence\nnope.mp4,CC0-1.0\na.mp4,CCBY\nb.mp4,own\n")
    stderr = export("csv", tmp_path / "out", data_dir, "--set", f"dataset.licences={rows}").stderr
    assert "l.csv: 1 row of no video here (nope.mp4); write a video's id" in stderr
    assert 'no licence that is known here (a.mp4: "CCBY", did you mean CC-BY?)' in stderr
    (line,) = [line for line in stderr.splitlines() if "the licence of 9 videos is not known (" in line]
    assert " and 4 more); say it in a CSV" in line


def test_out_is_made_in_a_folder_that_is_there_and_replaces_only_its_like(data_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert f"{tmp_path / 'nope' / 'deep'}: there is no such folder" in refused(
        "csv", tmp_path / "nope/deep/out", data_dir
    )
    assert not (tmp_path / "nope").exists()
    first = export("csv", out, data_dir)
    assert "20 rows that name stills, no pictures, " in first.stdout
    assert "replaced" not in first.stdout
    assert "replaced the dataset that was there" in export("csv", out, data_dir).stdout
    before = fingerprint(out)
    assert "holds a dataset of another format, csv with " in refused("folder", out, data_dir)
    assert fingerprint(out) == before
    assert "replaced the dataset that was there" in export("folder", out, data_dir, "--replace").stdout
    assert list(out.rglob("*.jpg"))


def test_a_misspelt_format_is_suggested(tmp_path: Path) -> None:
    result = thumb_assets("export", "hugingface", tmp_path / "out", "--data-dir", tmp_path / "data")
    assert result.exit_code == 2
    assert "'hugingface' is no format; did you mean huggingface?" in result.output


def test_scores_of_models_have_their_licence_and_a_commercial_dataset_only_those_it_may(tmp_path: Path) -> None:
    store = TableStore(tmp_path / "data")
    video_id = add_video(store, "a", ["a0"], model={"model_name": "thumb-mini", "pretrained": ""})
    rows = [table_row("iqa_scores", 0, video_id, metric=metric, iqa_score=3.5) for metric in ("niqe", "piqe")]
    footer = {**FOOTER, "lower_better": '{"niqe": true, "piqe": true}'}
    store.write("iqa_scores", table_from_rows("iqa_scores", rows), video_id=video_id, footer=footer)
    options = ("--set", "dataset.default_licence=own")

    def told(*more: object) -> dict[str, Any]:
        export("csv", tmp_path / "out", store.data_dir, *options, *more)
        (known,) = pd.read_csv(tmp_path / "out" / "stills.csv", keep_default_na=False).to_dict("records")
        return known

    known = told()
    assert (known["iqa_niqe"], known["iqa_niqe_licence"]) == (3.5, "PolyForm-Noncommercial-1.0.0")
    assert (known["iqa_piqe"], known["iqa_piqe_model"]) == (3.5, "piqe")
    assert (known["clip_scores_model"], known["clip_scores_licence"]) == ("thumb-mini", "Apache-2.0")
    assert "niqe: PolyForm" in (tmp_path / "out" / "README.md").read_text().replace("\\", "")
    known = told("--licence", "commercial")
    assert (known["iqa_niqe"], known["iqa_niqe_model"], known["iqa_niqe_licence"]) == ("", "", "")
    assert (known["iqa_piqe"], known["clip_scores_model"]) == (3.5, "thumb-mini")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "PolyForm" not in card


def test_the_setting_names_the_formats_that_there_are() -> None:
    assert get_args(DatasetSettings.model_fields["format"].annotation) == tuple(FORMATS)


def test_the_choice_of_stills(tmp_path: Path) -> None:
    store = TableStore(tmp_path / "data")
    add_video(store, "a", ["x", "a1", "a2"], selected=(0, 1, 2), decisions={2: "pin"})
    add_video(store, "b", ["x", "b1"], selected=(1, 0), decisions={1: "ban"})
    add_video(store, "c", ["c0"], selected=())

    def frames(*options: object) -> list[tuple[str, int]]:
        export("csv", tmp_path / "out", store.data_dir, *options)
        rows = pd.read_csv(tmp_path / "out" / "stills.csv")
        return sorted(
            (video_id[0], frame) for video_id, frame in zip(rows["video_id"], rows["frame_index"], strict=True)
        )

    assert frames() == [("a", 0), ("a", 1), ("a", 2)], "of the like ones the better, and nothing that is banned"
    assert frames("--set", "dataset.is_deduplicated=false") == [("a", 0), ("a", 1), ("a", 2), ("b", 0)]
    assert frames("--what", "pinned") == [("a", 2)]
    assert frames("--per-video", 1) == [("a", 2)], "a pinned one first"
    assert frames("--min-score", 0.99) == [("a", 0), ("a", 2)], "a pinned one whatever its score"
    assert "nothing is left" in refused("csv", tmp_path / "no", store.data_dir, "--set", "dataset.licence=known")
    wrong = refused("csv", tmp_path / "no", store.data_dir, "--what", "candidates")
    assert "use folder" in wrong


def test_stills_that_are_gone_or_changed_are_refused(tmp_path: Path) -> None:
    store = library(tmp_path / "data", 3)
    out = tmp_path / "out"
    export("folder", out, store.data_dir)
    before = fingerprint(out)
    path = next(store.stills_root.rglob("*.jpg"))
    data = path.read_bytes()
    path.write_bytes(data[:-1] + b"?")
    line = refused("folder", out, store.data_dir, "--seed", 1)
    assert str(path) in line
    assert "is not what was written; make it again: thumb-assets run --stages stills" in line
    path.unlink()
    line = refused("folder", out, store.data_dir)
    assert "1 still missing or changed, such as" in line
    assert fingerprint(out) == before
    path.write_bytes(data)
    export("folder", out, store.data_dir)
    assert leftovers(tmp_path) == []
    store.delete("stills", store.video_ids("stills")[0])
    result = export("folder", out, store.data_dir)
    assert "left out (1 video): their stills are not those of their selections; run the stage stills" in result.stderr


def test_an_export_that_was_interrupted_goes_on(data_dir: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(data_dir, data)
    store = TableStore(data)
    small = ("--set", "dataset.stills_per_shard=2")
    last = max(store.stills_root.rglob("*.jpg"))
    content = last.read_bytes()
    export("huggingface", tmp_path / "whole", data, *small)
    last.write_bytes(bytes(len(content)))  # stops in the middle, as a full disk or Ctrl+C would
    refused("huggingface", tmp_path / "set", data, *small)
    assert not (tmp_path / "set").exists(), "never half a dataset"
    (part,) = tmp_path.glob(".part-set-*")
    kept = {path: path.stat().st_mtime_ns for path in part.rglob("data/*.parquet")}
    last.write_bytes(content)
    result = export("huggingface", tmp_path / "set", data, *small)
    assert "stills kept from an export that was interrupted" in result.output
    assert leftovers(tmp_path) == []
    moved = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("data/*.parquet")}
    assert sum(moved[path.name] == written for path, written in kept.items()) >= len(kept) - 1 > 1
    shutil.rmtree(tmp_path / "whole")
    export("huggingface", tmp_path / "whole", data, *small)
    same = {name: sha for name, sha in fingerprint(tmp_path / "set").items() if name.startswith("data/")}
    assert same == {name: sha for name, sha in fingerprint(tmp_path / "whole").items() if name.startswith("data/")}


def test_what_is_left_of_another_export_goes(data_dir: Path, tmp_path: Path) -> None:
    other = tmp_path / ".part-set-0123abcd"
    other.mkdir()
    (other / "x").write_text("x")
    export("csv", tmp_path / "set", data_dir)
    assert leftovers(tmp_path) == []


def test_a_folder_that_is_not_ours_is_never_replaced(data_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    export("csv", out, data_dir)  # an empty one may be
    export("csv", out, data_dir)
    (out / "notes.txt").write_text("mine")
    assert "notes.txt was added or changed since" in refused("csv", out, data_dir)
    (out / "notes.txt").unlink()
    (out / "README.md").write_text((out / "README.md").read_text() + "my own words")
    assert "README.md was added or changed since" in refused("csv", out, data_dir)
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    assert "exists and is no dataset of thumb-assets" in refused("csv", other, data_dir)
    assert "is a file; choose another name" in refused("csv", other / "thesis.txt", data_dir)
    assert (other / "thesis.txt").read_text() == "mine"
    for place in (data_dir, data_dir / "stills", data_dir / "stills" / "new", data_dir / "datasets"):
        assert "lies in the data folder; choose a folder outside, or one below" in refused("csv", place, data_dir)
    assert "holds the data folder" in refused("csv", data_dir.parent, data_dir)
    export("csv", data_dir / "datasets" / "mine", data_dir)
    link = tmp_path / "link"
    link.symlink_to(data_dir / "stills")
    assert "lies in the data folder" in refused("csv", link / "x", data_dir)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_that_cannot_be_written(data_dir: Path, tmp_path: Path) -> None:
    place = tmp_path / "closed"
    place.mkdir(mode=0o500)
    assert "cannot be prepared" in refused("csv", place / "out", data_dir)


def test_an_unwritable_place_is_one_line(data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert "is a file, not a folder" in refused("csv", tmp_path / "file" / "out", data_dir)
    too_little = refused("folder", tmp_path / "out", data_dir, "--set", f"export.min_free_bytes={1 << 60}")
    assert "are free, but the dataset's pictures need up to" in too_little
    assert leftovers(tmp_path) == []


def test_names_of_strangers_are_data_and_no_markup(tmp_path: Path) -> None:
    store = TableStore(tmp_path / "data")
    hostile = f'=1+1,"{NAME}'
    add_video(store, "a", ["a0"], file_name=f"{hostile}.mp4")
    add_video(store, "b", ["b0"])
    with (store.data_dir / "licences.csv").open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([("video", "licence", "author"), ("b.mp4", f"my {NAME}", hostile)])
    options = ("--set", "dataset.licences=licences.csv", "--set", 'dataset.splits={"train": 1, "test": 1}')
    for format_name in FORMATS:
        result = export(format_name, tmp_path / format_name, store.data_dir, *options)
        assert "\x1b" not in result.output + result.stderr
        card = (tmp_path / format_name / "README.md").read_text().partition("---\n\n")[2]
        assert "<script>" not in card
        assert "\x1b" not in card
    rows = pd.read_csv(tmp_path / "csv" / "stills.csv", keep_default_na=False)
    assert set(rows["source"]) == {f"'{hostile}.mp4", "b.mp4"}, "no formula for a spreadsheet"
    dataset_rows = pd.read_parquet(next(iter((tmp_path / "huggingface/data").glob("*.parquet"))))
    assert {*dataset_rows["source"]} & {f"{hostile}.mp4", "b.mp4"}
    import mlcroissant

    assert len(list(mlcroissant.Dataset(str(tmp_path / "croissant/croissant.json")).records("stills"))) == 2


def test_wrong_settings_are_one_line(data_dir: Path, tmp_path: Path) -> None:
    assert "is no name of a split" in refused("csv", tmp_path / "o", data_dir, "--set", 'dataset.splits={"a/b": 1}')
    assert "one share must be more than 0" in refused(
        "csv", tmp_path / "o", data_dir, "--set", 'dataset.splits={"a": 0}'
    )
    assert "there is no file" in refused("csv", tmp_path / "o", data_dir, "--set", "dataset.licences=nowhere.csv")
    assert "no video here has selections" in refused("csv", tmp_path / "o", tmp_path / "empty")


@pytest.mark.parametrize("tokens", [600, 1000, 1400, 3000, 100_000])
def test_a_digest_costs_what_it_may_and_shows_what_it_says(data_dir: Path, tmp_path: Path, tokens: int) -> None:
    out = tmp_path / "digest"
    for _ in range(2):  # a former one is replaced
        result = export("llm", out, data_dir, "--tokens", tokens)
    text = (out / "digest.json").read_text()
    digest = json.loads(text)
    stills = digest["stills"]
    assert [still["number"] for still in stills] == list(range(1, len(stills) + 1))
    sheets = sorted(path.name for path in out.glob("sheet-*.jpg"))
    assert {still["sheet"] for still in stills} == set(sheets)
    sizes = []
    for name in sheets:
        with Image.open(out / name) as picture:
            sizes.append(picture.size)
    spent = sum(tokens_of_picture(*size) for size in sizes) + tokens_of_text(text)
    assert spent <= digest["num_tokens"] <= tokens
    assert f"{digest['num_tokens']} of {tokens} tokens, at {digest['tokens_assumed']}" in result.output
    if tokens == 100_000:
        assert len(stills) == NUM_STILLS
    elif tokens <= 1000:  # another video before a second still of one
        assert len({still["video"] for still in stills}) == min(len(stills), NUM_VIDEOS)


def test_what_a_digest_does_not_take_is_one_line(data_dir: Path, tmp_path: Path) -> None:
    assert "pays for no sheet" in refused("llm", tmp_path / "out", data_dir, "--tokens", 100)
    assert not (tmp_path / "out").exists()
    assert leftovers(tmp_path) == []
    assert "llm needs it; such as: export llm OUT --tokens 20000" in refused("llm", tmp_path / "out", data_dir)
    assert "--tokens goes with llm" in refused("csv", tmp_path / "out", data_dir, "--tokens", 100)
