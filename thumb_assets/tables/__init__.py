"""The contracts: every column of every table is declared here once, with its type, unit and meaning.

What belongs here: declarations, the Arrow schema made from them, `conform`, and the generated documentation. What does
not: reading or writing (store), computing a value (the other rooms), thresholds and verdicts.
"""
