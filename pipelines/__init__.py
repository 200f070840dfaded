"""From a NeMo checkpoint to a listening riva-speech server: one package a step, see README.md beside this file."""

__version__ = "0.1.0"
