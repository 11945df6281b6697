"""Parts that stage files are written with: the declaration, the scorer of frames, access to a video's tables.

What belongs here: only what several stages share. What does not: a stage itself (the folder above), the order of work
(pipeline).
"""
