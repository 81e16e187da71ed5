"""Logs are JSON off the terminal; metrics are served where they are asked for."""

import json
import socket
import subprocess
import sys
import threading
import urllib.request

import prometheus_client
import pytest

from mbctl.exit_codes import StartUpError
from services.telemetry import serve_metrics

_PROGRAM = """
import structlog
from services.telemetry import configure_logging
configure_logging("controller", level="info")
structlog.get_logger().debug("unseen")
structlog.get_logger().info("policy_swapped", version=12, note="two\\nlines")
"""


@pytest.fixture
def listen() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listener.getsockname()[1]}"


def test_each_event_is_one_json_line_on_stderr():
    result = subprocess.run(
        [sys.executable, "-P", "-c", _PROGRAM], capture_output=True, text=True, check=True
    )
    (line,) = result.stderr.splitlines()
    event = json.loads(line)
    assert (event["event"], event["version"], event["note"]) == ("policy_swapped", 12, "two\nlines")
    assert (event["service"], event["level"]) == ("controller", "info")
    assert result.stdout == ""


def test_metrics_are_served_until_closed(listen):
    registry = prometheus_client.CollectorRegistry()
    prometheus_client.Gauge("mbctl_test_rows", "rows", registry=registry).set(42)
    close = serve_metrics(listen, registry)
    with urllib.request.urlopen(f"http://{listen}/metrics", timeout=5) as answer:
        assert "mbctl_test_rows 42.0" in answer.read().decode()
    with pytest.raises(StartUpError, match="cannot serve metrics"):
        serve_metrics(listen, registry)
    close()
    with pytest.raises(OSError):
        urllib.request.urlopen(f"http://{listen}/metrics", timeout=5)


def test_metrics_stay_on_this_machine():
    with pytest.raises(StartUpError, match="no TLS"):
        serve_metrics("0.0.0.0:9100", prometheus_client.CollectorRegistry())


def test_without_an_address_no_metrics_are_served():
    before = threading.active_count()
    close = serve_metrics("", prometheus_client.CollectorRegistry())
    assert threading.active_count() == before
    close()
