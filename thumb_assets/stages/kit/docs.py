"""Writes `docs/tables.md` from the contracts: `python -m thumb_assets.stages.kit.docs > docs/tables.md`."""

import thumb_assets.stages  # noqa: F401 - makes the tables known that stages declare
from thumb_assets.tables.contracts import TABLES
from thumb_assets.tables.declaration import Column, TableContract

HEADER = """# Tables

Generated from the contracts by `python -m thumb_assets.stages.kit.docs`; do not edit.

Parquet is the truth: one file per table and video, `data/tables/{table}/{video_id}.parquet`. The SQLite catalog
(`data/catalog.sqlite`) holds the same columns. A `?` behind a type says that the value may be null. Every footer
carries `table`, `schema_version`, `video_sha256`, `code_version`, `settings_sha256` and `tool_versions`; that of
`outcomes` only the first two and `code_version`, and `attempt_keys` (of skipped stages: what they were tried with).
`candidate_frames` says a hash of each column that scorers read (`columns_sha256`), and a scorer's table which frames
were measured (`measured_frames`) and from what beside the candidates (`row_key`): its rows stay when others come.
Tables of stages with settings of their own also say those (`made_with`) and which of them were asked for beside the
library's (`asked`, see [settings.md](settings.md)). The first table of a stage also says what people should know of
its results, if anything (`note`); `show` prints it.
"""


def render() -> str:
    """The whole page as Markdown."""
    return "\n".join([HEADER, *(_render_table(table) for table in TABLES.values())])


def _render_table(table: TableContract) -> str:
    lines = [f"## {table.name}", "", f"{table.grain} Unique and ascending: {', '.join(f'`{k}`' for k in table.key)}."]
    lines += ["", "| column | type | unit | meaning |", "|---|---|---|---|"]
    lines += [_render_column(column) for column in table.columns]
    if table.footer_doc:
        lines += ["", f"Footer besides the common keys: {table.footer_doc}."]
    return "\n".join([*lines, ""])


def _render_column(column: Column) -> str:
    choices = f" One of {', '.join(f'`{choice}`' for choice in column.choices)}." if column.choices else ""
    nullable = "?" if column.is_nullable else ""
    return f"| `{column.name}` | {column.type}{nullable} | {column.unit} | {column.doc}{choices} |"


if __name__ == "__main__":
    print(render(), end="")
