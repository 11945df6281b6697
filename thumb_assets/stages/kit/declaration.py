"""`Stage`: all that the rest of the project knows of one stage."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import pyarrow as pa

from thumb_assets.errors import ContractError, ThumbAssetsError
from thumb_assets.events import Events
from thumb_assets.select.guidance import Guidance
from thumb_assets.settings.base import StageSettings
from thumb_assets.settings.load import Settings
from thumb_assets.stages.kit.scorer import FrameScorer
from thumb_assets.store.file_cache import LibraryVideo
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.checks import Verdict, verify_contract
from thumb_assets.tables.declaration import TableContract
from thumb_assets.weights.registry import ModelFile

if TYPE_CHECKING:
    from thumb_assets.video.frame import Frame
    from thumb_assets.video.header import VideoHeader

# The table that says which frames a scorer is handed.
CANDIDATES = "candidate_frames"
# (video_id, table name, store, settings) -> verdict, from what is stored; its docstring describes it.
Check = Callable[[str, str, TableStore, Settings], Verdict]


@dataclass(frozen=True)
class Made:
    """Tables that a stage made, what their footer adds, counts worth showing.

    Attributes:
        is_complete: whether there is no more to make: else the next run goes on, whatever is unchanged.
    """

    tables: Mapping[str, pa.Table]
    footer: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, int | float | str] = field(default_factory=dict)
    is_complete: bool = True


class SkippedError(Exception):
    """Raised inside a stage that cannot run here and may be left out."""


def skip_or_raise(error: ThumbAssetsError, on_unavailable: str) -> Exception:
    """The exception to raise for a model that cannot be had: the stage is left out, or fails, as the setting says."""
    return error if on_unavailable == "error" else SkippedError(str(error))


class FrameKeeper(Protocol):
    """Sees every frame of a pass and keeps of it what its stage may want later."""

    def take(self, frame: "Frame", row: Mapping[str, Any]) -> None:
        """Takes the next frame and its row of the table `frames`."""


class VideoTables(Protocol):
    """One video in one run, as a stage made from tables sees it; `pipeline.job.VideoJob` is one."""

    video: LibraryVideo
    header: "VideoHeader | None"

    @property
    def video_id(self) -> str:
        """The partition."""

    @property
    def keepers(self) -> Mapping[str, FrameKeeper]:
        """By stage, what saw the frames of this run's pass over the file for it; empty where there was none."""

    @property
    def kept_frames(self) -> "Mapping[int, Frame]":
        """Frames that this run's pass decoded and still holds, by frame_index: candidates; see `Frame.as_decoded`."""

    def table(self, table_name: str) -> pa.Table:
        """A table made in this run, else the stored one; raises MissingInputError where there is none."""

    def optional_table(self, table_name: str) -> pa.Table | None:
        """The same; None where there is none."""

    def footer(self, table_name: str) -> dict[str, str]:
        """The footer of a stored table; empty where there is none."""


@dataclass(frozen=True)
class RunContext:
    """One run, as its stages see it.

    Attributes:
        guidance: what guides the choice beyond the video, by its id and the footer of its `clip_scores`.
        events: where signs of life and notes go.
        kept: objects that a stage keeps from video to video, by its name.
    """

    settings: Settings
    store: TableStore
    guidance: Callable[[str, Mapping[str, str] | None], Guidance]
    events: Events
    kept: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FromFile:
    """Made by the pass over the file, which knows how to make certain tables only."""

    stages: ClassVar[tuple[str, ...]] = ("videos", "frames", "shots")


@dataclass(frozen=True)
class FromFrames:
    """Made of single frames that a scorer is handed.

    Attributes:
        build: the scorer; loads its model, once per process.
        why_together: why rows of one candidate depend on which others there are; None where each frame is measured by
            itself, so that a new candidate is measured alone.
        needs_every_frame: whether the scorer wants more than the candidates with these settings.
        is_threaded: whether it works beside the decoder; False where that costs more than the measuring.
        without_texts: the settings without those of which a stored table can be made again by `FrameScorer.rescore`.
    """

    build: Callable[[Settings], "FrameScorer[Any, Any]"]
    why_together: str | None = None
    needs_every_frame: Callable[[Settings], bool] = lambda _: False
    is_threaded: bool = True
    without_texts: Callable[[Settings], Settings] | None = None


@dataclass(frozen=True)
class FromTables:
    """Made of the tables of one video.

    Attributes:
        keep: what is to see the frames of the pass over the file, where there is one and it measures every frame; None
            where this video needs none. Found again in `VideoTables.keepers`.
    """

    make: Callable[[VideoTables, RunContext], Made]
    keep: Callable[[VideoTables, RunContext], FrameKeeper | None] | None = None


@dataclass(frozen=True)
class Indexed:
    """Made of all tables by the engine once the outcomes are known: the catalog."""

    stages: ClassVar[tuple[str, ...]] = ("catalog",)


