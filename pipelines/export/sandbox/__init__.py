"""What a process that loads a checkpoint can reach: one folder, the libraries it runs, and nothing else.

The verdict refuses what it recognises as hostile; this is for what it does not. README.md says what holds where.
"""

from pipelines.export.sandbox.isolation import Isolation, Sandbox

__all__ = ["Isolation", "Sandbox"]
