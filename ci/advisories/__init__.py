"""The published advisories about what this repository pins."""