def _none(_settings: Settings) -> tuple[Any, ...]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage; everything else that is known of it follows from here.

    Attributes:
        contracts: the tables it writes; the first is called like the stage.
        run: how it is made.
        reads: tables it cannot do without. Those of a stage made from the file only say an order.
        uses: tables it uses where they are there.
        needs: those of them that it cannot do without with these settings.
        columns: by table, the columns of an input that alone change what it writes; see `columns_of`.
        unread: inputs that it does not look at with these settings; see `columns_of`.
        section: the section of the settings that is its own, whose values its results remember.
        settings: all models its values depend on; None: its section.
        is_on: whether it runs where no stage is named.
        version: raised by hand when the code changes what it writes; older partitions are stale then.
        tools: packages whose version can change its values, besides those that read files and tables.
        models: models it loads.
        optional_models: models without whose files it makes do; one that arrives makes its tables stale.
        model_files: files of weights that a setting names, whose content may change under the same name.
        beside: files beside a video's file that it reads; what is added, changed or removed there makes it stale.
        with_stages: stages whose presence in the same run changes its tables.
        is_guided: whether the learned scorer and the library's scores guide it.
        has_paths: whether its tables say where the file lies.
        checks: beside the contracts, by name.
        file: where it is declared; set when it is found.
    """

    name: str
    contracts: tuple[TableContract, ...]
    run: FromFile | FromFrames | FromTables | Indexed
    reads: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    needs: Callable[[Settings], tuple[str, ...]] = _none
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unread: Callable[[Settings], tuple[str, ...]] = _none
    section: str | None = None
    settings: Callable[[Settings], tuple[StageSettings, ...]] | None = None
    is_on: Callable[[Settings], bool] = lambda _: True
    version: str = "1"
    tools: tuple[str, ...] | Callable[[Settings], tuple[str, ...]] = ()
    models: Callable[[Settings], tuple[ModelFile, ...]] = _none
    optional_models: Callable[[Settings], tuple[ModelFile, ...]] = _none
    model_files: Callable[[Settings], tuple[Path | None, ...]] = _none
    beside: Callable[[Path, Settings], tuple[Path, ...]] = lambda _path, _settings: ()
    with_stages: Callable[[Settings], tuple[str, ...]] = _none
    is_guided: bool = False
    has_paths: bool = False
    kinds: frozenset[str] = frozenset({"parquet"})
    checks: Mapping[str, Check] = field(default_factory=dict)
    description: str = ""
    file: str = ""

    def __post_init__(self) -> None:
        """Raises ContractError where the declaration contradicts itself."""
        kinds = (FromFile, FromFrames, FromTables, Indexed)
        work = self.run.build if isinstance(self.run, FromFrames) else getattr(self.run, "make", min)
        names = [contract.name for contract in self.contracts]
        problems = {
            "its name is no identifier": not self.name.isidentifier(),
            "run is none of FromFile, FromFrames, FromTables": not isinstance(self.run, kinds) or not callable(work),
            "the engine makes nothing of that name": self.name not in getattr(self.run, "stages", (self.name,)),
            "it writes no table": not names and not isinstance(self.run, Indexed),
            f"its first table is called {names[:1]}": bool(names) and names[0] != self.name,
            f"its tables {names} do not all name it as their stage": any(
                contract.stage != self.name for contract in self.contracts
            ),
            f"it names columns of tables that it does not read: {sorted(set(self.columns) - set(self.inputs))}": bool(
                set(self.columns) - set(self.inputs)
            ),
            f"the settings have no section {self.section!r} (settings/load.py)": self.section
            not in {None, *Settings.model_fields},
        }
        for problem, is_so in problems.items():
            if is_so:
                raise ContractError(f"stage {self.name!r} cannot be run: {problem}")

    @property
    def table_names(self) -> tuple[str, ...]:
        """Names of the tables it writes."""
        return tuple(contract.name for contract in self.contracts)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the tables that it reads or uses."""
        return (*self.reads, *self.uses)

    def required(self, settings: Settings) -> tuple[str, ...]:
        """Names of the tables that it cannot do without with these settings."""
        return (*self.reads, *self.needs(settings))

    def columns_of(self, settings: Settings) -> Mapping[str, tuple[str, ...]]:
        """By table, the columns of an input that alone change what it writes with these settings.

        A table that is not named changes it whole, one without columns not at all. A scorer is handed frames, and of
        the candidates it is told which they are, or nothing where it measures every frame.
        """
        unread: dict[str, tuple[str, ...]] = dict.fromkeys(self.unread(settings), ())
        if not isinstance(self.run, FromFrames):
            return {**self.columns, **unread}
        of_candidates = () if self.run.needs_every_frame(settings) else ("frame_index",)
        own: dict[str, tuple[str, ...]] = {CANDIDATES: of_candidates} if CANDIDATES in self.reads else {}
        return {**own, **self.columns, **unread}

    @property
    def about(self) -> str:
        """One sentence for people."""
        return self.description or self.contracts[0].grain

    def settings_of(self, settings: Settings) -> tuple[StageSettings, ...]:
        """The settings that its values depend on."""
        if self.settings is not None:
            return self.settings(settings)
        return () if self.section is None else (getattr(settings, self.section),)

    def on_unavailable(self, settings: Settings) -> str:
        """`skip` or `error`: what happens where its model cannot be had."""
        section = None if self.section is None else getattr(settings, self.section)
        return str(getattr(section, "on_unavailable", "error"))

    def tools_of(self, settings: Settings) -> tuple[str, ...]:
        """Packages whose version can change its values."""
        return ("av", "pyarrow", *(self.tools(settings) if callable(self.tools) else self.tools))

    @property
    def all_checks(self) -> dict[str, Check]:
        """By name: that each table conforms to its contract, then the stage's own."""
        names = [name if name != self.name else None for name in self.table_names]
        conform = {f"{name}_conform_to_contract" if name else "conforms_to_contract": _conforms(name) for name in names}
        return {**conform, **self.checks}


def _conforms(table_name: str | None) -> Check:
    def check(video_id: str, stage: str, store: TableStore, _settings: Settings) -> Verdict:
        name = table_name or stage
        return verify_contract(name, store.read(name, video_id))

    table = f"table `{table_name}`" if table_name else "table"
    check.__doc__ = f"The stored {table} has the columns, types, order and key of its contract."
    return check
