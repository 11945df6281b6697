"""The contracts: every column of every table is declared here once, with its type, unit and meaning.

What belongs here: declarations, the Arrow schema made from them, `conform`, and the generated documentation. What does
not: reading or writing (store), computing a value (the other rooms), thresholds and verdicts.
"""

from thumb_assets.tables.conform import conform, content_sha256, contract_problems, empty_table, table_from_rows
from thumb_assets.tables.contracts import TABLES, register, stage_of, tables_of
from thumb_assets.tables.declaration import Column, Embedding, TableContract
from thumb_assets.tables.file_names import cover_of
from thumb_assets.tables.verify import Verdict, verify_contract, verify_coverage, verify_judgements

__all__ = [
    "TABLES",
    "Column",
    "Embedding",
    "TableContract",
    "Verdict",
    "conform",
    "content_sha256",
    "contract_problems",
    "cover_of",
    "empty_table",
    "register",
    "stage_of",
    "table_from_rows",
    "tables_of",
    "verify_contract",
    "verify_coverage",
    "verify_judgements",
]
