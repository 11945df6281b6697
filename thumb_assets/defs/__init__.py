"""The Dagster shell: partitions, assets, checks, sensors, jobs and resources that translate the engine's results.

What belongs here: turning StageResults into Dagster events, and files of the library into partitions. What does not:
any measurement, choice or file format; if an asset body grows, the core lacks a function. Only this room and
`definitions` import dagster.
"""
