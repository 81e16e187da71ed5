"""What a trainer writes is its user's alone, and goes through nobody's link."""

import os

from mbctl import exit_codes


def test_everything_in_the_run_directory_is_its_user_s_alone(start_trainer) -> None:
    before = os.umask(0)
    try:
        trainer = start_trainer()
    finally:
        os.umask(before)
    trainer.address()
    made = [trainer.run_dir, *trainer.run_dir.rglob("*")]
    assert len(made) > 3
    assert [str(path) for path in made if path.stat().st_mode & 0o077] == []


def test_a_link_in_the_run_directory_is_not_followed(start_trainer, tmp_path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("kept")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "trainer.lock").symlink_to(precious)
    trainer = start_trainer()
    assert trainer.process.wait(20) == exit_codes.START_UP
    assert "symbolic link" in trainer.log.read_text()
    assert precious.read_text() == "kept"
