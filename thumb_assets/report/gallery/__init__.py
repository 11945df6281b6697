"""The library as plain HTML files that need no server: a page of covers with filters, and a page for every video.

What belongs here: what those pages hold, their pictures, and which files of a folder are theirs. What does not: the
page of figures and failures beside them (page), and decisions, which need a server (desk).
"""
