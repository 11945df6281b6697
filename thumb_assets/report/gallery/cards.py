"""The cards of the gallery's page of covers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from thumb_assets.report.videos import FLAGS as FLAGS_OF_VIDEOS
from thumb_assets.report.videos import VideoFacts, facts_of
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.parquet import TableStore
from thumb_assets.wording import one_line

# The filters of the page, by what is true of a video: `decided` for `is_decided`.
_NAMES = {name: name.partition("_")[2] for name in FLAGS_OF_VIDEOS}
FLAGS = tuple(_NAMES.values())


@dataclass(frozen=True)
class Card:
    """One video on the page of covers.

    Attributes:
        name: of its file, for people.
        seconds: its duration; None where it cannot be opened.
        state: see `VideoFacts`.
        why: the reason, where it failed or nothing was kept.
        cover: file_name, file_sha256, width and height of its best still; None where it has none.
        score: combined score of that.
        flags: those of FLAGS that are true of it.
    """

    video_id: str
    name: str
    seconds: float | None
    state: str
    why: str = ""
    cover: Mapping[str, Any] | None = None
    score: float | None = None
    flags: frozenset[str] = frozenset()

    @property
    def page(self) -> str:
        """Its page, relative to the folder."""
        return f"videos/{self.video_id}.html"


def cards_of(store: TableStore) -> list[Card]:
    """All videos that were tried, by video_id.

    Raises:
        MissingInputError: there is no catalog yet.
    """
    return [_card(facts) for facts in facts_of(Catalog(store.catalog_path))]


def _card(facts: VideoFacts) -> Card:
    name = PurePath(facts.path).name
    # The pages may be given to others: no folder of this machine.
    why = facts.failure.replace(facts.path, name) or facts.why_nothing
    return Card(
        video_id=facts.video_id,
        name=one_line(name or facts.video_id),
        seconds=facts.seconds,
        state=facts.state,
        why=one_line(why),
        cover=facts.cover,
        score=None if facts.cover is None else facts.cover["combined_score"],
        flags=frozenset(_NAMES[flag] for flag in facts.flags),
    )
