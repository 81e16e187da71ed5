"""Fit a probabilistic ensemble: bootstrap, held-out rows, early stopping, elites; warm-started.

Janner et al. 2019 (MBPO), section 5; Chua et al. 2018, https://arxiv.org/abs/1805.12114.

Deviations from the authors' code, with reason:
    * Held-out errors are in standardised units: raw ones leave the choice of elites to the columns
      that happen to be large.
    * A member keeps its best weights however little they are better; only the decision to stop
      asks for a gain. Weights from before a fit are no candidates: they have seen rows that this
      fit holds out.
    * `model_warm_up`, `model_patience_steps`: a fit may begin with small steps and wait longer than
      some epochs. Adam's first steps, as large as any, make a well fitted model many times
      worse; where rows are few, five epochs are ten steps, and a fit ends before it has recovered.
    * Deviations far below the errors of most held-out rows begin anew, at the size of the error.
    * A fit that comes to numbers that are not finite is refused.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mbctl.models.best_members import BestMembers
from mbctl.models.fit import TransitionData
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble
from mbctl.nn.units import Renewal

SURPRISE = 10.0  # squared error over predicted variance, of the median row

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]  # mean, log-variance, target to [E]


@runtime_checkable
class Penalty(Protocol):
    """A further loss of a fit, summed over members."""

    def begin(self, train: Int[Tensor, "N"]) -> None:
        """The numbers of the rows that are fitted to; the model has this fit's units by now."""
        ...

    def __call__(self, batch: Int[Tensor, "E B"]) -> Float[Tensor, ""]:
        """Of the mini-batch with these row numbers."""
        ...


@runtime_checkable
class FitSettings(Protocol):
    """The settings that a fit reads."""

    @property
    def model_learning_rate(self) -> float: ...
    @property
    def model_batch(self) -> int: ...
    @property
    def model_weight_decay(self) -> tuple[float, ...]: ...
    @property
    def model_bounds_weight(self) -> float: ...
    @property
    def model_bootstrap(self) -> bool: ...
    @property
    def model_holdout(self) -> float: ...
    @property
    def model_holdout_rows(self) -> int: ...
    @property
    def model_patience(self) -> int: ...
    @property
    def model_patience_steps(self) -> int: ...
    @property
    def model_warm_up(self) -> int: ...
    @property
    def model_gain(self) -> float: ...
    @property
    def model_score(self) -> str: ...
    @property
    def model_steps_max(self) -> int: ...


@dataclass(frozen=True)
class FitReport:
    """What a fit came to.

    Attributes:
        loss: mean over members in the last epoch, without penalties.
        score: mean over elites, on held-out rows.
        steps, epochs: how many of each.
    """

    loss: float
    score: float
    steps: int
    epochs: int


