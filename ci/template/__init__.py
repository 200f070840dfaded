"""Brings the template's changes into a repository that was made from it.

Such a repository shares no history with the template, or stopped sharing it: `origin.yaml` remembers from which commit
it was made, and git merges the three trees (that commit, the template now, this repository). Nothing is checked out;
the result is a commit on a branch of its own, whose checks run on this repository's models.
"""
