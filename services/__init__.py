"""The two daemons, their gRPC surface, and the only code that imports grpc and protos."""
