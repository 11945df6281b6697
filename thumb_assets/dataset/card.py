"""The dataset card, README.md: YAML that libraries read, and what people should know before they train on it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thumb_assets import __version__
from thumb_assets.dataset.kit import Format, Written
from thumb_assets.settings.dataset import DatasetSettings
from thumb_assets.tables.declaration import TableContract
from thumb_assets.wording import count, markdown

CARD_FILE = "README.md"
# Beside the data and below a folder of its own, so that no library takes the picture for one of the dataset's.
PAIR_FILE = "card/nearest-pair.jpg"
_MAX_NAMED = 20
# Licences that the hub knows by the same name in lower case; others are `other`.
_HUB_LICENCES = re.compile(r"CC0-1\.0|CC-BY(-NC)?(-SA|-ND)?-[234]\.[05]|MIT|Apache-2\.0|BSD-[23]-Clause|Unlicense")


@dataclass(frozen=True)
class CardFacts:
    """The content of the card.

    Attributes:
        num_stills, num_videos, num_groups: by split.
        licences: number of stills by licence; the key None for those without one.
        authors: number of stills by author, the same.
        models: (model, licence or None) of the scores that are told.
        nearest: (cosine similarity, bits of difference, video and frame, video and frame) of the most alike pair over
            the border of the first split; None where none can be compared.
        nearest_split: (first split, the other's).
        num_uncompared: stills of which no likeness is known.
        has_picture: whether PAIR_FILE is there.
        notes: what was left out and why, one line each.
    """

    settings: DatasetSettings
    num_stills: Mapping[str, int]
    num_videos: Mapping[str, int]
    num_groups: Mapping[str, int]
    licences: Mapping[str | None, int]
    authors: Mapping[str | None, int]
    models: Sequence[tuple[str, str | None]]
    nearest: tuple[float, int, str, str] | None
    nearest_split: tuple[str, str]
    num_uncompared: int
    has_picture: bool
    notes: Sequence[str]


def card_text(facts: CardFacts, written_as: Format, contract: TableContract, title: str) -> str:
    """The card without its YAML; names come from strangers' files, so everything is escaped."""
    total = sum(facts.num_stills.values())
    of_videos = f"{count(total, 'still')} of {count(sum(facts.num_videos.values()), 'video')}"
    lines = [
        f"# {markdown(title)}",
        "",
        f"{of_videos}, chosen by thumb-assets {__version__} as the frames most worth keeping. Each was checked against",
        "its video: it is the frame that its row names. To load it, in the folder of this file:",
        "",
        "```python",
        written_as.loads.replace("{folder}", "."),
        "```",
        "",
        *_splits(facts),
        *_likeness(facts),
        "## Licence and provenance",
        "",
        "Each row has the licence and the author of its video, the name of the video's file and that file's SHA-256.",
        "Stills by licence:",
        "",
        *_counted(facts.licences, "licence"),
        "",
        "Stills by author:",
        "",
        *_counted(facts.authors, "author"),
        "",
        *_models(facts),
        "## What was chosen and left out",
        "",
        *[f"- {markdown(line)}" for line in _choice(facts)],
        "",
        "## Columns",
        "",
        "| column | type | unit | meaning |",
        "|---|---|---|---|",
        *(f"| `{each.name}` | {each.type} | {each.unit} | {each.doc.replace('|', '')} |" for each in contract.columns),
        "",
    ]
    return "\n".join(lines)


def write_card(
    folder: Path,
    written: Written,
    data_files: Callable[[str], str] | None,
    *,
    features: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Writes README.md.

    Args:
        data_files: see `Format`.
        features: of the columns, as the hub's YAML has them, where the files do not tell their types.
    """
    import yaml

    facts: dict[str, Any] = {"pretty_name": written.title, **_licence_of_hub(written.licence)}
    facts |= {
        "task_categories": ["image-feature-extraction"],
        "size_categories": [_size(sum(written.num_stills.values()))],
    }
    facts["tags"] = ["thumb-assets", "video-frames"]
    if data_files is not None:
        splits = [name for name, number in written.num_stills.items() if number]
        patterns = [{"split": name, "path": data_files(name)} for name in splits]
        facts["configs"] = [{"config_name": "default", "data_files": patterns}]
    if features:
        facts["dataset_info"] = {"features": list(features)}
    head = yaml.safe_dump(facts, sort_keys=False, allow_unicode=True, width=1000)
    (folder / CARD_FILE).write_text(f"---\n{head}---\n\n{written.card}", encoding="utf-8")


def _licence_of_hub(licence: str | None) -> dict[str, str]:
    if licence is not None and _HUB_LICENCES.fullmatch(licence):
        return {"license": licence.lower()}
    return {"license": "other", "license_name": "per-row", "license_link": f"{CARD_FILE}#licence-and-provenance"}


def _size(number: int) -> str:
    """The hub's name for a number of rows.

    >>> _size(12), _size(20_000)
    ('n<1K', '10K<n<100K')
    """
    limits = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
    return next((name for limit, name in limits if number < limit), "1M<n<10M")


def _splits(facts: CardFacts) -> list[str]:
    total = max(1, sum(facts.num_stills.values()))
    rows = [
        f"| {split} | {number} | {number / total:.0%} | {facts.num_videos[split]} | {facts.num_groups[split]} |"
        for split, number in facts.num_stills.items()
    ]
    return [
        "## Splits",
        "",
        "| split | stills | share | videos | groups |",
        "|---|---|---|---|---|",
        *rows,
        "",
        "Videos that share footage (copies, encoded again or cut, and videos with like stills) form a group; any other",
        "video is a group by itself. All of a group is in one split, so that no split holds what another one shows.",
        f"The groups were dealt at random (seed {facts.settings.seed}).",
        "",
    ]


def _likeness(facts: CardFacts) -> list[str]:
    first, other = facts.nearest_split
    lines = [f"## Likeness between {first} and the other splits", ""]
    if facts.nearest is None:
        is_alone = sum(facts.num_stills.values()) == facts.num_stills[first]
        none = "is in another split" if is_alone else f"of {first} could be compared with one of another split"
        lines += [f"Unknown: no still {none}.", ""]
    else:
        cosine, bits, still, other_still = facts.nearest
        lines += [
            f"The most alike stills of both sides: {markdown(still)} ({first}) and {markdown(other_still)} ({other}).",
            f"Cosine similarity {cosine:.3f} (1: they show the same); {bits} of the 64 bits of their difference hashes",
            "differ (0: the same).",
            "",
        ]
        if facts.has_picture:
            lines += [f"![the two most alike stills]({PAIR_FILE})", ""]
    if facts.num_uncompared:
        lines += [
            f"{count(facts.num_uncompared, 'still')} could not be compared with any other (no look was measured, or",
            "next to nothing is shown), so that copies of them may be on both sides.",
            "",
        ]
    return lines


def _counted(numbers: Mapping[str | None, int], noun: str) -> list[str]:
    ordered = sorted(numbers.items(), key=lambda item: (-item[1], item[0] or ""))
    lines = [f"- {'not known' if name is None else markdown(name)}: {number}" for name, number in ordered[:_MAX_NAMED]]
    more = len(ordered) - _MAX_NAMED
    return [*lines, *([f"- and {count(more, f'further {noun}')}"] if more > 0 else [])]


def _models(facts: CardFacts) -> list[str]:
    if not facts.models:
        return []
    lines = [f"- {markdown(model)}: {markdown(licence) if licence else 'not known'}" for model, licence in facts.models]
    return ["Models behind the scores, and their licences:", "", *lines, ""]


def _choice(facts: CardFacts) -> list[str]:
    settings = facts.settings
    what = {"selections": "the frames selected of each video", "pinned": "frames that people pinned or made covers"}
    chosen = what.get(settings.what, "the frames selected of each video, and candidates that lost to better ones")
    lines = [f"the collection {markdown(settings.collection)}, chosen by people" if settings.collection else chosen]
    lines += [f"combined score of at least {settings.min_score:g}"] if settings.min_score else []
    lines += [f"at most {count(settings.per_video, 'still')} of each video"] if settings.per_video else []
    lines += ["where stills of different videos are alike, only the best of them"] if settings.is_deduplicated else []
    return [*lines, *facts.notes]
