"""The controller daemon: a service process for gRPC and the control process it looks after."""
