"""Licence and author: what goes before what, and what is no CSV."""

from pathlib import Path

import pytest

from thumb_assets.dataset.licences import known_licences, licence_of
from thumb_assets.dataset.ownership import Owners
from thumb_assets.errors import BadInputError, SettingsError
from thumb_assets.settings.dataset import DatasetSettings

ROWS = """video,licence,author
holiday/,CC-BY-NC-4.0,Ana
holiday/best,CC0-1.0,
"holiday/best/a, b.mp4",CC BY 4.0,"Lee ""L"" Wong"
c-00000000,own,
/disk/elsewhere,MIT,Kim
"""
TAGS = {"Artist": " Bo ", "COPYRIGHT": "(c) Bo, all rights reserved", "license": "CC-BY-SA-3.0"}


def owners(folder: Path, rows: str = ROWS, **settings: object) -> Owners:
    (folder / "licences.csv").write_text(rows, encoding="utf-8")
    return Owners(DatasetSettings(licences="licences.csv", **settings), folder, folder / "videos")  # type: ignore[arg-type]


def said(found: Owners, source: str, *, video_id: str = "x-00000000", tags: dict[str, str] | None = None) -> tuple:
    path = source if source.startswith("/") else f"/data/videos/{source}"
    owner = found.of(video_id, source, path, lambda: tags or {})
    return (owner.licence.name if owner.licence else None), owner.author


def test_the_video_goes_before_its_folders_and_the_deepest_of_these_first(tmp_path: Path) -> None:
    found = owners(tmp_path)
    assert said(found, "holiday/best/a, b.mp4") == ("CC-BY-4.0", 'Lee "L" Wong')
    assert said(found, "holiday/best/c.mp4") == ("CC0-1.0", "Ana"), "each is looked for by itself"
    assert said(found, "holiday/c.mp4") == ("CC-BY-NC-4.0", "Ana")
    assert said(found, "c.mp4", video_id="c-00000000") == ("own", None)
    assert said(found, "/disk/elsewhere/d.mp4") == ("MIT", "Kim")


def test_tags_come_before_the_settings(tmp_path: Path) -> None:
    found = owners(tmp_path, default_licence="CC-BY-4.0", default_author="nobody")
    assert said(found, "d.mp4", tags=TAGS) == ("CC-BY-SA-3.0", "Bo")
    assert said(found, "d.mp4") == ("CC-BY-4.0", "nobody")
    assert said(found, "d.mp4", tags={"copyright": "CC BY-NC 2.0"}) == ("CC-BY-NC-2.0", "nobody")
    assert said(found, "d.mp4", tags={"copyright": "(c) Bo"})[0] == "CC-BY-4.0", "no licence, only whose it is"


def test_a_file_is_not_opened_where_the_csv_says_all(tmp_path: Path) -> None:
    def fail() -> dict[str, str]:
        raise AssertionError("opened")

    source = "holiday/best/a, b.mp4"
    assert owners(tmp_path).of("x-00000000", source, f"/data/videos/{source}", fail).licence is not None


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("file,licence\na.mp4,MIT\n", "must name the columns"),
        ("video\na.mp4\n", "must name the columns"),
        ("video,licence,author,who\n", "must name the columns"),
        ("video,licence\na.mp4,MIT,Bo\n", "line 2 has more cells"),
        ("video,licence\n,MIT\n", "line 2 has more cells"),
        ("video,licence\na.mp4,MIT\na.mp4,own\n", "line 3 names 'a.mp4' again"),
    ],
)
def test_what_is_wrong_in_the_csv_is_said_with_its_line(tmp_path: Path, rows: str, problem: str) -> None:
    with pytest.raises(BadInputError, match=problem):
        owners(tmp_path, rows)


def test_a_csv_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no file"):
        Owners(DatasetSettings(licences="nowhere.csv"), tmp_path, tmp_path)
    (tmp_path / "licences.csv").write_bytes(b"video,licence\n\xff\xfe,MIT\n")
    with pytest.raises(BadInputError, match="no CSV in UTF-8"):
        Owners(DatasetSettings(licences="licences.csv"), tmp_path, tmp_path)


def test_a_csv_in_the_library_folder_counts_where_no_other_is_named(tmp_path: Path) -> None:
    library = tmp_path / "videos"
    library.mkdir()
    assert said(Owners(DatasetSettings(), tmp_path, library), "a.mp4") == (None, None)
    (library / "licences.csv").write_text("video,licence,author\na.mp4,CC-BY-3.0,Ana\n", encoding="utf-8")
    assert said(Owners(DatasetSettings(), tmp_path, library), "a.mp4") == ("CC-BY-3.0", "Ana")
    assert said(owners(tmp_path, "video,licence\na.mp4,MIT\n"), "a.mp4") == ("MIT", None)


@pytest.mark.parametrize(
    ("text", "name", "is_commercial"),
    [
        ("cc0", "CC0-1.0", True),
        ("CC-BY-SA 4.0", "CC-BY-SA-4.0", True),
        ("cc_by_nc_nd_4.0", "CC-BY-NC-ND-4.0", False),
        ("CC-BY-ND-4.0", "CC-BY-ND-4.0", False),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0", True),
        ("http://creativecommons.org/licenses/by-sa/3.0/de/", "CC-BY-SA-3.0", True),
        ("own", "own", True),
    ],
)
def test_licences_are_known_in_their_usual_spellings(text: str, name: str, is_commercial: bool) -> None:
    licence = licence_of(text)
    assert (licence.name, licence.is_known, licence.is_commercial) == (name, True, is_commercial)


@pytest.mark.parametrize(
    "text", ["CC-BY-9.9", "all rights reserved", "free", "cc", "Apache", "https://example.org/by/4.0"]
)
def test_what_is_no_licence_is_not_known_and_allows_nothing(text: str) -> None:
    assert not licence_of(text).is_known
    assert not licence_of(text).is_commercial


def test_the_list_for_people_is_of_known_licences() -> None:
    listed = known_licences()
    assert len({name for name, _ in listed}) == len(listed)
    assert all(licence_of(name).is_known and licence_of(name).name == name for name, _ in listed)
