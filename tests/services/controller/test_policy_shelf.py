"""The controller's copies of versions are the trainer's files, byte for byte."""

import json
from hashlib import sha256

from mbctl.policies.snapshot import snapshot_from_bytes
from mbctl.tasks.registry import make_task
from services.controller.policy_shelf import PolicyShelf


def test_a_kept_version_has_the_hash_that_its_trainer_names(tmp_path, policy):
    manifest, weights = policy(1).files
    sent = json.dumps(json.loads(manifest)).encode()  # of a trainer that writes it in other words
    task = make_task("dclaw-turn-random")
    shelf = PolicyShelf(tmp_path, task, task.period_s)
    shelf.keep(shelf.checked(snapshot_from_bytes(sent, weights)))
    assert shelf.holds(1, sha256(sent).hexdigest())
    assert shelf.read(1).files == (sent, weights)
