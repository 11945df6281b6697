"""Everything this project keeps on disk, all of it inside the data folder.

What belongs here: where things lie, the Parquet tables (the truth, one file per table and video), the outcomes of the
stages, the SQLite catalog (an index over the tables) and the candidate cache (a copy of some of their columns), which
can be made anew at any time, the learned scorer, what a survey found, what a judge answered, the library of video files
and their ids. What does not: columns and their meaning (tables), pictures (export), any value that is computed from
frames.
"""
