"""Says once at the end of a run in which way its settings were others than the library's, and what they replaced."""

import shlex
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from thumb_assets.cli.output import err
from thumb_assets.pipeline.remembered import Difference, Group, as_text, asked_of
from thumb_assets.pipeline.result import StageResult
from thumb_assets.settings.config import Configuration
from thumb_assets.wording import count

_NUM_SHOWN = 8


def print_settings_notes(
    configuration: Configuration,
    groups: Sequence[Group],
    results: Iterable[StageResult],
    *,
    profile: str | None,
    data_dir: Path | None,
) -> None:
    """Prints what was replaced, what keeps settings of an earlier run, and how to keep those of this one."""
    replaced: dict[tuple[str, str], set[str]] = defaultdict(set)
    for result in results:
        if result.replaced is not None:
            replaced[result.stage, result.replaced].add(result.video_id)
    for (stage, change), video_ids in replaced.items():
        err.print(f"replaced {stage} of {count(len(video_ids), 'video')}: {change}", markup=False)
    for group in groups:
        if group.kept:
            kept = _listed([f"{name}={as_text(group.asked[name].value)}" for name in sorted(group.kept)])
            err.print(
                f"{count(len(group.video_ids), 'video')} made with {kept}, as an earlier run asked for: not changed; "
                f"`{typed(data_dir, 'backfill', '--stale')}` makes them by the library's settings",
                markup=False,
            )
    other = other_settings(configuration, profile)
    if groups and other:
        err.print(
            f"differs from the library's settings: {_listed(other)}; keep them with "
            f"`{typed(data_dir, 'settings', 'set', *other)}`",
            markup=False,
        )


def other_settings(configuration: Configuration, profile: str | None) -> list[str]:
    """Settings that this command asks for beside the library's, as `settings set` takes them."""
    asked, origins = asked_of(configuration), configuration.origins
    if not asked:
        return []
    own = [name for name in asked if origins.get(name) in {"--set", "environment"}]
    return [*([f"profile={profile}"] if profile else []), *(f"{name}={as_text(asked[name].value)}" for name in own)]


def difference_lines(differences: Iterable[tuple[str, Sequence[Difference]]]) -> list[str]:
    """One line per setting with which videos were made and that is another now."""
    counts: dict[Difference, int] = defaultdict(int)
    for _, of_video in differences:
        for difference in of_video:
            counts[difference] += 1
    return [
        f"{count(number, 'video')} made with {each.name}={each.was}; the settings say {each.now}"
        for each, number in counts.items()
    ]


def typed(data_dir: Path | None, *words: str) -> str:
    """A command of this program as a person types it for a data folder."""
    where = [] if data_dir is None else ["--data-dir", str(data_dir)]
    return shlex.join(["thumb-assets", *words, *where])


def _listed(parts: Sequence[str]) -> str:
    more = ", ..." if len(parts) > _NUM_SHOWN else ""
    return ", ".join(parts[:_NUM_SHOWN]) + more
