"""Crowds, silence and slowness at the metrics port."""

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request

import prometheus_client
import pytest

from services.metrics_server import CONNECTION_S, CONNECTIONS_MAX, MetricsServer

REQUEST = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def registry():
    registry = prometheus_client.CollectorRegistry()
    prometheus_client.Gauge("mbctl_test_rows", "rows", registry=registry).set(42)
    return registry


@pytest.fixture
def server(registry):
    server = MetricsServer("127.0.0.1", 0, registry)
    yield server
    server.close()


def _scrape(server):
    url = f"http://127.0.0.1:{server.server_port}/metrics"
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()


def _connect(server):
    return socket.create_connection(("127.0.0.1", server.server_port), 5.0)


@contextlib.contextmanager
def _crowd(server, count):
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            with contextlib.suppress(ConnectionError):
                stack.enter_context(_connect(server))
        yield


def test_four_hundred_silent_connections_make_few_threads_and_keep_nobody_out(server):
    before = threading.active_count()
    with _crowd(server, 400):
        assert "mbctl_test_rows 42.0" in _scrape(server)
        assert threading.active_count() - before <= CONNECTIONS_MAX


@pytest.mark.parametrize("sent", [b"", b"GET /metr"])
def test_a_connection_without_a_request_is_closed(server, sent):
    with _connect(server) as silent:
        silent.sendall(sent)
        silent.settimeout(CONNECTION_S + 5)
        started = time.monotonic()
        with contextlib.suppress(ConnectionError):
            assert silent.recv(100) == b""
        assert time.monotonic() - started < CONNECTION_S + 3


def test_a_request_that_drips_is_cut_off(server):
    with _connect(server) as slow, contextlib.suppress(ConnectionError):
        deadline = time.monotonic() + CONNECTION_S + 3
        while time.monotonic() < deadline:
            slow.sendall(b"x")
            time.sleep(0.2)
        pytest.fail("it was served for longer than allowed")


def test_a_registry_that_fails_is_an_answer_and_not_the_end(server, registry):
    class Broken:
        def collect(self):
            raise ValueError("no figures")

        def describe(self):
            return []

    broken = Broken()
    registry.register(broken)
    with pytest.raises(urllib.error.HTTPError, match="500"):
        _scrape(server)
    registry.unregister(broken)
    assert "mbctl_test_rows" in _scrape(server)


@pytest.fixture
def pem_files(tmp_path):
    """Key and self-signed certificate for localhost."""
    if shutil.which("openssl") is None:
        pytest.skip("makes its certificate with openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    out = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(
        ["openssl", "req", "-x509", *curve, *name, *out], check=True, capture_output=True
    )
    return key, certificate


def test_a_silent_tls_client_keeps_nobody_out(registry, pem_files):
    key, certificate = pem_files
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = MetricsServer("127.0.0.1", 0, registry, context)
    try:
        with _crowd(server, 3):
            trusting = ssl.create_default_context(cafile=str(certificate))
            url = f"https://127.0.0.1:{server.server_port}/metrics"
            with urllib.request.urlopen(url, timeout=5, context=trusting) as answer:
                assert "mbctl_test_rows 42.0" in answer.read().decode()
    finally:
        server.close()
