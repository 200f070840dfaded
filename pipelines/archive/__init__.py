"""What is on disk: `.nemo`, `.riva` and `.rmir` archives, and how they are encrypted."""
