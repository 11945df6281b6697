"""The engine: decides which frames the chosen stages need, decodes once, feeds every stage, yields results.

What belongs here: the order of work, batches across videos, the isolation of failures, what is written when. What does
not: how anything is measured, chosen or drawn (the rooms below), work across videos (library), Dagster (defs), the
terminal (cli).
"""
