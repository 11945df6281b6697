"""Metadata that the UI shows of a table: its columns, its number of rows, and pictures of its content."""

import base64
import hashlib
import json
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dagster as dg

from thumb_assets.errors import as_thumb_assets_error
from thumb_assets.export.chapters import chapter_title
from thumb_assets.export.figures import contact_sheet, crops_sheet, score_timeline
from thumb_assets.pipeline.result import StageResult
from thumb_assets.select.tell import NOTHING_KEPT, STORY_TABLES, funnel, story_of, tell_rejections
from thumb_assets.stages import STAGES
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import content_sha256
from thumb_assets.tables.contracts import TABLES, stage_of
from thumb_assets.wording import markdown, one_line


def shown(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata of an event as the UI may show it: names of files stand in it, which may hold anything.

    Markdown is left as it is; see `bullets`.
    """
    return {name: _shown(value) for name, value in metadata.items()}


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, dg.PathMetadataValue):
        return dg.MetadataValue.path(one_line(value.path))
    return value


def bullets(lines: Iterable[str], *, marker: str = "-") -> dg.MarkdownMetadataValue:
    """A list in which no text counts as markup."""
    return dg.MetadataValue.md("\n".join(f"{marker} {markdown(line)}" for line in lines) or "none")


def spec_metadata(stage: str) -> dict[str, Any]:
    """Metadata of the asset itself: the columns of its table, from the contract."""
    if not STAGES[stage].contracts:
        return {"dagster/code_references": _code_references(stage)}
    contract = TABLES[stage]
    return {
        "dagster/column_schema": column_schema(stage),
        "dagster/code_references": _code_references(stage),
        "key": ", ".join(contract.key),
        "schema_version": contract.schema_version,
    }


def column_schema(table_name: str) -> dg.TableSchema:
    """The columns of a table, from its contract."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                str(column.type),
                description=f"{column.doc} [{column.unit}]" if column.unit else column.doc,
                constraints=dg.TableColumnConstraints(nullable=column.is_nullable),
            )
            for column in TABLES[table_name].columns
        ]
    )


def _code_references(stage: str) -> dg.CodeReferencesMetadataValue:
    """The file that declares the stage: links in the UI lead there."""
    path = STAGES[stage].file
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # the minor version is pinned
        reference = dg.LocalFileCodeReference(file_path=path, line_number=1, label=Path(path).stem)
        return dg.CodeReferencesMetadataValue(code_references=[reference])


def _column_lineage(stage: str, graph: Collection[str]) -> dg.TableColumnLineage:
    is_off = set(STAGES) - set(graph)
    return dg.TableColumnLineage(
        {
            column: [
                dg.TableColumnDep(dg.AssetKey(stage_of(name) or name), source)
                for name, source in sources
                if stage_of(name) not in is_off
            ]
            for column, sources in TABLES[stage].lineage.items()
        }
    )


def stage_metadata(
    result: StageResult, store: TableStore, *, graph: Collection[str] = STAGES, desk_url: str = ""
) -> dict[str, Any]:
    """Metadata of one materialisation.

    Args:
        graph: the stages that are assets; no column comes from others.
        desk_url: address of the desk; empty where it is not known.
    """
    metadata: dict[str, Any] = {"source": dg.MetadataValue.path(result.source_path), **result.metrics}
    if desk_url:
        metadata["desk"] = dg.MetadataValue.url(f"{desk_url.rstrip('/')}/video/{quote(result.video_id, safe='')}")
    if result.is_unchanged:
        metadata["unchanged"] = True
    if result.tables and TABLES[result.stage].lineage:
        metadata["dagster/column_lineage"] = _column_lineage(result.stage, graph)
    for table_name, table in result.tables.items():
        is_main = table_name == result.stage
        metadata["dagster/row_count" if is_main else f"num_rows_{table_name}"] = table.num_rows
        metadata["path" if is_main else f"path_{table_name}"] = dg.MetadataValue.path(
            str(store.table_path(table_name, result.video_id))
        )
    try:
        metadata |= _PICTURES.get(result.stage, _no_picture)(result, store)
    except Exception as error:  # noqa: BLE001 - a picture that cannot be drawn must not end the run of the others
        metadata["no_picture"] = str(as_thumb_assets_error(error, result.stage))
    return shown(metadata)


