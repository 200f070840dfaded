"""Looks at a machine that is to run the stages or a job, and says what would fail there, before it does."""
