"""One HTML page over the whole library: totals, failures by reason, distributions of the scores, the latest stills.

What belongs here: what the page says (by SQL from the catalog) and how it looks. It needs no server and no other file,
since the pictures are inside. What does not: pages of a single video (defs shows them), and any value that is not
stored already.
"""
