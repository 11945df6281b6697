"""The pages of the desk: one file each, which says where it is, what it is called and what its script may ask.

What belongs here: the questions of a page as JSON. What does not: markup and drawing (`desk/static`), and the answers
themselves (the pure modules of the desk).
"""
