"""Speed, against what the machine could do at best: each measurement beside its baseline in one run.

Not a judge of correctness (`ci.conformance` is), but answers are compared with the baseline's before they are timed.
README.md says how each figure is measured.
"""
