"""Gathers the facts for the page from the catalog."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from thumb_assets.report.gallery.cards import Card, cards_of
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.set_aside import SetAside

# Scores of which the distribution is shown: a name, where the values are, and what they say.
_SCORES = {
    "Score of the selected frames": (
        "combined_score",
        "selections",
        "The weighted mean of all components, 0 to 1, and a bonus for a clear face. More is better.",
    ),
    "Sharpness of the candidates": (
        "laplacian_variance",
        "sharpness",
        "Variance of the Laplacian of the brightness. Near 0 is blurred or empty; more is sharper or more detailed.",
    ),
    "CLIP score of the candidates": (
        "clip_score",
        "clip_scores",
        "How much more the picture is like a good photograph than like a spoiled one. Below 0 is doubtful.",
    ),
    "The judge's score of the best candidates": (
        "judge_score",
        "judgements",
        "A vision-language model's opinion of the frame as a thumbnail, 0 to 10.",
    ),
}
_CAPTION_OF_METRIC = "The metric's own prediction of quality; docs/models.md says whether more or less is better."
_NUM_BINS = 40
_IQA_METRICS = "SELECT DISTINCT metric FROM iqa_scores WHERE metric IS NOT NULL ORDER BY metric"
_TOTALS = """
SELECT (SELECT count(*) FROM videos) AS num_videos,
       (SELECT coalesce(sum(duration_seconds), 0) FROM videos) AS video_seconds,
       (SELECT coalesce(sum(num_frames_from_content), 0) FROM videos) AS num_frames,
       (SELECT count(*) FROM candidate_frames) AS num_candidates,
       (SELECT count(*) FROM stills) AS num_stills,
       (SELECT coalesce(sum(num_bytes), 0) FROM stills) AS num_still_bytes,
       (SELECT count(DISTINCT video_id) FROM outcomes) AS num_tried,
       (SELECT count(DISTINCT video_id) FROM outcomes
        WHERE status = 'failed' AND video_id NOT IN (SELECT value FROM json_each(:gone))) AS num_failed
"""
# A stage that was blocked fails for the reason of another one, which is counted. Without its file, a reason of many
# videos is one reason.
_FAILURES = """
SELECT stage, replace(message, source_path, 'file') AS reason, min(is_permanent) AS is_permanent,
       count(DISTINCT video_id) AS num_videos, min(video_id) AS example
FROM outcomes WHERE status = 'failed' AND blocked_by IS NULL
      AND video_id NOT IN (SELECT value FROM json_each(:gone))
GROUP BY stage, reason ORDER BY num_videos DESC, stage, reason LIMIT 50
"""
_FAILED = "SELECT DISTINCT video_id FROM outcomes WHERE status = 'failed'"


@dataclass(frozen=True)
class Histogram:
    """Distribution of values: the ends of the bins, ascending, the number of values in each bin, what they say."""

    edges: Sequence[float]
    counts: Sequence[int]
    caption: str = ""

    @property
    def shares(self) -> list[float]:
        """The height of each bar, 0..100; one that is not empty can be seen."""
        most = max([*self.counts, 1])
        return [max(1.5, round(100 * number / most, 1)) if number else 0.0 for number in self.counts]


@dataclass(frozen=True)
class Facts:
    """Facts that the page shows.

    Attributes:
        totals: numbers by name.
        failures: per stage and reason, most videos first: is_permanent, num_videos, example (a video_id).
        scores: histograms by name, of the values that are not null.
        set_aside: files of the library that are left out, and why.
        nothing_kept: by video of which no frame is selected, why.
        latest: the last videos with stills, newest first.
        names: by video the name of its file.
    """

    totals: Mapping[str, float]
    failures: Sequence[Mapping[str, Any]]
    scores: Mapping[str, Histogram]
    latest: Sequence[Card]
    set_aside: Sequence[SetAside] = ()
    nothing_kept: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


def gather(store: TableStore, *, set_aside: Sequence[SetAside] = (), num_latest: int = 48) -> Facts:
    """Asks the catalog.

    Args:
        set_aside: of the library.

    Raises:
        BadInputError: there is no catalog yet.
    """
    catalog = Catalog(store.catalog_path)
    gone = json.dumps(sorted(gone_videos(store)))
    found = {name: _histogram(catalog, column, table) for name, (column, table, _) in _SCORES.items()}
    captions = {name: caption for name, (_, _, caption) in _SCORES.items()}
    for row in catalog.query(_IQA_METRICS):
        metric = str(row["metric"])
        found[f"Quality of the frames ({metric})"] = _histogram(catalog, "iqa_score", "iqa_scores", metric)
    scores = {
        name: replace(histogram, caption=captions.get(name, _CAPTION_OF_METRIC))
        for name, histogram in found.items()
        if histogram is not None
    }
    cards = cards_of(store)
    return Facts(
        totals=catalog.query(_TOTALS, {"gone": gone})[0],
        failures=catalog.query(_FAILURES, {"gone": gone}),
        scores=scores,
        latest=_latest(store, [card for card in cards if card.cover is not None])[:num_latest],
        set_aside=set_aside,
        nothing_kept={card.video_id: card.why for card in cards if card.state == "nothing"},
        names={card.video_id: card.name for card in cards},
    )


def gone_videos(store: TableStore) -> set[str]:
    """Failed videos whose file was here and is removed: nothing is left to put right.

    Raises:
        BadInputError: there is no catalog yet.
    """
    library = Library(store.data_dir)
    failed = {str(row["video_id"]) for row in Catalog(store.catalog_path).query(_FAILED)}
    return {video_id for video_id in failed if library.was_seen(video_id) and not library.is_known(video_id)}


def _histogram(catalog: Catalog, column: str, table: str, metric: str | None = None) -> Histogram | None:
    """Counted in the database: a large library has millions of scores. None where there is no value."""
    source = f"FROM {table} WHERE {column} IS NOT NULL" + (" AND metric = :metric" if metric else "")
    given = {"metric": metric} if metric else {}
    (ends,) = catalog.query(f"SELECT min({column}) AS low, max({column}) AS high {source}", given)
    if ends["low"] is None:
        return None
    low = float(ends["low"])
    width = (float(ends["high"]) - low or 1.0) / _NUM_BINS
    bin_of = f"min(CAST(({column} - :low) / :width AS INTEGER), {_NUM_BINS - 1})"
    rows = catalog.query(
        f"SELECT {bin_of} AS bin, count(*) AS num {source} GROUP BY 1", {**given, "low": low, "width": width}
    )
    num_by_bin = {int(row["bin"]): int(row["num"]) for row in rows}
    return Histogram(
        [low + width * edge for edge in range(_NUM_BINS + 1)], [num_by_bin.get(each, 0) for each in range(_NUM_BINS)]
    )


def _latest(store: TableStore, cards: Sequence[Card]) -> list[Card]:
    """By the time at which the stills were written, newest first."""

    def written_at(card: Card) -> float:
        try:
            return store.table_path("stills", card.video_id).stat().st_mtime
        except OSError:  # removed since the catalog was made
            return 0.0

    return sorted(cards, key=written_at, reverse=True)
