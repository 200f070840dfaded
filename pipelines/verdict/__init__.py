"""Static admission of a checkpoint: what it is, whether it is safe, and where it will work."""
