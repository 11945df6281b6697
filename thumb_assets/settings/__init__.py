"""Every choice a user can make, one frozen model per stage, and the only reader of the settings file and environment.

What belongs here: settings, their ranges and defaults, the named profiles, `--set` overrides, hashes of settings. What
does not: constants of a formula (they stand beside the formula) and paths of the tables (store). Unknown names are
errors, never ignored.
"""
