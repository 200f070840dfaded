"""Evaluation data before anybody is judged on it: manifest, recordings and texts."""
