"""`python -m thumb_assets.cli`, the same as the command `thumb-assets`."""

from thumb_assets.cli import main

main()
