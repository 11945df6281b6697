"""Crops are cut and written, and every way a crop can be wrong is caught."""

import hashlib
from typing import get_args

import numpy as np
import pyarrow as pa
import pytest
from PIL import ExifTags, Image

from thumb_assets.errors import ContractError, StorageError, VerificationError
from thumb_assets.export.crops import export_crops
from thumb_assets.export.figures import crops_sheet
from thumb_assets.export.metadata import encode_still, read_still_metadata
from thumb_assets.export.verify_crops import verify_crops_count, verify_crops_mapping
from thumb_assets.settings.stages import CropsSettings, StillsSettings, Verification
from thumb_assets.tables.checks import verify_contract
from thumb_assets.tables.conform import table_from_rows
from thumb_assets.video.decode import VideoDecoder
from thumb_assets_tests.unit.export.conftest import VIDEO_ID, VIDEO_SHA256

RATIOS = ("16:9", "9:16", "1:1", "4:5")  # the video is 320x180: the first is the whole frame
SETTINGS = CropsSettings(aspect_ratios=RATIOS)


def faces_table(*boxes):
    """Rows (frame_index, x, y, width, height, confidence)."""
    names = ("frame_index", "x", "y", "width", "height", "confidence")
    return table_from_rows(
        "faces",
        [
            dict(zip(names, map(float, box), strict=True))
            | {"video_id": VIDEO_ID, "frame_index": box[0], "face_index": position}
            | dict.fromkeys(("laplacian_variance", "frontality", "eye_openness", "mouth_openness", "gaze"))
            | {"detector": "by hand"}
            for position, box in enumerate(boxes)
        ],
    )


FACES = faces_table((7, 250, 40, 30, 40, 0.9), (20, 10, 40, 30, 40, 0.9), (20, 290, 40, 20, 20, 0.5))


class Cropped:
    """The crops of an exported video."""

    def __init__(self, exported, crops_dir, **changes):
        self.exported, self.crops_dir, self.folder = exported, crops_dir, crops_dir / VIDEO_ID
        self.crops = self.export(**changes)

    def export(self, **changes):
        arguments = {
            "video_id": VIDEO_ID,
            "stills": self.exported.stills,
            "faces": FACES,
            "identities": self.exported.identities,
            "video_sha256": VIDEO_SHA256,
            "crops_dir": self.crops_dir,
            "settings": SETTINGS,
            "stills_settings": StillsSettings(
                format=self.exported.stills["file_name"][0].as_py()[-3:].replace("jpg", "jpeg")
            ),
        }
        return export_crops(self.exported.path, **(arguments | changes))

    def rows(self):
        return {(row["frame_index"], row["aspect_ratio"]): row for row in self.crops.to_pylist()}

    def file(self, frame_index, aspect_ratio):
        return self.folder / self.rows()[frame_index, aspect_ratio]["file_name"]

    def frame(self, frame_index):
        with VideoDecoder(self.exported.path) as decoder:
            return next(frame.rgb() for frame in decoder if frame.frame_index == frame_index)

    def rewrite(self, frame_index, aspect_ratio, rgb, **facts):
        path = self.file(frame_index, aspect_ratio)
        kind = "png" if path.suffix == ".png" else "jpeg"
        facts = read_still_metadata(path) | facts
        data = encode_still(np.ascontiguousarray(rgb), format=kind, quality=95, facts=facts)
        path.write_bytes(data)

    def change(self, frame_index, aspect_ratio, **values):
        rows = self.rows()
        rows[frame_index, aspect_ratio].update(values)
        self.crops = pa.Table.from_pylist(list(rows.values()), schema=self.crops.schema)

    def restamp(self):
        """Makes size and checksum of the rows agree with the files, as an export that went wrong would."""
        for key, row in self.rows().items():
            data = (self.folder / row["file_name"]).read_bytes()
            self.change(*key, num_bytes=len(data), file_sha256=hashlib.sha256(data).hexdigest())

    def count(self, **options):
        return verify_crops_count(self.exported.stills, self.crops, folder=self.folder, **options)

    def mapping(self, by="decode"):
        exported, folder = self.exported, self.folder
        tables = {"stills": exported.stills, "identities": exported.identities}
        return verify_crops_mapping(exported.path, self.crops, **tables, folder=folder, by=by)


