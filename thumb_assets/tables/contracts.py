"""All tables, and which stage writes which. `docs/tables.md` is generated from them."""

from thumb_assets.errors import ContractError
from thumb_assets.tables.artwork import ARTWORK
from thumb_assets.tables.declaration import TableContract
from thumb_assets.tables.measurements import (
    APPEARANCE,
    CANDIDATE_FRAMES,
    CLIP_SCORES,
    FACES,
    FRAMES,
    IQA_SCORES,
    SHARPNESS,
    SHOTS,
    VIDEOS,
)
from thumb_assets.tables.outputs import (
    CHAPTERS,
    CROPS,
    DECISIONS,
    JUDGEMENTS,
    OUTCOMES,
    PUBLISHED,
    RECURRENCES,
    REJECTIONS,
    SELECTIONS,
    STILLS,
)
from thumb_assets.tables.pictures import AESTHETICS, SAFETY, SUBJECTS, TEXTS
from thumb_assets.tables.previews import PREVIEWS
from thumb_assets.tables.renditions import RENDITIONS
from thumb_assets.tables.soundtrack import AUDIO, SUBTITLES

TABLES: dict[str, TableContract] = {
    table.name: table
    for table in (
        VIDEOS,
        FRAMES,
        SHOTS,
        SUBTITLES,
        CANDIDATE_FRAMES,
        SHARPNESS,
        APPEARANCE,
        FACES,
        SUBJECTS,
        SAFETY,
        TEXTS,
        CLIP_SCORES,
        AESTHETICS,
        IQA_SCORES,
        AUDIO,
        JUDGEMENTS,
        SELECTIONS,
        REJECTIONS,
        DECISIONS,
        RECURRENCES,
        CHAPTERS,
        STILLS,
        CROPS,
        RENDITIONS,
        PREVIEWS,
        ARTWORK,
        PUBLISHED,
        OUTCOMES,
    )
}


def register(contract: TableContract) -> None:
    """Makes a table known that is declared with its stage, which may add what its columns come from.

    Raises:
        ContractError: there is another table of that name.
    """
    known = TABLES.get(contract.name, contract)
    if known.made_of(dict.fromkeys(known.column_names, ())) != contract.made_of(
        dict.fromkeys(contract.column_names, ())
    ):
        raise ContractError(f"table {contract.name!r} is declared twice")
    TABLES[contract.name] = contract


def tables_of(stage: str) -> tuple[str, ...]:
    """The tables that a stage writes, its main one first; `catalog` writes the SQLite index, no table.

    >>> tables_of("selections"), tables_of("catalog")
    (('selections', 'rejections'), ())
    """
    return tuple(name for name, contract in TABLES.items() if contract.stage == stage)


def stage_of(table_name: str) -> str | None:
    """The stage that writes a table; None for the tables that no stage writes.

    >>> stage_of("rejections"), stage_of("decisions")
    ('selections', None)
    """
    return TABLES[table_name].stage if table_name in TABLES else None
