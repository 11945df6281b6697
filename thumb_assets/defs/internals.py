"""Every name that the project takes from Dagster's private modules, in one place.

The minor version of Dagster is pinned for their sake; `thumb_assets_tests/unit/test_dagster_internals.py` names those
that another version has moved. Where Dagster exports one of them, it is imported from there instead.
"""

from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    # Without it a passing partition vanishes from the UI's status of a range run.
    AssetCheckEvaluationTargetMaterializationData,
)
from dagster._core.definitions.assets.graph.asset_graph_subset import AssetGraphSubset
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_TAG,
    DEFAULT_DATA_VERSION,
    NULL_DATA_VERSION,
    extract_data_version_from_entry,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)
from dagster._core.execution.backfill import (  # backfills cannot be launched from Python; the UI does it by GraphQL
    BULK_ACTION_TERMINAL_STATUSES,
    BulkActionsFilter,
    BulkActionStatus,
    PartitionBackfill,
)
from dagster._core.instance.ref import InstanceRef
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._core.utils import make_new_backfill_id, make_new_run_id
from dagster._serdes import ConfigurableClassData

__all__ = [
    "BULK_ACTION_TERMINAL_STATUSES",
    "CODE_VERSION_TAG",
    "DATA_VERSION_TAG",
    "DEFAULT_DATA_VERSION",
    "NOT_FINISHED_STATUSES",
    "NULL_DATA_VERSION",
    "SQLITE_BUSY_TIMEOUT_SECONDS",
    "AssetCheckEvaluationTargetMaterializationData",
    "AssetGraphSubset",
    "BulkActionStatus",
    "BulkActionsFilter",
    "CheckRunHealthResult",
    "ConfigurableClassData",
    "DagsterSqliteStorage",
    "InstanceRef",
    "NoOpComputeLogManager",
    "PartitionBackfill",
    "SqliteEventLogStorage",
    "WorkerStatus",
    "extract_data_version_from_entry",
    "get_input_data_version_tag",
    "get_input_event_pointer_tag",
    "make_new_backfill_id",
    "make_new_run_id",
]