@pytest.fixture
def cropped(exported, tmp_path):
    return Cropped(exported, tmp_path / "crops")


@pytest.fixture
def cropped_jpeg(unexported, tmp_path):
    unexported.stills = unexported.export()
    return Cropped(unexported, tmp_path / "crops")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_still_is_cut_to_every_ratio(cropped):
    assert verify_contract("crops", cropped.crops).is_passed
    assert len(contents(cropped.folder)) == 3 * len(RATIOS)
    sizes = {"16:9": (320, 180), "9:16": (101, 180), "1:1": (180, 180), "4:5": (144, 180)}
    stills = {row["frame_index"]: row for row in cropped.exported.stills.to_pylist()}
    for (frame_index, ratio), row in cropped.rows().items():
        still = stills[frame_index]
        assert (row["width"], row["height"]) == sizes[ratio]
        stem, _, extension = still["file_name"].rpartition(".")
        assert row["file_name"] == f"{stem}_{ratio.replace(':', 'x')}.{extension}"
        names = ("rank", "pts", "luma_hash", "export_method")
        assert {name: row[name] for name in names} == {name: still[name] for name in names}
        with Image.open(cropped.folder / row["file_name"]) as picture:
            assert picture.size == (row["width"], row["height"])
            shown = np.asarray(picture).astype(int)
        part = cropped.frame(frame_index)[:, row["x"] : row["x"] + row["width"]]
        assert np.abs(shown - part).mean() < 3  # levels; JPEG


def test_faces_decide_else_salience(cropped):
    rows = cropped.rows()
    assert {key: row["rule"] for key, row in rows.items()} == {
        (index, ratio): "saliency" if index == 33 else "faces" for index in (7, 20, 33) for ratio in RATIOS
    }
    assert rows[7, "1:1"]["x"] == 320 - 180
    assert rows[7, "9:16"]["x"] == round(265 - 101 / 2)
    assert rows[20, "1:1"]["x"] == 0
    assert rows[20, "16:9"]["num_faces"] == 1  # the other one is not sure enough
    assert rows[33, "1:1"]["num_faces"] == 0


def test_settings_decide_what_counts(cropped):
    low = cropped.export(settings=CropsSettings(aspect_ratios=("16:9",), min_face_confidence=0.5))
    assert low["num_faces"].to_pylist() == [1, 2, 0]
    centre = cropped.export(faces=None, settings=CropsSettings(aspect_ratios=("1:1",), without_faces="centre"))
    assert set(centre["rule"].to_pylist()) == {"centre"}
    assert set(centre["x"].to_pylist()) == {70}


def test_facts_can_be_read_back(cropped):
    row = cropped.rows()[7, "9:16"]
    facts = read_still_metadata(cropped.folder / row["file_name"])
    assert facts["crop_box"] == [row["x"], row["y"], row["width"], row["height"]]
    names = ("video_id", "frame_index", "pts", "rank", "luma_hash", "aspect_ratio")
    assert {name: facts[name] for name in names} == {name: row[name] for name in names}
    assert (facts["video_sha256"], facts["crop_rule"]) == (VIDEO_SHA256, "faces")
    assert cropped.folder / facts["still_file_name"] != cropped.folder / row["file_name"]


def test_the_description_says_the_ratio(cropped_jpeg):
    with Image.open(cropped_jpeg.file(7, "9:16")) as picture:
        description = picture.getexif()[ExifTags.Base.ImageDescription]
    assert description == "b_frames.mp4, frame 7, at 0.280 s, rank 2, cut to 9:16"


def test_the_same_export_gives_the_same_bytes(cropped):
    before = contents(cropped.folder)
    cropped.export()
    assert contents(cropped.folder) == before


