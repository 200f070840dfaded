"""The gRPC face of Riva: what belongs to a connection lives here, what belongs to a stream in Triton (README.md)."""
