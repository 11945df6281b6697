"""Any rows a contract allows survive `conform` and Parquet unchanged."""

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import conform, content_sha256, contract_problems, table_from_rows
from thumb_assets.tables.contracts import TABLES
from thumb_assets.tables.declaration import Embedding

VIDEO = "clip-01234567"
FOOTER = {"video_sha256": "a" * 64, "settings_sha256": "b" * 64, "tool_versions": "{}"}
_INT64 = st.integers(-(2**63), 2**63 - 1)
_FLOAT64 = st.floats(allow_nan=False, allow_infinity=False)
_FLOAT16 = st.floats(allow_nan=False, allow_infinity=False, width=16)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@st.composite
def rows_of(draw, table_name):
    contract = TABLES[table_name]
    size = draw(st.integers(1, 5))
    strategies = {column.name: _values(column, size) for column in contract.columns}
    strategies["video_id"] = st.just(VIDEO)
    return draw(
        st.lists(
            st.fixed_dictionaries(strategies),
            max_size=6,
            unique_by=lambda row: tuple(row[name] for name in contract.key),
        )
    )


def _values(column, size):
    if isinstance(column.type, Embedding):
        values = st.lists(_FLOAT16, min_size=size, max_size=size).map(lambda entries: np.array(entries, np.float16))
    elif pa.types.is_list(column.type):
        values = st.lists(st.sampled_from(column.choices), max_size=4)
    elif column.choices:
        values = st.sampled_from(column.choices)
    elif pa.types.is_integer(column.type):
        values = _INT64
    elif pa.types.is_floating(column.type):
        values = _FLOAT64
    elif pa.types.is_boolean(column.type):
        values = st.booleans()
    else:
        values = _TEXT
    return st.none() | values if column.is_nullable else values


@pytest.mark.parametrize("table_name", TABLES)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_rows_survive_conform_and_parquet(table_name, data):
    rows = data.draw(rows_of(table_name))
    made = table_from_rows(table_name, rows)
    assert contract_problems(table_name, made) == []
    assert made.num_rows == len(rows)

    again = conform(table_name, made)
    assert again.equals(made)
    assert again.schema.equals(made.schema)
    order = data.draw(st.permutations(range(len(rows))))
    assert conform(table_name, made.take(pa.array(order, pa.int64()))).equals(made)

    with tempfile.TemporaryDirectory() as folder:
        store = TableStore(Path(folder))
        store.write(table_name, made, video_id=VIDEO, footer={} if table_name == "outcomes" else FOOTER)
        stored = store.read(table_name, VIDEO)
    assert stored.equals(made)
    assert stored.schema.equals(made.schema)
    assert content_sha256(stored) == content_sha256(made)
