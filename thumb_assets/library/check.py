"""Finds the faults in what is stored of a video: in tables, the files they name and the catalog's rows."""

from collections.abc import Iterator
from dataclasses import dataclass

from thumb_assets.errors import ContractError, StorageError, ThumbAssetsError
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.outcomes import read_outcomes
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.stored_files import file_problems
from thumb_assets.tables.conform import contract_problems
from thumb_assets.tables.contracts import TABLES, stage_of, tables_of


@dataclass(frozen=True)
class Fault:
    """One thing that is not what was written.

    Attributes:
        stage: that makes it again; None where no stage does.
        problem: which file, and what is wrong with it.
    """

    video_id: str
    stage: str | None
    problem: str


def faults_of(video_id: str, store: TableStore) -> list[Fault]:
    """The faults of a video, in the order of the tables, the catalog's last; every file is read.

    Raises:
        StorageError: the disk does not answer.
    """
    found = [*_table_faults(video_id, store), *_missing_tables(video_id, store)]
    # A table that cannot be read cannot be compared with the catalog: that is done once it is made again.
    return found or list(_catalog_faults(video_id, store))


def _table_faults(video_id: str, store: TableStore) -> Iterator[Fault]:
    for table_name in TABLES:
        if not store.has(table_name, video_id):
            continue
        stage, path = stage_of(table_name), store.table_path(table_name, video_id)
        try:
            table = store.read(table_name, video_id)
        except ContractError as error:
            yield Fault(video_id, stage, str(error))
            continue
        problems = [f"{path}: {problem}" for problem in contract_problems(table_name, table)]
        problems += file_problems(store, table_name, table, video_id, is_full=True)
        yield from (Fault(video_id, stage, problem) for problem in problems)


def _missing_tables(video_id: str, store: TableStore) -> Iterator[Fault]:
    try:
        outcomes = read_outcomes(store, video_id)
    except ContractError:  # a fault of its own
        return
    for outcome in outcomes:
        for table_name in tables_of(outcome.stage):
            if outcome.status == "done" and not store.has(table_name, video_id):
                yield Fault(video_id, outcome.stage, f"{store.table_path(table_name, video_id)}: is missing")


def _catalog_faults(video_id: str, store: TableStore) -> Iterator[Fault]:
    catalog = Catalog(store.catalog_path)
    if not catalog.path.exists():
        return
    try:
        differing = catalog.differing_tables(store, video_id)
    except StorageError:
        raise
    except ThumbAssetsError as error:
        yield Fault(video_id, "catalog", str(error))
        return
    if differing:
        tables = ", ".join(differing)
        yield Fault(video_id, "catalog", f"{catalog.path}: its rows of {video_id} are not those of the tables {tables}")
