"""The judge and the publisher: runs the stages, judges a gRPC address, writes the reports."""
