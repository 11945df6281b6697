"""Lines on what became of videos: selections, failures, skipped stages, what was set aside."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from thumb_assets.cli.output import err, out, print_table, print_traceback
from thumb_assets.select.reasons import is_last_resort
from thumb_assets.select.tell import NOTHING_KEPT
from thumb_assets.store.outcomes import Outcome, read_outcomes
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.set_aside import SetAside
from thumb_assets.store.stored_form import NOTE
from thumb_assets.tables.contracts import TABLES
from thumb_assets.wording import count

if TYPE_CHECKING:
    from thumb_assets.pipeline.result import StageResult

_MAX_SET_ASIDE = 3
_MAX_NAMED = 3
_SHOWN = ("sharpness", "clip", "iqa")


def print_set_aside(files: Sequence[SetAside]) -> None:
    """One line on the library's files that are left out; nothing where there are none."""
    if not files:
        return
    named = ", ".join(f"{each.path.name} ({each.reason})" for each in files[:_MAX_SET_ASIDE])
    more = f" and {len(files) - _MAX_SET_ASIDE} more" if len(files) > _MAX_SET_ASIDE else ""
    err.print(f"set aside, {len(files)} of the library's files and folders: {named}{more}", markup=False)


def print_copies(copies: Mapping[Path, Path]) -> None:
    """One line on files that are done once, since they are copies of others; nothing where there are none."""
    if copies:
        path, original = next(iter(copies.items()))
        files = "1 file is a copy" if len(copies) == 1 else f"{len(copies)} files are copies"
        what = f"{files} of another (same content and name) and no video of its own: {str(path)!r} is {str(original)!r}"
        err.print(f"note: {what}; rename a copy to have it as well", markup=False)


def print_results(results: "Sequence[StageResult]", store: TableStore, *, verbose: bool) -> bool:
    from thumb_assets.stages import STAGES  # whoever runs stages has it
    from thumb_assets.stages.kit.declaration import Indexed

    video_ids = list(dict.fromkeys(result.video_id for result in results))
    failed = [result for result in results if result.status == "failed"]
    selected = [result for result in results if result.stage == "selections" and result.status == "done"]
    print_selections(store, [result.video_id for result in selected])
    print_outcomes(result for result in results if result.blocked_by is None)
    for result in results:
        if "note" in result.metrics:
            _print_note(result.video_id, result.stage, result.metrics["note"])
    if verbose:
        for result in failed:
            if result.error is not None:
                print_traceback(result.error)
    num_failed = len({result.video_id for result in failed})
    # The catalog is brought up to date by every run.
    made = [result for result in results if not isinstance(STAGES[result.stage].run, Indexed)]
    num_unchanged = sum(result.is_unchanged for result in made)
    summary = f"{count(len(video_ids) - num_failed, 'video')} done, {num_failed} failed; stills in {store.stills_root}/"
    if num_unchanged:
        summary += f"; {num_unchanged} of {len(made)} stages were unchanged and not run again"
    out.print(summary, markup=False)
    return not failed


def print_stored_notes(store: TableStore, video_id: str) -> None:
    """Prints what people should know of a video's results, as the run said that made them; one line per stage."""
    for table_name, contract in TABLES.items():
        note = (store.footer(table_name, video_id) or {}).get(NOTE)
        if note is not None:
            _print_note(video_id, contract.stage or table_name, note)


def _print_note(video_id: str, stage: str, note: object) -> None:
    err.print(f"note: {video_id} {stage}: {note}", markup=False)


def print_selections(store: TableStore, video_ids: Sequence[str]) -> None:
    """The selections of videos; a line for each of which no frame was worth keeping, and why."""
    rows, without, of_last_resort = [], [], []
    for video_id in video_ids:
        selections = store.read_or_none("selections", video_id)
        if selections is None:
            continue
        if not selections.num_rows:
            without.append(f"{video_id}: {(store.footer('selections', video_id) or {}).get(NOTHING_KEPT)}")
        elif all(map(is_last_resort, selections.column("reason").to_pylist())):
            of_last_resort.append(video_id)
        for row in selections.sort_by("rank").to_pylist():
            scores = [row[f"{name}_percentile"] for name in _SHOWN]
            rows.append(
                [
                    video_id,
                    str(row["rank"]),
                    str(row["frame_index"]),
                    f"{row['pts_seconds']:.3f}",
                    f"{row['combined_score']:.4f}",
                    *("-" if score is None else f"{score:.2f}" for score in scores),
                ]
            )
    if rows:
        from thumb_assets.select.components import TITLES  # `show` prints no such table, and is quicker without

        columns = ["video", "rank", "frame", "seconds", "score", *(TITLES[name] for name in _SHOWN)]
        print_table("selections", columns, rows)
    for line in without:
        out.print(line, markup=False)
    if of_last_resort:
        more = f" and {len(of_last_resort) - _MAX_NAMED} more" if len(of_last_resort) > _MAX_NAMED else ""
        named = f"{', '.join(of_last_resort[:_MAX_NAMED])}{more}"
        out.print(f"{count(len(of_last_resort), 'video')} kept only as a last resort: {named}", markup=False)


def print_outcomes(outcomes: "Iterable[Outcome | StageResult]") -> None:
    """One line per root failure, and one per skipped stage with its number of videos."""
    skipped: dict[tuple[str, str], int] = {}
    for outcome in outcomes:
        message = str(outcome.message)
        if outcome.status == "failed" and outcome.blocked_by is None:
            err.print(f"failed: {message}", markup=False)
        elif outcome.status == "skipped":
            skipped[outcome.stage, message] = skipped.get((outcome.stage, message), 0) + 1
    for (stage, message), num_videos in skipped.items():
        err.print(f"skipped {stage} ({count(num_videos, 'video')}): {message}", markup=False)


def stored_outcomes(
    store: TableStore, video_ids: Iterable[str], stages: Collection[str] | None = None
) -> list[Outcome]:
    """Outcomes of videos; None: in all stages that there are."""
    found = [row for video_id in video_ids for row in read_outcomes(store, video_id)]
    if stages is None and any(row.status != "done" for row in found):
        from thumb_assets.stages import STAGES

        stages = STAGES
    return [row for row in found if stages is None or row.stage in stages]
