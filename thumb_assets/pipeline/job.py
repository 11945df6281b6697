"""One video on its way through the stages: what was made, what failed, and how each outcome is told."""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from thumb_assets.errors import (
    MissingInputError,
    ModelUnavailableError,
    ThumbAssetsError,
    as_thumb_assets_error,
)
from thumb_assets.pipeline.kept_rows import KeptRows, row_footer
from thumb_assets.pipeline.remembered import ASKED, Asked, asked_footer, changed_settings, footer_of
from thumb_assets.pipeline.result import StageResult, outcome_of
from thumb_assets.pipeline.stages import columns_noted, common_footer, default_stages, stage_key, table_inputs
from thumb_assets.pipeline.stored_tables import DISPENSABLE, StoredTables
from thumb_assets.settings.load import Settings
from thumb_assets.stages import STAGES, check_licences, models_of_stage
from thumb_assets.stages.kit.declaration import FrameKeeper, FromFrames, Made, SkippedError
from thumb_assets.store.decisions import settle_decisions
from thumb_assets.store.file_cache import LibraryVideo
from thumb_assets.store.outcomes import INTERRUPTED, Outcome, outdated_tables
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.sidecars import content_of, storable
from thumb_assets.store.stored_form import CONTENT, NOTE, OWN_FOOTER_KEYS
from thumb_assets.tables.conform import content_sha256
from thumb_assets.tables.contracts import TABLES, stage_of, tables_of
from thumb_assets.video.geometry import Bars
from thumb_assets.weights.status import models_here

if TYPE_CHECKING:
    from thumb_assets.video.frame import Frame
    from thumb_assets.video.header import VideoHeader

# Footer key by which a stage is known to be done already: what it was made from.
KEY = "stage_key"
# As `stage_key`, whatever the prompts: what the embeddings were made from.
EMBEDDING_KEY = "embedding_key"
# Hash of each of a table's columns of which a stage says that it changes what it writes; see `Stage.columns`.
COLUMNS = "columns_sha256"


