"""Answers the control process's questions with the agents of the newest policy versions."""

import time
from collections.abc import Callable

import numpy as np

from mbctl.planners.agent import PlanningAgent, agent_of
from mbctl.planners.planner import PlanError
from mbctl.policies.check import check_snapshot
from mbctl.policies.manifest import SnapshotError
from mbctl.policies.snapshot import load_snapshot
from mbctl.tasks.task import Task
from services.controller.planner.messages import UseVersion
from services.ipc.plan_exchange import PlanExchange, PlanMessage, PlanRequest

VERSIONS_KEPT = 2  # the one in use and the one that takes its place at the next boundary


class PlanServer:
    """Agents by version, and the episode that is under way.

    Args:
        task: what is planned for.
        exchange: where questions come from and plans go to.
        now_ns: CLOCK_MONOTONIC.
        threads: that share the scoring of sequences.
        device: where plans are made: "cpu", "cuda", "cuda:N" or "auto".
    """

    def __init__(
        self,
        task: Task,
        exchange: PlanExchange,
        now_ns: Callable[[], int] = time.monotonic_ns,
        threads: int = 1,
        device: str = "cpu",
    ) -> None:
        self._task = task
        self._device = device
        self._exchange = exchange
        self._now_ns = now_ns
        self._threads = threads
        self._agents: dict[int, PlanningAgent | str] = {}  # or why there is none
        self._seen = 0
        self._episode = (0, 0)  # and the version

    def use(self, message: UseVersion) -> None:
        """Make ready for a version; why that fails is told to who asks for it."""
        self._agents.pop(message.version, None)
        try:
            self._agents[message.version] = self._agent(message)
        except (SnapshotError, ValueError) as error:
            self._agents[message.version] = f"version {message.version} cannot plan: {error}"
        while len(self._agents) > VERSIONS_KEPT:
            self._agents.pop(next(iter(self._agents)))

    def answer_newest(self) -> bool:
        """Answer the newest question, if there is one that has not been answered.

        Raises:
            MalformedPlanError, ValueUnreadableError: the shared memory was overwritten.
        """
        found = self._exchange.newest_request(self._seen)
        if found is None:
            return False
        self._seen, request = found
        self._exchange.answer(self._answered(request))
        return True

    def _agent(self, message: UseVersion) -> PlanningAgent:
        snapshot = load_snapshot(message.path)
        if snapshot.manifest.weights_sha256 != message.weights_sha256:
            raise SnapshotError(
                f"{message.path} holds other weights than the loop has",
                reason="WEIGHTS_HASH_MISMATCH",
            )
        period_s = snapshot.manifest.period_s  # compared when the version was accepted
        check_snapshot(snapshot, self._task, period_s=period_s, dry_run=False)
        agent = agent_of(snapshot, self._task, self._now_ns, self._threads, self._device)
        self._warm_up(agent)
        return agent

    def _warm_up(self, agent: PlanningAgent) -> None:
        """The first plan of a process takes several times as long as the others."""
        task = self._task
        physical, goal = np.zeros(len(task.physical_names)), np.zeros(len(task.goal_names))
        agent.begin(0)
        try:
            agent.plan_next(physical, goal, np.zeros(len(task.robot.joints)))
        except PlanError:
            return  # a state of zeros may be out of the model's reach; the robot's is not

    def _answered(self, request: PlanRequest) -> PlanMessage:
        began_ns = self._now_ns()
        facts = request.episode, request.step, request.policy_version, request.asked_ns
        agent = self._agents.get(request.policy_version, "")
        if isinstance(agent, str):
            error = agent or f"the planner does not have version {request.policy_version} yet"
            return self._refusal(facts, began_ns, error)
        if self._episode != (request.episode, request.policy_version):
            self._episode = request.episode, request.policy_version
            agent.begin(request.seed)
        try:
            plan = agent.plan_step(
                request.step,
                request.physical,
                request.goal,
                request.action,
                request.deadline_ns or None,
                applied=request.applied,
            )
        except (PlanError, ValueError) as error:
            return self._refusal(facts, began_ns, str(error))
        made_ns = self._now_ns()
        numbers = plan.iterations, plan.candidates, plan.value, plan.mean_return, plan.disagreement
        return PlanMessage(*facts, made_ns, made_ns - began_ns, *numbers, plan.actions)

    def _refusal(self, facts: tuple[int, int, int, int], began_ns: int, error: str) -> PlanMessage:
        nothing = np.zeros((0, len(self._task.robot.joints)), dtype=np.float32)
        made_ns = self._now_ns()
        return PlanMessage(*facts, made_ns, made_ns - began_ns, 0, 0, 0.0, 0.0, 0.0, nothing, error)
