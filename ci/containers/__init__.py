"""The ServiceMaker image and the speech image: what they hold, how they are made. Start at `__main__.py`."""
