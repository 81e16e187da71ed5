"""The two daemons, their gRPC surface, and the only code that imports grpc and protos."""

import os

# Before grpc is imported: it would print each handshake that fails, with words of the peer.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
