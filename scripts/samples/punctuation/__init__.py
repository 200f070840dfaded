"""The sample checkpoint of the punctuation pipeline: its text, its training, and what NeMo itself answers."""
