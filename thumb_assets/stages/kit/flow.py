"""The stages in the order of the flow, and what is wrong with one that could not be run."""

from collections.abc import Iterable, Sequence

from thumb_assets.errors import ContractError
from thumb_assets.stages.kit.declaration import FromFile, FromFrames, FromTables, Stage
from thumb_assets.tables.contracts import TABLES


def in_order(stages: Iterable[Stage], flow: Sequence[str]) -> dict[str, Stage]:
    """The stages by name in the order of the flow.

    Args:
        stages: their contracts are registered.
        flow: names in order; any other stage comes after the last of those that it reads or uses.

    Raises:
        ContractError: two have one name, or one could not be run; names the stage and why.
    """
    named: dict[str, Stage] = {}
    for stage in stages:
        if named.setdefault(stage.name, stage) is not stage:
            raise ContractError(f"stage {stage.name!r} is declared twice")
    sources = {name: _sources(stage, named) for name, stage in named.items()}
    order = [name for name in flow if name in named]
    waiting = [name for name in named if name not in flow]
    while waiting:
        name = next((name for name in waiting if not sources[name] & set(waiting)), None)
        if name is None:
            raise _wrong(named[waiting[0]], f"it and {', '.join(waiting[1:]) or 'itself'} read one another's tables")
        order.insert(max((order.index(source) for source in sources[name]), default=-1) + 1, name)
        waiting.remove(name)
    for place, name in enumerate(order):
        if late := sources[name] - set(order[:place]):
            raise _wrong(named[name], f"it reads what comes later: {', '.join(sorted(late))}")
    for name in order:
        _require_frames(named[name], sources, named)
        _require_lineage(named[name])
    return {name: named[name] for name in order}


def _wrong(stage: Stage, problem: str) -> ContractError:
    return ContractError(f"stage {stage.name!r} cannot be run: {problem}")


def _sources(stage: Stage, named: dict[str, Stage]) -> set[str]:
    """The stages that write what a stage reads or uses."""
    writers = {table: other.name for other in named.values() for table in other.table_names}
    if unwritten := [table for table in stage.reads if table not in writers]:
        raise _wrong(stage, f"it reads the table `{unwritten[0]}`, which no stage writes")
    if unknown := [table for table in stage.uses if table not in TABLES]:
        raise _wrong(stage, f"it uses the table `{unknown[0]}`, which does not exist")
    return {writers[table] for table in stage.inputs if table in writers}


def _require_frames(stage: Stage, sources: dict[str, set[str]], named: dict[str, Stage]) -> None:
    """Scorers work while frames are decoded: what they read must be there without them."""
    if not isinstance(stage.run, FromFrames):
        return
    waiting = set(sources[stage.name])
    while waiting:
        source = named[waiting.pop()]
        if isinstance(source.run, FromTables):
            waiting |= sources[source.name]
        elif not isinstance(source.run, FromFile):
            raise _wrong(stage, f"its frames are scored before the table `{source.name}` is complete")


def _require_lineage(stage: Stage) -> None:
    for contract in stage.contracts:
        for column, sources in contract.lineage.items():
            for table, source in sources:
                if table not in (*stage.inputs, *stage.table_names) or source not in TABLES[table].column_names:
                    raise _wrong(stage, f"its column {column} comes from `{table}.{source}`, which it does not read")