def test_an_upright_video_is_cut_vertically(unexported, synthetic_videos, tmp_path):
    from thumb_assets_tests.support.decoded import identities_of

    unexported.path = synthetic_videos("portrait")
    unexported.identities = identities_of(unexported.path)
    unexported.stills = unexported.export(unexported.select(5))
    faces = faces_table((5, 60, 200, 40, 50, 0.9))
    cropped = Cropped(unexported, tmp_path / "crops", faces=faces)
    rows = cropped.rows()
    assert (rows[5, "1:1"]["x"], rows[5, "1:1"]["y"]) == (0, 320 - 180)
    assert (rows[5, "16:9"]["y"], rows[5, "16:9"]["height"]) == (225 - 34, 101)
    assert cropped.mapping().is_passed


def test_other_ratios_replace_and_never_mix(cropped):
    cropped.export(settings=CropsSettings(aspect_ratios=("2:3",)))
    assert sorted(name.rpartition("_")[2][:3] for name in contents(cropped.folder)) == ["2x3"] * 3
    assert [path.name for path in cropped.crops_dir.iterdir()] == [VIDEO_ID]


def test_no_still_leaves_an_empty_folder(cropped):
    assert cropped.export(stills=cropped.exported.stills.slice(0, 0)).num_rows == 0
    assert contents(cropped.folder) == {}


def test_a_failure_in_the_middle_leaves_the_old_crops(cropped):
    before = contents(cropped.folder)
    cropped.exported.identities.luma_hash[33] = "0" * 32  # the third of three frames is not found again
    with pytest.raises(VerificationError, match="frame 33"):
        cropped.export()
    assert contents(cropped.folder) == before
    assert [path.name for path in cropped.crops_dir.iterdir()] == [VIDEO_ID]


def test_stills_of_another_state_are_refused(cropped):
    stills = cropped.exported.stills
    place = stills.schema.get_field_index("luma_hash")
    other = stills.set_column(place, stills.schema.field("luma_hash"), pa.array(["0" * 32] * 3))
    with pytest.raises(VerificationError, match="not the one of its still any more"):
        cropped.export(stills=other)
    with pytest.raises(ContractError, match="hold a row of b-frames"):
        cropped.export(video_id="other")


def test_a_folder_that_cannot_be_made_is_transient(cropped, tmp_path):
    (tmp_path / "file").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match="cannot be"):
        cropped.export(crops_dir=tmp_path / "file")


def test_what_was_exported_passes(cropped):
    counts = cropped.count(), cropped.count(aspect_ratios=RATIOS)
    for verdict in (*counts, *(cropped.mapping(by) for by in get_args(Verification))):
        assert (verdict.is_passed, verdict.num_checked, verdict.num_failed, verdict.sample) == (True, 12, 0, ())


def shifted(cropped):
    """By one pixel."""
    cropped.rewrite(7, "1:1", cropped.frame(7)[:, 139:319])


def of_the_next_frame(cropped):
    row = cropped.rows()[7, "1:1"]
    cropped.rewrite(7, "1:1", cropped.frame(8)[:, row["x"] : row["x"] + 180])


def mirrored(cropped):
    cropped.rewrite(7, "1:1", cropped.frame(7)[:, 140:320][:, ::-1])


def of_another_size(cropped):
    cropped.rewrite(7, "1:1", cropped.frame(7)[:, 141:320])


def scaled(cropped):
    picture = Image.fromarray(cropped.frame(7)).resize((180, 180))
    cropped.rewrite(7, "1:1", np.asarray(picture))


def without_facts(cropped):
    path = cropped.file(7, "1:1")
    Image.fromarray(cropped.frame(7)[:, 140:320]).save(path, quality=95, subsampling="4:4:4")


def with_the_facts_of_another_box(cropped):
    cropped.rewrite(7, "1:1", cropped.frame(7)[:, 140:320], crop_box=[139, 0, 180, 180])


def with_the_facts_of_another_still(cropped):
    cropped.rewrite(7, "1:1", cropped.frame(7)[:, 140:320], still_file_name="other.jpg")


def swapped(cropped):
    first, second = cropped.file(7, "1:1"), cropped.file(20, "1:1")
    data = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(data)


def cut_short(cropped):
    path = cropped.file(7, "1:1")
    path.write_bytes(path.read_bytes()[:2000])


