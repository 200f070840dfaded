"""From files that passed conformance to a release, and from a release to a model directory."""
