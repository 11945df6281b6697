"""Searches the candidates of the whole library: by words, by an example, by ranges of scores.

What belongs here: what a query is, how pictures and texts answer it, the indexes that make this fast and follow the
tables. What does not: what is measured or chosen (select), how near vectors are found (survey), what is done with what
was found (library, cli). It writes nothing but `search/` in the data folder, which can be deleted at any time.
"""
