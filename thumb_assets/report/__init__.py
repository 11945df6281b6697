"""One HTML page over the whole library: totals, failures by reason, distributions of the scores, the latest stills.

What belongs here: what the page says (by SQL from the catalog) and how it looks. It needs no server and no other file,
since the pictures are inside. What does not: pages of a single video (defs shows them), and any value that is not
stored already.
"""

from thumb_assets.report.facts import Facts, gather, gone_videos
from thumb_assets.report.page import render, write_report

__all__ = ["Facts", "gather", "gone_videos", "render", "write_report"]
