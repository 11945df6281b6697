"""HTML over the whole library: a page of the latest pictures, failures and figures, and the gallery that it leads to.

What belongs here: what the pages say (by SQL from the catalog, and from tables) and how they look. They need no server.
What does not: decisions (desk), and any value that is not stored already.
"""