class VideoJob:
    """The state of one video in one run."""

    def __init__(
        self,
        video: LibraryVideo,
        *,
        stages: tuple[str, ...],
        settings: Settings,
        store: TableStore,
        guides: Mapping[str, str | None],
        asked: Mapping[str, Asked] | None = None,
        is_recomputed: bool = False,
    ) -> None:
        """Takes `guides` from `guides_sha256`, before any file is read (see `stage_key`); `asked`: see `run`."""
        self.video = video
        self._asked = asked
        self._guides = guides
        self.stages = stages
        self.results: list[StageResult] = []
        self.settled: set[str] = set()  # stages whose stored tables are still right
        self.captured: Mapping[int, Bars] = {}  # see PassResult
        self.header: VideoHeader | None = None  # where this run opened the file already
        self.keepers: dict[str, FrameKeeper] = {}  # by stage, see `FromTables.keep`
        self.kept_frames: Mapping[int, Frame] = {}
        self.stored = StoredTables(store, video.video_id)
        self.fetch_error: ThumbAssetsError | None = None  # why the scorers did not get their frames
        self.kept: dict[str, KeptRows] = {}  # by stage, stored rows of candidates that are not measured again
        self.settings = settings
        self._store = store
        self._outdated = outdated_tables(store, video.video_id)
        self.is_recomputed = is_recomputed
        self._content: dict[str, str] = {}  # content hash by table
        self._footers: dict[str, dict[str, str]] = {}  # as stored, of those that were asked for
        self._made: dict[str, pa.Table] = {}
        self._unmade: dict[str, StageResult] = {}

    @property
    def video_id(self) -> str:
        """The partition."""
        return self.video.video_id

    def optional_table(self, table_name: str) -> pa.Table | None:
        """A table made in this run, else the stored one; None where there is none.

        A stored table is not used where its stage was tried since, in this run or before, and was not done.
        """
        if table_name in self._unmade:
            return None
        if table_name not in self._made:
            if table_name in self._outdated:
                return None
            stored = self.stored.table(table_name)
            if stored is None:
                return None
            self._made[table_name] = stored
        return self._made[table_name]

    def table(self, table_name: str) -> pa.Table:
        """Like `optional_table`.

        Raises:
            MissingInputError: there is none; names the stage to run first.
        """
        table = self.optional_table(table_name)
        if table is None:
            raise MissingInputError(
                f"{self.video_id}: has no `{table_name}` table yet; run the stage `{table_name}` first"
            )
        return table

    def attempt(self, stage: str, make: Callable[[], Made]) -> StageResult:
        """Runs one stage, writes what it made and records what became of it; never raises for this video's sake.

        A stage whose stored tables were made from the same inputs, settings and code is not run.
        """
        required = STAGES[stage].required(self.settings)
        blocker = next((self._unmade[name] for name in required if name in self._unmade), None)
        if blocker is not None:
            return self._record(self._blocked(stage, blocker))
        unchanged = self.reuse(stage)
        if unchanged is not None:
            return unchanged
        try:
            # Before: what people or a survey write while it is made was not read, or is read once more by the next run.
            key = self.key_of(stage)
            replaced = self._replaced(stage)
            for name in STAGES[stage].needs(self.settings):
                self.table(name)
            made = make()
            self._write(stage, made, key=key)
        except SkippedError as reason:
            skipped = self._result(stage, "skipped", message=str(reason))
            return self._record(replace(skipped, attempt_key=self.attempt_key(stage)))
        except Exception as error:  # noqa: BLE001 - one video's failure is recorded, the next one goes on
            known = as_thumb_assets_error(error, f"{self.video.path}: stage {stage}")
            told = next((result for result in self.results if result.error is known), None)
            if told is not None:  # frames that cannot be had are one failure, however many stages want them
                return self._record(self._blocked(stage, told))
            return self._record(self._result(stage, "failed", message=str(known), error=known))
        return self._record(replace(self._result(stage, "done", made=made), replaced=replaced))

    def _replaced(self, stage: str) -> str | None:
        """Changes in the settings, where a stage is made again that was done with others."""
        tables = tables_of(stage)
        if not tables or tables[0] in self._outdated:
            return None
        return changed_settings(stage, self.footer(tables[0]), self.settings)

    def attempt_decided(self, stage: str, make: Callable[[], Made]) -> StageResult:
        """As `attempt`, once decisions on a former content are looked for in frames that this run found first."""
        try:
            if "frames" in self._made and "frames" not in self.settled and settle_decisions(self._store, self.video):
                for known in (self._content, self._footers, self._made):
                    known.pop("decisions", None)
        except ThumbAssetsError as error:
            return self.fail(stage, error)
        return self.attempt(stage, make)

    def fail(self, stage: str, error: ThumbAssetsError) -> StageResult:
        """Records that something after a stage went wrong that the stage is no good without."""
        return self._record(self._result(stage, "failed", message=str(error), error=error))

    def is_current(self, stage: str) -> bool:
        """True if the footers of a stage's stored tables say that making them again would change nothing.

        An outcome says nothing here: tables are written whole, and their footer says what they were made from.
        """
        if self.is_recomputed or not tables_of(stage) or not self._may_use_models(stage):
            return False
        footers = [self.footer(name) for name in tables_of(stage)]
        versions = [str(TABLES[name].schema_version) for name in tables_of(stage)]
        noted, *others = {footer.get(KEY) for footer in footers}
        is_read = not others and [footer.get("schema_version") for footer in footers] == versions
        return is_read and self._is_made_of(stage, noted)

    def is_unchanged(self, stage: str) -> bool:
        """True if a stage's stored tables are current, and they and their files are what was written."""
        return self.is_current(stage) and self.stored.of_stage(stage) is not None

    def reuse(self, stage: str) -> StageResult | None:
        """Takes a stage's stored tables for its result; None where they are to be made again."""
        stored = self.stored.of_stage(stage) if self.is_current(stage) else None
        if stored is None:
            return None
        self._made |= stored
        self.settled.add(stage)
        self._note_asked(stage, stored)
        return self._record(self._result(stage, "done", made=Made(stored), is_unchanged=True))

    def _note_asked(self, stage: str, stored: Mapping[str, pa.Table]) -> None:
        """Has the footer of a stage that is not made again say what is asked for now: the library may say the same."""
        if self._asked is None:
            return
        name, now = tables_of(stage)[0], asked_footer(stage, self._asked)
        footer = self.footer(name)
        if now != footer.get(ASKED, "{}"):
            facts = {key: value for key, value in footer.items() if key not in OWN_FOOTER_KEYS}
            self._store.write(name, stored[name], video_id=self.video_id, footer={**facts, ASKED: now})
            self._footers.pop(name, None)

    def _may_use_models(self, stage: str) -> bool:
        """A table is not to be used either where the model that made it is not."""
        try:
            check_licences(stage, self.settings)
        except ModelUnavailableError:
            return False
        return True

    def rescorable(self, stage: str) -> pa.Table | None:
        """A scorer's stored table where only the texts have changed that it is held against, else None."""
        run = STAGES[stage].run
        if self.is_recomputed or not isinstance(run, FromFrames) or run.without_texts is None:
            return None
        noted, usual = self.footer(stage).get(EMBEDDING_KEY), run.without_texts(self.settings)
        if not self._may_use_models(stage) or not self._is_made_of(stage, noted, usual):
            return None
        stored = self.stored.of_stage(stage)
        return None if stored is None else stored[stage]

    def _is_made_of(self, stage: str, noted: str | None, settings: Settings | None = None) -> bool:
        """True if the key that a footer notes is that of all that a stage is made from now."""
        key = None if noted is None else self.key_of(stage, settings)
        if key is None or noted == key:
            return key is not None
        # Before stages named columns, every change of an input counted: what was made then and saw none is right.
        has_columns = bool(STAGES[stage].columns_of(settings or self.settings))
        return has_columns and noted == self.key_of(stage, settings, is_whole=True)

    def _key_without_texts(self, stage: str) -> str | None:
        run = STAGES[stage].run
        if not isinstance(run, FromFrames) or run.without_texts is None:
            return None
        return self.key_of(stage, run.without_texts(self.settings))

    def key_of(
        self,
        stage: str,
        settings: Settings | None = None,
        *,
        without: Collection[str] = (),
        is_whole: bool = False,
    ) -> str | None:
        """See `stage_key`; None where a table that the stage cannot do without is not there.

        Args:
            settings: instead of those of the run.
            without: inputs that are left out.
            is_whole: every column of an input counts, whatever the stage says of them.
        """
        settings = settings or self.settings
        columns = {} if is_whole else STAGES[stage].columns_of(settings)
        names = STAGES[stage].inputs if is_whole else table_inputs(stage, settings)
        inputs = {name: self._input_of(name, columns.get(name)) for name in names if name not in without}
        if any(inputs.get(name) is None for name in STAGES[stage].required(settings) if name in inputs):
            return None
        source = (self.video.sha256, self.video.source_path)
        return stage_key(
            stage,
            settings,
            source=source,
            inputs=inputs,
            beside={storable(path.name): content_of(path) for path in STAGES[stage].beside(self.video.path, settings)},
            has_company=set(STAGES[stage].with_stages(settings)) <= set(self.stages),
            guides=self._guides if STAGES[stage].is_guided else {},
        )

    def attempt_key(self, stage: str) -> str:
        """Hex SHA-256 of all that can keep a stage from being made: `key_of`, packages and models on this machine."""
        facts = [
            self.key_of(stage),
            models_here(models_of_stage(stage, self.settings), self.settings.models),
            stage in default_stages(self.settings),
        ]
        return hashlib.sha256(json.dumps(facts).encode("utf-8", "backslashreplace")).hexdigest()

    def _input_of(self, table_name: str, columns: tuple[str, ...] | None) -> str | dict[str, str] | None:
        """As `_content_of`, or content hashes of columns; None where a stage would read no such table."""
        content = self._content_of(table_name)
        if content is None or columns is None:
            return content
        known = json.loads(self.footer(table_name).get(COLUMNS, "{}"))
        if set(columns) <= set(known):
            return {name: known[name] for name in columns}
        table = self.optional_table(table_name)  # of a time when no column was noted
        return None if table is None else {name: content_sha256(table.select([name])) for name in columns}

    def _content_of(self, table_name: str) -> str | None:
        """Content hash of the table a stage would read now; None where it would read none."""
        if table_name in self._content:
            return self._content[table_name]
        if table_name in self._unmade or (table_name in self._outdated and table_name not in self._made):
            return None
        stored = self.footer(table_name).get(CONTENT)
        if stored is not None and table_name != DISPENSABLE:
            return stored
        try:
            table = self.optional_table(table_name)
        except ThumbAssetsError:  # it cannot be read: whoever needs it says so
            table = None
        if table is not None:
            self._content[table_name] = content_sha256(table)
        return self._content.get(table_name)

    def footer(self, table_name: str) -> dict[str, str]:
        """The footer of a stored table, of this run or before; empty where there is none or it cannot be read."""
        if table_name not in self._footers:
            try:
                self._footers[table_name] = self._store.footer(table_name, self.video_id) or {}
            except ThumbAssetsError as error:  # whoever needs the table itself says so
                self._footers[table_name] = {}
                if stage := stage_of(table_name):
                    self.stored.found_wrong(stage, str(error))
        return self._footers[table_name]

    def interrupted_outcomes(self) -> list[Outcome]:
        """Outcomes to record before the work of stages that are not settled; if the process dies they stay."""
        source = self.video.source_path
        begun = [stage for stage in self.stages if stage not in self.settled]
        return [Outcome(self.video_id, stage, "failed", INTERRUPTED, False, None, source) for stage in begun]

    @property
    def is_well(self) -> bool:
        """True while nothing that was tried has failed."""
        return all(result.status != "failed" for result in self.results)

    def outcomes(self, *, with_catalog: bool = False) -> list[Outcome]:
        """The rows for the `outcomes` table; `with_catalog` adds the catalog as done before it is."""
        catalog = [Outcome(self.video_id, "catalog", "done", None, None, None, self.video.source_path)]
        return (catalog if with_catalog else []) + [outcome_of(result) for result in self.results]

    def _write(self, stage: str, made: Made, *, key: str | None) -> None:
        footer = common_footer(stage, self.settings, self.video.sha256) | dict(made.footer)
        footer |= footer_of(stage, self.settings, self._asked)
        if key is not None and made.is_complete:
            footer[KEY] = key
        if key is not None and (without_texts := self._key_without_texts(stage)) is not None:
            footer[EMBEDDING_KEY] = without_texts
        footer |= row_footer(self, stage)
        for table_name, table in ((name, made.tables[name]) for name in tables_of(stage)):
            self._content[table_name] = content_sha256(table)
            footer[CONTENT] = self._content[table_name]
            noted = {name: content_sha256(table.select([name])) for name in columns_noted(table_name)}
            own = footer | ({COLUMNS: json.dumps(noted)} if noted else {})
            if table_name == stage and made.metrics.get("note"):
                own[NOTE] = str(made.metrics["note"])
            self._store.write(table_name, table, video_id=self.video_id, footer=own)
            self._footers.pop(table_name, None)
            self._made[table_name] = table
        self.stored.forget(stage)

    def _blocked(self, stage: str, blocker: StageResult) -> StageResult:
        cause = blocker.blocked_by or blocker.stage
        message = f"not run: {cause} {blocker.status}"
        error = MissingInputError(f"{self.video.path}: stage {stage}: {message}")
        return self._result(stage, "failed", message=message, error=error, blocked_by=cause)

    def _result(
        self,
        stage: str,
        status: Literal["done", "skipped", "failed"],
        *,
        made: Made | None = None,
        message: str | None = None,
        error: ThumbAssetsError | None = None,
        blocked_by: str | None = None,
        is_unchanged: bool = False,
    ) -> StageResult:
        metrics = dict(made.metrics) if made else {}
        if made and not is_unchanged and stage in self.stored.problems:
            notes = [f"{self.stored.problems[stage]}; made again", str(metrics.get("note", ""))]
            metrics["note"] = "; ".join(filter(None, notes))
        return StageResult(
            self.video_id,
            stage,
            status,
            self.video.source_path,
            tables=made.tables if made else {},
            message=message,
            error=error,
            blocked_by=blocked_by,
            metrics=metrics,
            is_unchanged=is_unchanged,
        )

    def _record(self, result: StageResult) -> StageResult:
        self.results.append(result)
        if result.status != "done":
            for table_name in tables_of(result.stage):
                self._unmade[table_name] = result
        return result
