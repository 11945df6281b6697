"""Makes thumb-mini, the embedded CLIP model: sources, spoiled copies, captions, training, evaluation, export.

What belongs here: everything that a second run needs to get the same weights. What does not: the weights themselves,
which lie in `thumb_assets/clip/mini`, and the pictures, which are read from their packages and never copied here.
Strengths of defects run from 0.25 (slight) over 0.6 (clearly visible) to 1 (strong).
"""