WRONG = [
    shifted,
    of_the_next_frame,
    mirrored,
    of_another_size,
    scaled,
    without_facts,
    with_the_facts_of_another_box,
    with_the_facts_of_another_still,
    swapped,
    cut_short,
]


@pytest.mark.parametrize(("by", "is_restamped"), [("file", False), ("decode", False), ("decode", True)])
@pytest.mark.parametrize("spoil", WRONG)
def test_a_wrong_picture_is_caught(cropped, spoil, by, is_restamped):
    spoil(cropped)
    if is_restamped:
        cropped.restamp()
    verdict = cropped.mapping(by)
    assert (verdict.is_passed, verdict.num_failed) == (False, 2 if spoil is swapped else 1)
    assert "frame 7, 1:1: " in verdict.sample[0]


@pytest.mark.parametrize(
    "values",
    [
        {"x": 139},
        {"x": 141},  # out of the frame
        {"y": 1},
        {"width": 179},
        {"height": 90},
        {"luma_hash": "0" * 32},
        {"pts": 1},
        {"rank": 9},
        {"video_id": "other"},
        {"file_sha256": "0" * 64},
    ],
    ids=str,
)
def test_a_row_that_disagrees_is_caught(cropped_jpeg, values):
    cropped_jpeg.change(7, "1:1", **values)
    assert [cropped_jpeg.mapping(by).num_failed for by in ("file", "decode")] == [1, 1]


def test_identities_moved_by_one_frame_are_caught(cropped_jpeg):
    hashes = cropped_jpeg.exported.identities.luma_hash
    hashes[:] = [*hashes[1:], hashes[0]]
    assert [cropped_jpeg.mapping(by).num_failed for by in ("file", "decode")] == [12, 12]


def test_a_missing_file_is_caught_by_both(cropped_jpeg):
    cropped_jpeg.file(7, "1:1").unlink()
    assert cropped_jpeg.mapping().num_failed == 1
    assert "not in the folder" in cropped_jpeg.count().sample[0]


def test_an_extra_file_and_an_emptied_one_are_caught(cropped_jpeg):
    (cropped_jpeg.folder / ".DS_Store").write_text("x")
    assert cropped_jpeg.count().is_passed
    (cropped_jpeg.folder / "extra.jpg").write_text("x")
    assert cropped_jpeg.count().sample == ("extra.jpg is in the folder and not in the table",)
    cropped_jpeg.file(7, "1:1").write_bytes(b"")
    assert cropped_jpeg.count().num_failed == 2


def test_a_missing_crop_is_caught(cropped_jpeg):
    rows = cropped_jpeg.rows()
    gone = rows.pop((7, "1:1"))
    (cropped_jpeg.folder / gone["file_name"]).unlink()
    cropped_jpeg.crops = pa.Table.from_pylist(list(rows.values()), schema=cropped_jpeg.crops.schema)
    assert cropped_jpeg.count().sample == ("frame 7 has no crop of 1:1",)
    assert cropped_jpeg.count(aspect_ratios=[*RATIOS, "2:3"]).num_failed == 4
    assert cropped_jpeg.count(aspect_ratios=RATIOS[:2]).num_failed == 2 + 3
    cropped_jpeg.crops = cropped_jpeg.crops.slice(0, 0)
    assert "frame 7 has no crop" in cropped_jpeg.count().sample[0]


def test_other_stills_are_caught(cropped_jpeg):
    exported = cropped_jpeg.exported
    exported.stills = exported.export(exported.select(20, 7))
    verdict = cropped_jpeg.count()
    assert "frame 33 has a crop of 16:9 and should not" in verdict.sample
    exported.stills = exported.export(exported.select(7, 20, 33))  # other ranks
    assert "rank is 2, the still's is 1" in cropped_jpeg.count().sample[0]


def test_the_sheet_is_a_picture(cropped_jpeg, tmp_path):
    (tmp_path / "a.png").write_bytes(crops_sheet(cropped_jpeg.folder, cropped_jpeg.crops))
    with Image.open(tmp_path / "a.png") as sheet:
        assert sheet.width <= 1040
        assert sheet.height > 2 * 200
    assert crops_sheet(cropped_jpeg.folder, cropped_jpeg.crops.slice(0, 0))
