"""A scorer and an output of another package, as somebody would write them who edits no file of the project.

`write_package` lays them out as an installed package; a process with its folder on PYTHONPATH has two stages more.
"""

from pathlib import Path

_FILES = ("toy_settings", "toy", "toy_note")
_ENTRY_POINTS = """[thumb_assets.settings]
toy = toy_settings:ToySettings

[thumb_assets.stages]
toy = toy:STAGE
toy_note = toy_note:STAGE
"""


def write_package(folder: Path) -> None:
    """Writes the modules and what says that they are installed."""
    for name in _FILES:
        text = (Path(__file__).with_name(f"{name}.py")).read_text(encoding="utf-8")
        (folder / f"{name}.py").write_text(text.replace("thumb_assets_tests.toy.", ""), encoding="utf-8")
    write_installed(folder, "toy-stages", "1.0", _ENTRY_POINTS)
    write_installed(folder, "toy-tool", "1.0")


def write_installed(folder: Path, name: str, version: str, entry_points: str = "") -> None:
    """Writes what says that a distribution is installed in a version."""
    info = folder / f"{name.replace('-', '_')}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(entry_points, encoding="utf-8")
