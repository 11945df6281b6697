"""The scores that a dataset tells of each picture, and the models that made them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from thumb_assets.select.measure import COLUMNS
from thumb_assets.tables.contracts import TABLES
from thumb_assets.tables.dataset import dataset_contract
from thumb_assets.tables.declaration import Column, TableContract
from thumb_assets.weights.registry import ModelFile, find_model, iqa_metric, models

# What was measured on candidates themselves, by column: the table and its column.
MEASURED: dict[str, tuple[str, str]] = {name: place for name, place in COLUMNS.items() if place[0] != "recurrences"}
# Tables whose scores come from a model; a metric of quality is a model of its own.
OF_MODELS = ("clip_scores", "subjects", "faces", "texts", "judgements")
_NUM_FACES = Column("num_faces", pa.int64(), "Faces that were found; null where none were looked for.", "", True)


def metric_column(metric: str) -> str:
    """The name of the column of a quality metric.

    >>> metric_column("musiq-koniq")
    'iqa_musiq_koniq'
    """
    return "iqa_" + "".join(letter if letter.isalnum() else "_" for letter in metric)


def contract_of(metrics: Iterable[str]) -> TableContract:
    """The columns of a dataset whose videos have scores of these quality metrics."""
    metrics = sorted(set(metrics))
    scores = [
        Column(name, (declared := TABLES[table].column(column)).type, declared.doc, declared.unit, is_nullable=True)
        for name, (table, column) in MEASURED.items()
    ]
    quality = [
        Column(metric_column(each), pa.float64(), f"Prediction of {each} in its own unit.", "", True)
        for each in metrics
    ]
    return dataset_contract([*scores, _NUM_FACES, *quality], [*OF_MODELS, *(metric_column(each) for each in metrics)])


@dataclass(frozen=True)
class MadeBy:
    """The model behind a score; `licence` is None where its terms are not known."""

    model: str
    licence: str | None
    is_commercial: bool


def makers_of(tables: Mapping[str, pa.Table | None]) -> dict[str, MadeBy]:
    """By `clip_scores` and the like, or a metric's column, the model that made a video's scores.

    Args:
        tables: the video's tables by name, as stored: their footers say it.
    """
    made: dict[str, MadeBy] = {}
    for name in OF_MODELS:
        table = tables.get(name)
        maker = None if table is None else _maker(name, table)
        if maker is not None:
            made[name] = maker
    scores = tables.get("iqa_scores")
    if scores is not None:
        for metric in pc.unique(scores.column("metric")).to_pylist():
            made[metric_column(metric)] = _made_by(iqa_metric(metric))
    return made


def score_values(
    tables: Mapping[str, pa.Table | None], frame_indices: Sequence[int], *, left_out: Iterable[str] = ()
) -> dict[int, dict[str, Any]]:
    """By frame the values of the columns of scores; a score that there is not is missing.

    Args:
        left_out: keys of `makers_of` whose scores are not told.
    """
    hidden = set(left_out)
    values: dict[int, dict[str, Any]] = {frame: {} for frame in frame_indices}
    by_table: dict[str, list[tuple[str, str]]] = {}
    for name, (table_name, column) in MEASURED.items():
        if table_name not in hidden:
            by_table.setdefault(table_name, []).append((name, column))
    for table_name, names in by_table.items():
        for row in rows_at(tables.get(table_name), frame_indices):
            values[row["frame_index"]].update({name: row[column] for name, column in names})
    for row in rows_at(tables.get("iqa_scores"), frame_indices):
        if metric_column(row["metric"]) not in hidden:
            values[row["frame_index"]][metric_column(row["metric"])] = row["iqa_score"]
    if tables.get("faces") is not None and "faces" not in hidden:
        for frame in frame_indices:
            values[frame][_NUM_FACES.name] = 0
        for row in rows_at(tables["faces"], frame_indices):
            values[row["frame_index"]][_NUM_FACES.name] += 1
    return values


def rows_at(table: pa.Table | None, frame_indices: Sequence[int]) -> list[dict[str, Any]]:
    """The rows of a table that are about these frames; none where there is no table."""
    if table is None or not table.num_rows:
        return []
    is_wanted = pc.is_in(table.column("frame_index"), pa.array(frame_indices, pa.int64()))
    rows = table.filter(is_wanted)
    plain = [field.name for field in rows.schema if not pa.types.is_fixed_size_list(field.type)]  # no embeddings
    return rows.select(plain).to_pylist()  # type: ignore[no-any-return]


def _maker(name: str, table: pa.Table) -> MadeBy | None:
    footer = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    if name == "judgements":
        names = pc.unique(table.column("model")).to_pylist()
        return MadeBy(names[0], None, is_commercial=False) if names else None
    if name == "clip_scores":
        model, tag = footer.get("model_name", ""), footer.get("pretrained", "")
        known = find_model(f"{model}/{tag}") or find_model(model)
        shown = f"{model}/{tag}" if tag else model
        return _made_by(known) if known else (MadeBy(shown, None, is_commercial=False) if model else None)
    sha256 = footer.get("model_sha256", "")
    if not sha256:
        return None
    of_sum = [each for each in models() if each.sha256 and sha256.startswith(each.sha256)]
    return _made_by(of_sum[0]) if of_sum else MadeBy(f"sha256:{sha256}", None, is_commercial=False)


def _made_by(model: ModelFile) -> MadeBy:
    is_known = model.use != "unknown"
    return MadeBy(model.name, model.licence if is_known else None, is_commercial=model.use == "commercial")
