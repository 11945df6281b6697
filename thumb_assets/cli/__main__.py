"""`python -m thumb_assets.cli`, the same as the command `thumb-assets`."""

from thumb_assets.__main__ import start

start()
