"""The trainer daemon: durable ingestion, the learner process, policy versions."""
