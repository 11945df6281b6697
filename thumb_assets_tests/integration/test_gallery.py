"""The library as plain HTML files: what they show, that links hold, and that nothing of others is touched."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from click.testing import CliRunner, Result

from thumb_assets.cli import main
from thumb_assets.report.gallery.cards import cards_of
from thumb_assets.report.gallery.folder import MARKER
from thumb_assets.report.gallery.write import Gallery, data_of, write_gallery
from thumb_assets.store.decisions import decide
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.hostile import NAME, unsafe_characters
from thumb_assets_tests.support.running import register, run_stages

ODD = '100% #1? "it\'s" & <b>ü 東京<b>.mp4'
STAGES_OF_TEST = (
    "videos",
    "frames",
    "shots",
    "subtitles",
    "candidate_frames",
    "sharpness",
    "appearance",
    "selections",
    "stills",
    "catalog",
)


class _Page(HTMLParser):
    """References of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [str(value) for name, value in attrs if name in {"src", "href"} and value]

    def handle_data(self, data: str) -> None:
        self.text += data


def read(path: Path) -> _Page:
    return _Page(path.read_text(encoding="utf-8"))


def thumb_assets(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture(scope="module")
def run_library(synthetic_videos: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three videos of odd names with subtitles, one that failed."""
    data_dir = tmp_path_factory.mktemp("gallery") / "data"
    data_dir.mkdir()
    videos = [data_dir / ODD, data_dir / f"{NAME[:60].replace('/', '')}.mp4", data_dir / "plain.mp4"]
    for source, target in zip(("multi_shot", "cfr", "multi_shot"), videos, strict=True):
        shutil.copyfile(synthetic_videos(source), target)
    with videos[2].open("ab") as handle:  # another content, so another video
        handle.write(b"\0" * 16)
    videos[2].with_suffix(".srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello <i>world</i> & all\n")
    broken = data_dir / "broken<script>alert(1)<script>.mp4"
    broken.write_bytes(b"no video at all")
    run_stages(data_dir, register(data_dir, [*videos, broken]), STAGES_OF_TEST)
    return data_dir


@pytest.fixture
def library(run_library: Path, tmp_path: Path) -> TableStore:
    shutil.copytree(run_library, tmp_path / "data")
    return TableStore(tmp_path / "data")


def written(store: TableStore, folder: Path, *, is_decoding: bool = False) -> Gallery:
    return write_gallery(store, folder, is_decoding=is_decoding)


def test_every_link_of_every_page_leads_to_a_file(library: TableStore, tmp_path: Path) -> None:
    folder = tmp_path / "out #1 50%?" / "gallery"
    gallery = written(library, folder)
    assert gallery.num_videos == gallery.num_written == 4
    pages = [gallery.index, *sorted((folder / "videos").glob("*.html"))]
    assert len(pages) == 5
    for path in pages:
        for link in read(path).links:
            assert not urlsplit(link).scheme, "nothing is fetched from elsewhere"
            assert (path.parent / unquote(link)).resolve().is_file(), f"{path.name}: {link}"
    assert str(tmp_path) not in "".join(path.read_text(encoding="utf-8") for path in pages), "no folder of this machine"
    assert {path.name for path in folder.iterdir() if path.is_file()} == {
        "index.html", "gallery.css", "gallery.js", "gallery-data.js", MARKER
    }  # fmt: skip


def test_names_are_text_never_markup(library: TableStore, tmp_path: Path) -> None:
    written(library, tmp_path / "gallery")
    index = read(tmp_path / "gallery" / "index.html")
    assert ODD in index.text
    assert "b" not in index.tags
    assert index.tags.count("script") == 2  # its own
    for path in (tmp_path / "gallery").rglob("*.html"):
        assert unsafe_characters(path.read_text(encoding="utf-8")) == []
        assert "<script>alert" not in path.read_text(encoding="utf-8")
    data = (tmp_path / "gallery" / "gallery-data.js").read_text(encoding="ascii")
    assert "<" not in data
    cards = json.loads(data.removeprefix("window.GALLERY=").rstrip(";\n"))["cards"]
    assert ODD in [card[1] for card in cards]


def test_a_videos_page_shows_what_was_chosen_and_why(library: TableStore, tmp_path: Path) -> None:
    cards = {card.name: card for card in cards_of(library)}
    card = cards["plain.mp4"]
    selected = library.read("selections", card.video_id).sort_by("rank").to_pylist()
    decide(library, card.video_id, {selected[0]["frame_index"]: "cover"})
    gallery = written(library, tmp_path / "gallery", is_decoding=True)
    page = read(tmp_path / "gallery" / card.page)
    for row in selected:
        assert row["reason"] in page.text
        assert f"frame {row['frame_index']}" in page.text
    assert "Hello world & all" in page.text
    pictures = [link for link in page.links if link.endswith(".jpg")]
    rejected = library.read("rejections", card.video_id).to_pylist()
    num_runners_up = min(6, sum(row["stage"] != "reject" for row in rejected))
    assert num_runners_up
    assert len(set(pictures)) == len(selected) + num_runners_up
    assert any(f".f{row['frame_index']}.jpg" in link for row in rejected for link in pictures)
    broken = next(card for name, card in cards.items() if name.startswith("broken"))
    assert broken.state == "failed"
    assert "failed" in read(tmp_path / "gallery" / broken.page).text
    assert gallery.notes == ()


def test_a_second_writing_makes_only_what_changed(library: TableStore, tmp_path: Path) -> None:
    folder = tmp_path / "gallery"
    written(library, folder, is_decoding=True)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    for is_decoding in (True, False):
        assert written(library, folder, is_decoding=is_decoding).num_written == 0
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before
    video_id = library.video_ids("stills")[0]
    for name in ("stills", "selections", "rejections"):
        library.delete(name, video_id)
    (folder / "notes.txt").write_text("mine")
    thumb_assets("run", "--stages", "catalog", "--data-dir", library.data_dir)
    written(library, folder, is_decoding=True)
    assert not list(folder.glob(f"pictures/{video_id}.f*.jpg")), "pictures that no page shows are gone"
    assert (folder / "notes.txt").read_text() == "mine"
    next(iter((folder / "videos").glob("*.html"))).unlink()
    assert written(library, folder, is_decoding=True).num_written == 1


def test_a_folder_of_others_is_left_alone(library: TableStore, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    (folder / "videos").mkdir(parents=True)
    (folder / "index.html").write_text("mine")
    for wrong in (folder, folder / "index.html", library.data_dir, tmp_path):
        result = thumb_assets("gallery", wrong, "--data-dir", library.data_dir)
        assert result.exit_code == 1, wrong
        assert result.stderr.startswith("error: ")
    assert (folder / "index.html").read_text() == "mine"
    gallery = tmp_path / "gallery"
    written(library, gallery)
    victim = tmp_path / "victim.html"
    victim.write_text("mine")
    marker = json.loads((gallery / MARKER).read_text())
    marker["files"] += ["../victim.html", "videos/../../victim.html", str(victim)]
    (gallery / MARKER).write_text(json.dumps(marker))
    written(library, gallery)
    assert victim.read_text() == "mine"
    shutil.rmtree(gallery / "videos")
    (gallery / MARKER).write_text(json.dumps(marker | {"files": []}))
    with pytest.raises(Exception, match="not this command's file"):
        written(library, gallery)


def test_a_writing_that_was_cut_short_is_gone_on_with(library: TableStore, tmp_path: Path) -> None:
    folder = tmp_path / "gallery"
    written(library, folder)
    marker = json.loads((folder / MARKER).read_text())
    (folder / MARKER).write_text(json.dumps(marker | {"pages": {}}))  # as it is while pages are written
    (folder / "index.html").unlink()
    assert written(library, folder).num_written == 4
    assert (folder / "index.html").is_file()


def test_the_command_says_where_it_is_and_what_to_run_first(library: TableStore, tmp_path: Path) -> None:
    result = thumb_assets("gallery", "--data-dir", library.data_dir)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == str(library.data_dir / "gallery" / "index.html")
    assert thumb_assets("gallery", tmp_path / "x", "--data-dir", tmp_path / "none").exit_code == 1
    assert not (tmp_path / "x").exists()


def chosen_in_browser(index: Path, filters: str) -> tuple[list[str], str]:
    """The names on the page of covers once its script has run, and the number that it says."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no Chromium is installed here (Debian: apt-get install chromium)")
    command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=4000", "--dump-dom"]
    outcome = subprocess.run(
        [*command, f"{index.as_uri()}#{filters}"], capture_output=True, text=True, check=True, timeout=120
    )
    page = outcome.stdout
    return re.findall(r'class="name" title="([^"]*)"', page), str(re.search(r'id="count">([^<]*)<', page)[1])


def test_filters_and_order_in_chromium(library: TableStore, tmp_path: Path) -> None:
    index = written(library, tmp_path / "#odd 100%").index
    names, _ = chosen_in_browser(index, "")
    assert len(names) == 4
    names, number = chosen_in_browser(index, "state=failed")
    assert (len(names), number) == (1, "1 of 4 videos")
    names, _ = chosen_in_browser(index, "words=PLAIN&flag=subtitles")
    assert names == ["plain.mp4"]
    names, number = chosen_in_browser(index, "words=zebra")
    assert (names, number) == ([], "0 of 4 videos")
    longest, _ = chosen_in_browser(index, "state=done&order=longest")
    shortest, _ = chosen_in_browser(index, "state=done&order=shortest")
    assert len(longest) == len(shortest) == 3
    assert longest[0] == shortest[-1] or longest[-1] == shortest[0]


def test_the_data_is_small_for_large_libraries(library: TableStore) -> None:
    cards = cards_of(library)
    assert len(data_of(cards * 2500)) < 3_000_000
