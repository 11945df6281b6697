"""The library as tools of the Model Context Protocol, over standard input and output (package `mcp`, MIT).

What belongs here: what each tool takes and gives, and which of them change anything: none, unless that is allowed. What
does not: any search, choice or decision itself (search, select, library). Only this room imports mcp.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from thumb_assets import __version__
from thumb_assets.errors import ModelUnavailableError, SettingsError
from thumb_assets.events import Events
from thumb_assets.export.figures import still_thumbnail
from thumb_assets.library.dataset_any import ABOUTS, BY_TOKENS, OPTIONS, export_any, own_folder, summary_of
from thumb_assets.library.decide import collect_frames, decide_frames
from thumb_assets.library.names import complete_frame, complete_video_id
from thumb_assets.library.what_if import what_if
from thumb_assets.pipeline.remembered import grouped
from thumb_assets.pipeline.retry import run_groups
from thumb_assets.pipeline.watching import watching
from thumb_assets.report.gallery.cards import cards_of
from thumb_assets.search.conditions import MEASURES, conditions_of
from thumb_assets.search.finder import Finder, Searched
from thumb_assets.search.query import Query
from thumb_assets.select.tell import STORY_TABLES, story_of, tell_all, tell_frame
from thumb_assets.settings.config import Configuration, read_configuration
from thumb_assets.settings.load import Settings
from thumb_assets.store.collections import collections
from thumb_assets.store.library import Library
from thumb_assets.store.mirror import Mirror
from thumb_assets.store.parquet import TableStore

if TYPE_CHECKING:
    from mcp.server import MCPServer

_ABOUT = (
    "A video library from which the few frames worth keeping were chosen. A frame is a video and a frame_index. "
    "Videos are known by id, by the beginning of one, or by file name."
)
_PICTURE_HEIGHT, _MOST_FOUND = 480, 200
_SECONDS_BETWEEN_REPORTS = 0.5
Decision = Literal["pin", "ban", "cover", "unpin", "unban", "uncover"]


class LibraryTools:
    """The work behind the tools; each public method is one, and its docstring is what a client reads of it.

    Args:
        store: the data folder.
        profile, overrides: as on the command line.
    """

    def __init__(self, store: TableStore, *, profile: str | None = None, overrides: Sequence[str] = ()) -> None:
        self._store, self._profile, self._overrides = store, profile, tuple(overrides)
        self._one_by_one = threading.Lock()

    def videos(self, words: str = "", state: str = "", limit: int = 50) -> dict[str, Any]:
        """List the videos: id, file name, seconds, state (done, nothing, failed, unfinished), why, score of the cover.

        `words` must all stand in the file name; `state` keeps the videos of that state.
        """
        wanted = words.lower().split()
        cards = [
            card
            for card in cards_of(self._store)
            if (not state or card.state == state) and all(word in card.name.lower() for word in wanted)
        ]
        names = ("video_id", "name", "seconds", "state", "why", "score")
        return {
            "num_videos": len(cards),
            "videos": [{name: getattr(card, name) for name in names} for card in cards[:limit]],
        }

    def search(
        self, words: str = "", like: str = "", where: str = "", limit: int = 12, per_video: int | None = None
    ) -> dict[str, Any]:
        """Find frames by words (pictures, subtitles, writing, chapter titles), or like a frame `VIDEO:FRAME`.

        `where` keeps frames within ranges of scores, such as "sharpness>=0.5, num_faces>=1"; the tool `scores` names
        them. Each frame comes with the reason why it was found.
        """
        example = complete_frame(self._store, like) if like else None
        limit = min(max(limit, 1), _MOST_FOUND)
        query = Query(words or None, example, conditions_of([where] if where else []), limit, per_video)
        answer = Finder(Searched.of_store(self._store), self._settings(), self._store).find(query)
        return {"found": [each.as_row() for each in answer.found], "notes": list(answer.notes)}

    def scores(self) -> dict[str, str]:
        """Name the scores that `where` of the tool `search` can be of, each with what it is."""
        return {measure.name: measure.doc for measure in MEASURES.values()}

    def show(self, video: str) -> dict[str, Any]:
        """Show one video: its selected frames with reason, score and picture file, what failed, what people decided."""
        video_id = complete_video_id(self._store, video)
        rows = {
            name: self._rows(name, video_id) for name in ("selections", "stills", "outcomes", "decisions", "videos")
        }
        files = {row["frame_index"]: str(self._store.stills_dir(video_id) / row["file_name"]) for row in rows["stills"]}
        names = ("frame_index", "pts_seconds", "rank", "combined_score", "reason")
        return {
            "video_id": video_id,
            "file": rows["videos"][0]["source_path"] if rows["videos"] else None,
            "seconds": rows["videos"][0]["duration_seconds"] if rows["videos"] else None,
            "selections": [
                {**{name: row[name] for name in names}, "picture_file": files.get(row["frame_index"])}
                for row in sorted(rows["selections"], key=lambda row: row["rank"])
            ],
            "decisions": {str(row["frame_index"]): row["decision"] for row in rows["decisions"]},
            "failures": [
                {"stage": row["stage"], "message": row["message"]}
                for row in rows["outcomes"]
                if row["status"] == "failed"
            ],
        }

    def why(self, video: str, frame_index: int | None = None) -> list[str]:
        """Say why a frame of a video was chosen or not, whichever it is; without a frame, of the nearest ones to it."""
        video_id = complete_video_id(self._store, video)
        story = story_of({name: self._store.read(name, video_id) for name in STORY_TABLES})
        return tell_all(story) if frame_index is None else [tell_frame(story, frame_index)]

    def what_if(self, settings: list[str], video: str = "") -> dict[str, Any]:
        """Say which frames other settings would select, best first, of one video or of all; nothing is changed.

        `settings` are such as "selection.top_k=5" or "selection.looking_for=a goal"; docs/settings.md lists them.
        """
        chosen = [complete_video_id(self._store, video)] if video else None
        result = what_if(self._store, self._settings(settings), video_ids=chosen)
        changes = [
            {
                "video_id": each.video_id,
                "now": [list(frame) for frame in each.now],
                "then": [list(f) for f in each.then],
            }
            for each in result.changes
        ]
        return {"num_videos": len(result.videos), "changes": changes, "left_out": dict(result.missing)}

    def list_collections(self) -> dict[str, list[dict[str, Any]]]:
        """List the collections of frames that people made."""
        return {name: [vars(frame) for frame in frames] for name, frames in collections(self._store).items()}

    def decide(self, video: str, frames: list[int], decision: Decision) -> str:
        """Decide of frames as a person would: pin (always selected), ban (never), cover (rank 1), or take that back."""
        video_id = complete_video_id(self._store, video)
        asked = [(frame, decision) for frame in frames]
        decided = decide_frames(video_id, asked, library=self._library, mirror=self._mirror, store=self._store)
        return f"{video_id}: {decided.counts}; takes effect with the tool `select`, or when the video has run again"

    def collect(self, name: str, video: str, frames: list[int]) -> str:
        """Put frames into a collection, which need not exist; nothing that is selected changes."""
        video_id = complete_video_id(self._store, video)
        library, mirror = self._library, self._mirror
        number = collect_frames(name, video_id, frames, library=library, mirror=mirror, store=self._store)
        return f"{number} new in the collection {name!r}"

    def select(self, settings: list[str], video: str, events: Events) -> dict[str, Any]:
        """Select frames anew with these settings and make their stills, as `thumb-assets run` does.

        `settings` are as in `what_if`, and stay with the video until others are given; empty: as the library says, with
        what was decided meanwhile. `video` may be empty: all videos that have selections.
        """
        configuration = self._configuration(settings)
        chosen = [complete_video_id(self._store, video)] if video else self._store.video_ids("selections")
        with self._one_by_one, watching(events):
            results = list(run_groups(grouped(chosen, configuration, self._store), None, self._store))
        failures = [
            {"video_id": result.video_id, "stage": result.stage, "message": result.message}
            for result in results
            if result.status == "failed" and result.blocked_by is None
        ]
        selected = {
            video_id: [row["frame_index"] for row in sorted(rows, key=lambda row: row["rank"])]
            for video_id in chosen
            for rows in [self._rows("selections", video_id)]
        }
        again = {result.video_id for result in results if result.stage == "stills" and not result.is_unchanged}
        return {"selected": selected, "stills_made_again": sorted(again), "failures": failures}

    def export(
        self, format_name: str, name: str, settings: list[str], tokens: int | None, events: Events
    ) -> dict[str, Any]:
        """Write a dataset of the library into the folder `datasets/NAME` of its data folder, in place of a former one.

        Formats: {formats}. `settings` are such as "dataset.what=pinned"; of `dataset` count {options}. `tokens` is the
        budget of {by_tokens}, and of no other.
        """
        folder = own_folder(self._store, name)
        with self._one_by_one:
            found = export_any(
                self._store,
                self._settings(settings),
                format_name=format_name,
                folder=folder,
                num_tokens=tokens,
                events=events,
            )
        return {"folder": str(found.folder), **vars(summary_of(found))}

    def picture(self, video: str, rank: int = 1) -> bytes:
        """The JPEG of a selected frame, by its rank; 1 is the cover."""
        video_id = complete_video_id(self._store, video)
        for row in self._rows("stills", video_id):
            if row["rank"] == rank:
                return still_thumbnail(self._store.stills_dir(video_id) / row["file_name"], height=_PICTURE_HEIGHT)
        raise SettingsError(f"{video_id}: has no still of rank {rank}")

    @property
    def _library(self) -> Library:
        return Library(self._store.data_dir)

    @property
    def _mirror(self) -> Mirror:
        return Mirror(self._settings().library, self._store)

    def _settings(self, more: Sequence[str] = ()) -> Settings:
        return self._configuration(more).settings

    def _configuration(self, more: Sequence[str] = ()) -> Configuration:
        overrides = [*self._overrides, *more]
        return read_configuration(self._store.data_dir, profile=self._profile, overrides=overrides)

    def _rows(self, table_name: str, video_id: str) -> list[dict[str, Any]]:
        table = self._store.read_or_none(table_name, video_id)
        return [] if table is None else table.to_pylist()


class _Reports(Events):
    """Reports work to the client that waits for it; called in the thread of the tool.

    Args:
        report: sends how far it is, which must grow, and a line on it.
    """

    def __init__(self, report: Callable[[float, str], None]) -> None:
        self._report, self._number, self._at = report, 0, 0.0

    def progress(self, name: str, done: int, total: int | None) -> None:
        self._say(f"{name}: {done}" + (f" of {total}" if total else ""), is_last=done == total)

    def frame(self, video_id: str, frame_index: int, num_frames: int | None) -> None:
        self._say(f"{video_id}: frame {frame_index + 1}" + (f" of {num_frames}" if num_frames else ""))

    def stage_done(self, video_id: str, stage: str) -> None:
        self._say(f"{video_id}: {stage} done", is_last=True)

    def _say(self, text: str, *, is_last: bool = False) -> None:
        if is_last or time.monotonic() - self._at >= _SECONDS_BETWEEN_REPORTS:
            self._number, self._at = self._number + 1, time.monotonic()
            self._report(self._number, text)


def build_server(tools: LibraryTools, *, may_write: bool) -> "MCPServer":
    """The server with its tools; those that change something only where that is allowed.

    Raises:
        ModelUnavailableError: the package is not installed.
    """
    try:
        from mcp.server.mcpserver import Image, MCPServer
        from mcp.types import ToolAnnotations
    except ImportError:
        raise ModelUnavailableError('the package mcp is not installed: pip install "thumb-assets[mcp]"') from None

    server = MCPServer("thumb-assets", instructions=_ABOUT, version=__version__)
    reading: list[Callable[..., Any]] = [tools.videos, tools.search, tools.scores, tools.show, tools.why, tools.what_if]
    for tool in [*reading, tools.list_collections]:
        server.tool(annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False))(tool)

    @server.tool(annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False))
    def picture(video: str, rank: int = 1) -> Image:
        """Show the picture of a selected frame, by its rank; 1 is the cover."""
        return Image(data=tools.picture(video, rank), format="jpeg")

    if may_write:
        writing: list[Callable[..., Any]] = [tools.decide, tools.collect]
        for tool in writing:
            server.tool(annotations=ToolAnnotations(read_only_hint=False, destructive_hint=False))(tool)
        _add_long_tools(server, tools)
    return server


def _add_long_tools(server: "MCPServer", tools: LibraryTools) -> None:
    """Adds the tools that report their progress, and replace what was made before."""
    from anyio import from_thread
    from mcp.server.mcpserver import Context
    from mcp.types import ToolAnnotations

    replaces = ToolAnnotations(read_only_hint=False, destructive_hint=True, open_world_hint=False)

    def reports(context: Context) -> Events:
        return _Reports(lambda number, text: from_thread.run(context.report_progress, number, None, text))

    @server.tool(annotations=replaces, description=tools.select.__doc__)
    def select(context: Context, settings: list[str] | None = None, video: str = "") -> dict[str, Any]:
        return tools.select(settings or [], video, reports(context))

    facts = {
        "formats": "; ".join(f"{name}: {about}" for name, about in ABOUTS.items()),
        "options": ", ".join(OPTIONS),
        "by_tokens": BY_TOKENS,
    }

    @server.tool(annotations=replaces, description=str(tools.export.__doc__).format(**facts))
    def export(
        context: Context,
        format_name: str,
        name: str = "stills",
        settings: list[str] | None = None,
        tokens: int | None = None,
    ) -> dict[str, Any]:
        return tools.export(format_name, name, settings or [], tokens, reports(context))
