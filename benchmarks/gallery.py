"""Cost of the page of covers for a large library: `uv run python -m benchmarks.gallery [--videos N]`.

Made-up cards with a picture file each, the page as `thumb-assets gallery` writes it, opened from its file by Chromium
(headless, its cache empty). Measured, in the page's own clock from the start of its loading: until the first picture is
loaded, until the script has all cards, and what a filter and an order over all of them take.
"""

import io
import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import click
import numpy as np
from PIL import Image

from benchmarks.machine import describe_machine
from thumb_assets.report.gallery.cards import Card
from thumb_assets.report.gallery.pictures import still_names
from thumb_assets.report.gallery.write import write_index

_NUM_VIDEOS, _NUM_PICTURES = 10_000, 50
# Before all else on the page; what it found stands in the page's title when that is dumped.
_MEASURE = """<script>
const found = {};
const say = () => { document.title = JSON.stringify(found); };
document.addEventListener("load", (event) => {
  if (event.target.tagName === "IMG") { found.first ??= performance.now(); say(); }
}, true);
addEventListener("DOMContentLoaded", () => setTimeout(() => {
  found.ready = performance.now();
  const form = document.getElementById("filters");
  const timed = (name, value) => { const start = performance.now(); form.elements[name].value = value;
    form.dispatchEvent(new Event("input")); document.body.offsetHeight; return performance.now() - start; };
  found.filter = timed("words", "77"); timed("words", ""); found.order = timed("order", "best");
  say();
}));
</script>"""


@dataclass(frozen=True)
class PageCost:
    """Milliseconds: to the first picture, to the script's start, of a filter, of an order over all."""

    first_picture: float
    ready: float
    filtered: float
    ordered: float


def measure_page(*, num_videos: int = _NUM_VIDEOS, num_runs: int = 5) -> PageCost:
    """Writes the page for made-up videos and opens it several times; the medians."""
    program = shutil.which("chromium")
    if program is None:
        raise click.ClickException("no Chromium is installed here (Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory(prefix="thumb-assets-gallery-") as folder:
        index = _written(Path(folder), num_videos)
        runs = [_opened(program, index) for _ in range(num_runs)]
    names = ("first", "ready", "filter", "order")
    return PageCost(*(median(run[name] for run in runs) for name in names))


def _written(folder: Path, num_videos: int) -> Path:
    random = np.random.default_rng(0)
    pictures = []
    for _ in range(_NUM_PICTURES):
        coarse = Image.fromarray(random.integers(0, 256, (9, 16, 3), np.uint8)).resize(
            (426, 240), Image.Resampling.BICUBIC
        )
        buffer = io.BytesIO()
        coarse.save(buffer, "JPEG", quality=80)
        pictures.append(buffer.getvalue())
    (folder / "pictures").mkdir()
    cards = []
    for number in range(num_videos):
        cover = {"file_name": "a.jpg", "file_sha256": f"{number:064x}"[::-1], "width": 1920, "height": 1080}
        (folder / still_names(cover["file_sha256"])[0]).write_bytes(pictures[number % _NUM_PICTURES])
        name = f"a video about something {number}.mp4"
        flags = frozenset(["faces"] if number % 3 else [])
        seconds, score = float(random.uniform(5, 5000)), float(random.random())
        cards.append(Card(f"a-video-about-something-{number:08x}", name, seconds, "done", "", cover, score, flags))
    write_index(folder, cards)
    index = folder / "index.html"
    text = index.read_text(encoding="utf-8")
    index.write_text(text.replace("<head>", f"<head>{_MEASURE}", 1), encoding="utf-8")
    return index


def _opened(program: str, index: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="thumb-assets-chromium-") as profile:
        command = [program, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", "--dump-dom"]
        page = subprocess.run(
            [*command, "--timeout=15000", "--window-size=1280,900", index.as_uri()],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout
    match = re.search(r"<title>(\{.*?\})</title>", page)
    if match is None:
        raise click.ClickException("the page did not say what it measured")
    return dict(json.loads(match[1]))


@click.command()
@click.option("--videos", type=click.IntRange(1), default=_NUM_VIDEOS, show_default=True)
@click.option("--runs", type=click.IntRange(1), default=5, show_default=True)
def main(*, videos: int, runs: int) -> None:
    """Print what the page of covers costs in Chromium."""
    cost = measure_page(num_videos=videos, num_runs=runs)
    click.echo(
        f"{describe_machine()}\n\n{videos:,} videos, median of {runs}, ms: first picture {cost.first_picture:.0f}, "
    )
    click.echo(f"all cards {cost.ready:.0f}, a filter {cost.filtered:.0f}, an order over all {cost.ordered:.0f}")


if __name__ == "__main__":
    main()
