"""Refits on demand, their cancelling and limits; versions fetched, watched, promoted."""

import itertools
from pathlib import Path

import grpc
import pytest

from mbctl.policies.snapshot import snapshot_from_bytes
from protos import trainer_pb2, trainer_pb2_grpc
from services.errors import ServiceError


def refused(act) -> tuple[grpc.StatusCode, str, str]:
    with pytest.raises(ServiceError) as caught:
        act()
    return caught.value.code, caught.value.reason, caught.value.message


def call(client, method: str, **fields):
    stub = trainer_pb2_grpc.ModelServiceStub(client.caller.channel)
    request = getattr(trainer_pb2, f"{method}Request")(**fields)
    return client.caller.call(getattr(stub, method), request)


def stream(client, method: str, **fields):
    stub = trainer_pb2_grpc.ModelServiceStub(client.caller.channel)
    request = getattr(trainer_pb2, f"{method}Request")(**fields)
    return client.caller.stream(getattr(stub, method), request)


def test_refits_on_demand(start_trainer, sender, make_chunks, eventually) -> None:
    trainer = start_trainer(initial_rows=80, rows_per_refit=1000, step_s=0.02, limit=2.5)
    with trainer.client() as client:
        robot = sender(client)
        eventually(lambda: client.status().newest_version == 1)
        code, reason, message = refused(client.refit)
        assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NOT_ENOUGH_ROWS")
        assert "0 training rows are stored, the first refit needs 80" in message

        robot.send(make_chunks(80))
        eventually(lambda: client.status().newest_version == 2)
        robot.send(make_chunks(120, first=81))
        seen = []
        version = client.refit().wait(lambda m: seen.append((m.phase, m.fraction, m.epochs)))
        assert (version.version.version, version.version.train_rows) == (3, 120)
        fractions = [fraction for _, fraction, _ in seen]
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1.0
        assert {"REFIT", "PUBLISH"} <= {phase for phase, _, _ in seen}
        assert client.status().next_refit_at_rows == 1080

        # 80 + 120 drawn for 120 rows; another 120 would be 2.67 of them per row
        code, reason, message = refused(client.refit)
        assert (code, reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "SAMPLES_PER_INSERT")
        assert "2.67" in message
        assert client.status().samples_per_insert == pytest.approx(200 / 120)


def test_cancelling_and_repeating(start_trainer, sender, make_chunks, eventually) -> None:
    """A cancelled refit leaves no trace: the one after it equals one that never had it before."""
    trainer = start_trainer(rows_per_refit=1000, steps=40, step_s=0.05)
    with trainer.client() as client:
        sender(client).send(make_chunks(120))
        status = eventually(lambda: (s := client.status()).phase == "REFIT" and s)
        assert status.train_rows_used == 80
        running = call(client, "Refit", request_id="one")
        assert call(client, "Refit", request_id="one").name == running.name
        queued = client.refit()
        scheduled = next(o for o in operations(client) if not o.done)
        queued.cancel()
        assert refused(queued.wait)[1] == "CANCELLED"
        cancel(client, scheduled.name)
        eventually(lambda: operation(client, scheduled.name).done)
        assert operation(client, scheduled.name).error.code == 1
        eventually(lambda: client.status().newest_version == 2)
        assert client.versions()[0].train_rows == 120
        assert operation(client, running.name).done
        weights = fetched(client, 2).manifest.weights_sha256
    other = start_trainer("other", initial_rows=120, rows_per_refit=1000, steps=40)
    with other.client() as client:
        sender(client).send(make_chunks(120))
        eventually(lambda: client.status().newest_version == 2)
        assert fetched(client, 2).manifest.weights_sha256 == weights


def operations(client):
    from google.longrunning import operations_proto_pb2 as longrunning

    request = longrunning.ListOperationsRequest(name="operations/refits/")
    return client.caller.call(client.caller.operations.ListOperations, request).operations


def operation(client, name: str):
    return next(o for o in operations(client) if o.name == name)


def cancel(client, name: str) -> None:
    from google.longrunning import operations_proto_pb2 as longrunning

    request = longrunning.CancelOperationRequest(name=name)
    client.caller.call(client.caller.operations.CancelOperation, request)


def fetched(client, version: int):
    files: dict[str, bytes] = {}
    for part in stream(client, "FetchVersion", version=version):
        assert part.offset == len(files.get(part.name, b""))
        assert len(part.data) <= 1024 * 1024
        files[part.name] = files.get(part.name, b"") + part.data
    return snapshot_from_bytes(files["manifest.json"], files["policy.safetensors"])


def test_versions_are_watched_fetched_and_promoted(
    start_trainer, sender, make_chunks, eventually
) -> None:
    trainer = start_trainer()
    with trainer.client() as client:
        eventually(lambda: client.status().newest_version == 1)
        watched = stream(client, "WatchVersions", after_version=0)
        assert (next(watched).version, fetched(client, 1).manifest.train_rows) == (1, 0)
        sender(client).send(make_chunks(120))
        assert [v.version for v in itertools.islice(watched, 2)] == [2, 3]
        eventually(lambda: client.status().phase == "WAITING")

        assert client.promote(2).promoted
        again = next(watched)
        assert (again.version, again.promoted) == (2, True)
        late = stream(client, "WatchVersions", after_version=3)
        assert next(late).version == 2
        late.close()
        sender(client).send(make_chunks(160, first=121))
        newest = next(watched)
        assert (newest.version, newest.promoted) == (4, False)
        assert client.status().promoted_version == 2
        watched.close()

        pages = [call(client, "ListVersions", page_size=3)]
        pages.append(call(client, "ListVersions", page_token=pages[0].next_page_token))
        assert [[v.version for v in page.versions] for page in pages] == [[4, 3, 2], [1]]
        refusals(client, trainer.run_dir)
    assert trainer.stop() == 0
    trainer = start_trainer()
    with trainer.client() as client:
        eventually(lambda: client.status().phase == "WAITING")
        assert client.status().promoted_version == 2
        client.promote(4)
        sender(client).send(make_chunks(200, first=161))
        eventually(lambda: client.status().promoted_version == 5)


def refusals(client, run_dir: Path) -> None:
    unknown = (grpc.StatusCode.NOT_FOUND, "UNKNOWN_VERSION", "there is no version 9")
    for act in (lambda: client.promote(9), lambda: fetched(client, 9)):
        assert refused(act)[:2] == unknown[:2]
        assert unknown[2] in refused(act)[2]
    for method, fields in (
        ("ListVersions", {"page_size": -1}),
        ("ListVersions", {"page_token": "x"}),
        ("ListMetrics", {"after_refit": -1}),
    ):
        assert refused(lambda m=method, f=fields: call(client, m, **f))[1] == "FIELD_INVALID"
    for method, fields in (
        ("WatchVersions", {"after_version": -1}),
        ("WatchTrainerStatus", {"period_ms": 5}),
    ):
        assert refused(lambda m=method, f=fields: list(stream(client, m, **f)))[1] == (
            "FIELD_INVALID"
        )
    manifest = run_dir / "versions" / "000003" / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b"rad", b"deg"))
    assert refused(lambda: fetched(client, 3))[:2] == (
        grpc.StatusCode.DATA_LOSS,
        "VERSION_DAMAGED",
    )


def test_status_is_watched(start_trainer) -> None:
    trainer = start_trainer()
    with trainer.client() as client:
        seen = list(itertools.islice(client.watch_status(0.05), 3))
        assert {status.task for status in seen} == {"dclaw-turn-random"}
        assert seen[0].database == str(trainer.run_dir / "trainer.db")
