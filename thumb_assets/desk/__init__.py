"""The curator's desk: a local web page on which people look at the library, decide of frames and review videos.

What belongs here: the server and its safety, the pages, and the questions that a page asks of the stored tables, each a
pure module of its own. What does not: how a decision is kept (library, store), how stills are made (pipeline), what a
score means (select), and the command's arguments (cli). A page is one module of `desk/pages` and one script of the same
name in `desk/static`; it is found, not listed.
"""
