"""NeMo's own export, run in processes of its own, and the proof that the graph computes what the checkpoint does."""
