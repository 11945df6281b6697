"""The names of Dagster's private modules: where they may be imported, and those that this version has moved."""

import ast
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
INTERNALS = REPOSITORY / "thumb_assets" / "defs" / "internals.py"


def private_names(path: Path) -> Iterator[tuple[str, str]]:
    """Module and name of each import from a private module of Dagster's packages."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found = [(node.module, alias.name) for alias in node.names]
        else:
            continue
        for module, name in found:
            package, *parts = module.split(".")
            if package == "dagster_shared" or (package.startswith("dagster") and any(p[0] == "_" for p in parts)):
                yield module, name


def is_there(module: str, name: str) -> bool:
    try:
        return not name or hasattr(import_module(module), name)
    except ImportError:
        return False


def test_no_name_was_moved_by_the_installed_dagster() -> None:
    names = list(private_names(INTERNALS))
    assert len(names) > 10
    for path in sorted((REPOSITORY / "thumb_assets_tests").rglob("*.py")):
        names += private_names(path)
    moved = sorted({f"{module}.{name}" for module, name in names if not is_there(module, name)})
    assert moved == [], f"dagster {version('dagster')} no longer has {', '.join(moved)}; look for its new place"


def test_the_package_imports_them_in_one_file() -> None:
    package = INTERNALS.parents[1]
    strays = [str(path) for path in package.rglob("*.py") if path != INTERNALS and any(private_names(path))]
    assert strays == []
