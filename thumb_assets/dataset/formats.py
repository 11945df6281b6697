"""All formats of datasets, by name."""

from thumb_assets.dataset.fiftyone import FIFTYONE
from thumb_assets.dataset.folders import CSV, FOLDER, IMAGEFOLDER
from thumb_assets.dataset.kit import Format
from thumb_assets.dataset.parquet import CROISSANT, HUGGINGFACE
from thumb_assets.dataset.webdataset import WEBDATASET

FORMATS: dict[str, Format] = {
    each.name: each for each in (HUGGINGFACE, IMAGEFOLDER, WEBDATASET, CROISSANT, FIFTYONE, CSV, FOLDER)
}
