"""A verdict for each reader: a table for people, JSON for programs, SARIF for code scanning, Markdown for CI."""
