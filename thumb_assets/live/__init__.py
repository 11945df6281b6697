"""Records live sources in closed segments and knows the best picture of the last minutes.

What belongs here: opening a named source and nothing else, cutting it by stream copy, the clock by which each segment
is placed, the room that a source may take, and the thread that has segments worked on. What does not: the work itself
(pipeline), the rows that outlive a process (store), pages and messages about it (serve, cli).
"""
