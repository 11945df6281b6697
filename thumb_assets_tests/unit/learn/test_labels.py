"""Labels out of decisions and CSV files, of either kind, and what is wrong with a file."""

from pathlib import Path

import pytest

from thumb_assets.errors import BadInputError
from thumb_assets.learn.labels import Label, LeftOut, labels_of_decisions, merged, read_labels
from thumb_assets.store.identity import ids_beginning_with
from thumb_assets.tables.conform import table_from_rows

IDS = ["cat-00000001", "cat-00000002", "dog-00000003"]


def read(path: Path, text: str) -> tuple[list[Label], LeftOut]:
    path.write_text(text, encoding="utf-8")
    left_out = LeftOut()
    return read_labels(path, resolve=lambda prefix: ids_beginning_with(prefix, IDS), left_out=left_out), left_out


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "labels.csv"


def test_pins_are_wanted_and_bans_are_not() -> None:
    rows = [
        {"video_id": IDS[0], "frame_index": index, "decision": decision} for index, decision in ((3, "pin"), (9, "ban"))
    ]
    assert labels_of_decisions(table_from_rows("decisions", rows)) == [Label(IDS[0], 3, 1.0), Label(IDS[0], 9, 0.0)]


def test_words_and_numbers_are_labels_and_ids_may_be_short(path: Path) -> None:
    text = "\ufeffframe_index, label ,who,video_id\n3,true,me,dog\n4,NO,me,dog\n5,0.25,me,dog-0\n6,1,me,cat-00000001\n"
    labels, left_out = read(path, text)
    assert labels == [
        Label(IDS[2], 3, 1.0),
        Label(IDS[2], 4, 0.0),
        Label(IDS[2], 5, 0.25),
        Label(IDS[0], 6, 1.0),
    ]
    assert left_out.rows == {}


def test_stars_are_mapped_to_the_file_s_own_range(path: Path) -> None:
    labels, _ = read(path, "video_id,frame_index,label\ndog,0,1\ndog,1,5\ndog,2,2\n")
    assert [label.target for label in labels] == [0.0, 1.0, 0.25]
    # Also where the least and the greatest are of videos that are not here.
    labels, _ = read(path, "video_id,frame_index,label\nbird,0,1\nbird,1,5\ndog,1,2\ndog,2,4\n")
    assert [label.target for label in labels] == [0.25, 0.75]


def test_unknown_videos_are_counted_by_reason(path: Path) -> None:
    labels, left_out = read(path, "video_id,frame_index,label\nbird,0,1\nbird,1,1\ncat,5,0\ndog,2,1\n,3,1\n")
    assert labels == [Label(IDS[2], 2, 1.0)]
    assert left_out.lines() == [
        "left out (3 rows, (no video_id) frame 3, ...): no video that was run here",
        "left out (1 row, cat frame 5): the video_id begins several videos; give more of it",
    ]


def test_clicks_are_held_against_those_of_the_video(path: Path) -> None:
    text = "video_id,frame_index,clicks,impressions\ndog,0,30,300\ndog,0,30,300\ndog,1,0,600\n"
    labels, left_out = read(path, text)
    rate = 60 / 1200
    smoothed = (60 + 100 * rate) / 700 / rate
    assert labels[0] == Label(IDS[2], 0, pytest.approx(smoothed / (1 + smoothed)), pytest.approx(600 / 700))
    assert labels[0].target > 0.5 > labels[1].target > 0
    assert left_out.rows == {}


def test_few_impressions_say_little(path: Path) -> None:
    text = "video_id,frame_index,clicks,impressions\ndog,0,1,1\ndog,1,50,1000\ndog,2,100,1000\n"
    few, low, high = read(path, text)[0]
    assert abs(few.target - 0.5) < abs(low.target - 0.5)
    assert few.target < high.target
    assert few.weight < 0.01 < 0.9 < high.weight


def test_counts_that_say_nothing_are_left_out(path: Path) -> None:
    text = "video_id,frame_index,clicks,impressions\ndog,0,0,0\ndog,1,5,10\ncat-00000001,0,0,40\n"
    labels, left_out = read(path, text)
    assert [label.frame_index for label in labels] == [1]
    assert left_out.rows == {
        "no impression": ["dog-00000003 frame 0"],
        "no still of the video was clicked": ["cat-00000001 frame 0"],
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "its first line names no column"),
        ("video_id,label\n", "it must name video_id"),
        ("video_id,frame_index,clicks\n", "or clicks and impressions"),
        ("video_id,frame_index,label,clicks\n", "one kind"),
        ("video_id,frame_index,label\ndog,0,maybe\n", "line 2: label 'maybe' is no number, true or false"),
        ("video_id,frame_index,label\ndog,0,nan\n", "line 2: label 'nan'"),
        ("video_id,frame_index,label\ndog,0\n", "line 2: label ''"),
        ("video_id,frame_index,label\ndog,0,yes\ndog,1,4\n", "has both words (yes) and numbers beyond 0 to 1 (4)"),
        ("video_id,frame_index,label\ndog,1.5,1\n", "line 2: frame_index '1.5' is no whole number"),
        ("video_id,frame_index,label\ndog,0,1\ndog,x,1\n", "line 3: frame_index 'x'"),
        ("video_id,frame_index,clicks,impressions\ndog,0,5,4\n", "line 2: 5 clicks of 4 impressions"),
        ("video_id,frame_index,clicks,impressions\ndog,0,-1,4\n", "line 2: -1 clicks"),
        ('video_id,frame_index,label\n"dog,0,1\n', "cannot be read as CSV"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(path: Path, text: str, words: str) -> None:
    with pytest.raises(BadInputError) as error:
        read(path, text)
    assert words in str(error.value)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_or_no_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="No such file"):
        read_labels(tmp_path / "none.csv", resolve=lambda _: [], left_out=LeftOut())
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(BadInputError, match="UTF-8"):
        read_labels(tmp_path / "binary.csv", resolve=lambda _: [], left_out=LeftOut())


def test_labels_of_one_frame_become_one() -> None:
    labels = [Label("b", 1, 1.0, 3.0), Label("a", 5, 0.0), Label("b", 1, 0.0, 1.0)]
    assert merged(labels) == merged(labels[::-1]) == [Label("a", 5, 0.0), Label("b", 1, 0.75, 4.0)]