class ProbabilisticFitter:
    """Keeps Adam's moments between fits, so that each fit goes on from the last.

    Args:
        model: the ensemble.
        settings: see `FitSettings`. `model_weight_decay` has one entry per layer, or none.
        loss: of each member on its own rows, such as `mbctl.losses.gaussian_nll.gaussian_nll`.
        generator: held-out rows, bootstrap and mini-batch order.

    Raises:
        ValueError: the entries of `model_weight_decay` are not as many as there are layers.
    """

    def __init__(
        self,
        model: ProbabilisticEnsemble,
        settings: FitSettings,
        loss: Loss,
        generator: torch.Generator,
    ) -> None:
        self.model = model
        self.settings = settings
        self.generator = generator
        self._loss = loss
        weights = list(model.network.weights)
        decay = settings.model_weight_decay or (0.0,) * len(weights)
        if len(decay) != len(weights):
            raise ValueError(
                f"model_weight_decay has {len(decay)} entries for {len(weights)} layers: give one "
                "per hidden layer and one for the last, or none"
            )
        # Adam's own weight decay is the gradient of decay |W|^2 / 2 added to the loss.
        groups = [
            {"params": [weight], "weight_decay": amount}
            for weight, amount in zip(weights, decay, strict=True)
        ]
        groups.append({"params": [*model.network.biases, *model.bounds], "weight_decay": 0.0})
        self.optimizer = torch.optim.Adam(groups, lr=settings.model_learning_rate, fused=True)

    def fit(
        self,
        data: TransitionData,
        reward: Float[Tensor, "N"] | None,
        progress: Callable[[float, float], None],
        *,
        images: int = 1,
        penalty: Penalty | None = None,
    ) -> FitReport:
        """Fit until no member has gained for `model_patience` epochs and `model_patience_steps`.

        Args:
            data: training tuples; `weight` is the relative chance to enter a bootstrap sample.
            reward: [N] of each tuple; None where the model does not learn it.
            progress: told (fraction done, mean loss of the members) at each epoch.
            images: how many images of the same N / images rows `data` holds, one set after the
                other. No image of a held-out row is fitted to.
            penalty: further loss.

        Raises:
            FloatingPointError: the fit came to numbers that are not finite.
        """
        warm_up = self.settings.model_warm_up if self.model.fitted else 0
        train, held = self._split(len(data.weight), images)
        seen = None if reward is None else reward[train]
        fitted_to = data.physical[train], data.action[train], data.difference[train], seen
        self.model.fit_statistics(*fitted_to, Renewal(self.optimizer, self.generator))
        inputs = self.model.normalise(self.model.inputs(data.physical, data.action))
        targets = self.model.standard_targets(data.difference, reward)
        drawn = self._bootstrap(train, data.weight)
        if penalty is not None:
            penalty.begin(train)
        return self._search(_Rows(inputs, targets, drawn, held), progress, penalty, warm_up)

    def _search(
        self,
        rows: "_Rows",
        progress: Callable[[float, float], None],
        penalty: Penalty | None,
        warm_up: int,
    ) -> FitReport:
        settings, model = self.settings, self.model
        relative = settings.model_score == "mse"
        self._restart_deviations(rows)
        best = BestMembers(list(model.network.parameters()), model.members)
        steps = epochs = 0
        gained = 0, 0  # steps and epochs at the last gain
        done, loss, waited = 0.0, 0.0, 0.0
        while steps < settings.model_steps_max and waited < 1:
            done = max(done, waited, steps / settings.model_steps_max)
            progress(done, loss)
            taken, loss = self._epoch(rows, steps, penalty, warm_up)
            steps, epochs = steps + taken, epochs + 1
            if best.take(self._scores(rows), settings.model_gain, relative):
                gained = steps, epochs
            waited = self._waited(steps - gained[0], epochs - gained[1])
        best.restore()
        order = torch.argsort(best.score)[: len(model.elite_members)]
        model.elite_members.copy_(order.sort().values)
        report = FitReport(loss, float(best.score[order].mean()), steps, epochs)
        self._check(report)
        return report

    @torch.no_grad()
    def _restart_deviations(self, rows: "_Rows") -> None:
        """Begin anew with deviations far below most errors, as of a column that stood still.

        Their gradient would be hundreds of times that of the rest, and Adam long without a step
        for anything else.
        """
        model = self.model
        inputs = rows.inputs[rows.held].expand(model.members, -1, -1)
        mean, log_variance = model.standard(inputs)
        squared = (mean - rows.targets[rows.held]).square()
        surprise = (squared * (-log_variance).exp()).median(dim=1).values
        model.restart_deviation(surprise > SURPRISE, squared.mean(dim=1))

    def _waited(self, steps: int, epochs: int) -> float:
        """Share of the patience that so many steps and epochs without a gain have used up."""
        settings = self.settings
        of_steps = steps / max(1, settings.model_patience_steps)
        return min(of_steps, epochs / (settings.model_patience + 1))

    def _check(self, report: FitReport) -> None:
        found = math.isfinite(report.loss) and math.isfinite(report.score)
        learned = (*self.model.network.parameters(), *self.model.bounds)
        if not (found and all(bool(values.isfinite().all()) for values in learned)):
            raise FloatingPointError(
                f"the fit of a model came to what is not finite (loss {report.loss:g}, "
                f"score {report.score:g}, {report.steps} steps); look for rows of unusual "
                "size, or lower model_learning_rate"
            )

    def _epoch(
        self, rows: "_Rows", begun: int, penalty: Penalty | None, warm_up: int
    ) -> tuple[int, float]:
        """One pass over the bootstrap samples, in an order of its own for each member.

        `begun` steps of the fit are done; the learning rate grows over its first `warm_up`.

        Returns:
            Steps taken, and the mean loss of the members.
        """
        total, steps = 0.0, 0
        for batch in self._batches(rows.drawn):
            if begun + steps == self.settings.model_steps_max:
                break
            self._set_rate(min(1.0, (begun + steps + 1) / (warm_up + 1)))
            mean, log_variance = self.model.standard(rows.inputs[batch])
            # Summed over members: each one's gradient is that of its own loss.
            loss = self._loss(mean, log_variance, rows.targets[batch]).sum()
            total += float(loss.detach()) / self.model.members
            if self.model.bounds and self.settings.model_bounds_weight > 0:
                high, low = self.model.bounds
                # Chua et al. 2018, appendix A.1: bounds are drawn towards each other.
                loss = loss + self.settings.model_bounds_weight * (high.sum() - low.sum())
            if penalty is not None:
                loss = loss + penalty(batch)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            steps += 1
        return steps, total / steps

    def _set_rate(self, share: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = share * self.settings.model_learning_rate

    def _batches(self, drawn: Tensor) -> Iterator[Tensor]:
        """Row numbers [E, batch]."""
        order = torch.rand(drawn.shape, generator=self.generator, device=drawn.device)
        return iter(drawn.gather(1, order.argsort(dim=1)).split(self.settings.model_batch, dim=1))

    def _split(self, count: int, images: int) -> tuple[Tensor, Tensor]:
        """Numbers of rows to fit to and of rows held out; the same ones where rows are too few."""
        rows = count // images
        held = min(int(self.settings.model_holdout * rows), self.settings.model_holdout_rows)
        order = torch.randperm(rows, generator=self.generator, device=self.generator.device)
        firsts = rows * torch.arange(images, device=order.device)[:, None]
        train = (firsts + order[held:]).flatten()
        return train, order[:held] if held else train

    def _bootstrap(self, train: Tensor, weight: Tensor) -> Tensor:
        """Row numbers [E, N], drawn once per fit; without bootstrap each member has every row."""
        members, count = self.model.members, len(train)
        if not self.settings.model_bootstrap:
            return train.expand(members, count)
        chance = weight[train]
        drawn = torch.multinomial(
            chance.expand(members, count), count, replacement=True, generator=self.generator
        )
        return train[drawn]

    @torch.no_grad()
    def _scores(self, rows: "_Rows") -> Float[Tensor, "E"]:
        """Of each member on held-out rows, the lower the better."""
        inputs = rows.inputs[rows.held].expand(self.model.members, -1, -1)
        targets = rows.targets[rows.held].expand(self.model.members, -1, -1)
        mean, log_variance = self.model.standard(inputs)
        if self.settings.model_score == "mse":
            return (mean - targets).square().mean(dim=(1, 2))
        return self._loss(mean, log_variance, targets)


@dataclass(frozen=True)
class _Rows:
    """Normalised inputs [N, I] and targets [N, D]; numbers of drawn [E, n] and held-out rows."""

    inputs: Tensor
    targets: Tensor
    drawn: Tensor
    held: Tensor
