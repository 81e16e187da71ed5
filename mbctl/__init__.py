"""mbctl: controller and trainer daemons for robots that learn model-based policies."""

__version__ = "0.1.0"