def data_version(result: StageResult, store: TableStore) -> str:
    """A version of the stage's tables and of how they were made: downstream partitions are stale when it changes."""
    digest = hashlib.sha256()
    for table_name, table in sorted(result.tables.items()):
        digest.update(json.dumps(store.footer(table_name, result.video_id), sort_keys=True).encode())
        digest.update(content_sha256(table).encode())
    return digest.hexdigest()[:16]


def _no_picture(_result: StageResult, _store: TableStore) -> dict[str, Any]:
    return {}


def _selections(result: StageResult, store: TableStore) -> dict[str, Any]:
    frames = store.read_or_none("frames", result.video_id)
    shots = store.read_or_none("shots", result.video_id)
    candidates = store.read_or_none("candidate_frames", result.video_id)
    rows = result.tables["selections"].sort_by("rank").to_pylist()
    footer = store.footer("selections", result.video_id) or {}
    reasons = [row["reason"] for row in rows] or [str(footer.get(NOTHING_KEPT))]
    metadata: dict[str, Any] = {"reasons": bullets(reasons, marker="1."), **_why(result, store)}
    if frames is not None and shots is not None and candidates is not None:
        picture = score_timeline(frames, shots=shots, candidates=candidates, selections=result.tables["selections"])
        metadata["score_timeline"] = _picture(picture, "png")
    return metadata


def _why(result: StageResult, store: TableStore) -> dict[str, Any]:
    """Number of frames dropped at each step, and the candidates that came closest to being chosen."""
    if not all(store.has(name, result.video_id) for name in STORY_TABLES):
        return {}
    story = story_of({name: store.read(name, result.video_id) for name in STORY_TABLES})
    steps = [dg.TableRecord({key: one_line(value) for key, value in vars(step).items()}) for step in funnel(story)]
    return {"funnel": dg.MetadataValue.table(steps), "why": bullets(tell_rejections(story))}


def _stills(result: StageResult, store: TableStore) -> dict[str, Any]:
    folder = store.stills_dir(result.video_id)
    selections = store.read("selections", result.video_id)
    sheet = contact_sheet(folder, result.tables["stills"], selections)
    return {"contact_sheet": _picture(sheet, "jpeg"), "folder": dg.MetadataValue.path(str(folder))}


def _chapters(result: StageResult, store: TableStore) -> dict[str, Any]:
    lines = [
        f"{chapter_title(row['title'], row['chapter_index'])}: {row['start_pts_seconds']:.3f} s to "
        f"{row['end_seconds']:.3f} s, frame {row['frame_index']}"
        for row in result.tables["chapters"].to_pylist()
    ]
    folder = dg.MetadataValue.path(str(store.chapters_dir(result.video_id)))
    return {"chapters": bullets(lines, marker="1."), "folder": folder}


def _crops(result: StageResult, store: TableStore) -> dict[str, Any]:
    folder = store.crops_dir(result.video_id)
    sheet = crops_sheet(folder, result.tables["crops"])
    return {"contact_sheet": _picture(sheet, "jpeg"), "folder": dg.MetadataValue.path(str(folder))}


def _picture(data: bytes, image_format: str) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md(f"![picture](data:image/{image_format};base64,{base64.b64encode(data).decode()})")


_PICTURES: dict[str, Callable[[StageResult, TableStore], dict[str, Any]]] = {
    "selections": _selections,
    "chapters": _chapters,
    "stills": _stills,
    "crops": _crops,
}
