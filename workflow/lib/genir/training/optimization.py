"""Optimiser and learning-rate schedule shared by pre-training and fine-tuning."""

from collections.abc import Iterable
from typing import Any, Protocol

import torch
from torch.optim.lr_scheduler import LambdaLR

from genir.training.docid_rate import DocidRate


class Schedule(Protocol):
    """The keys of a training configuration that the optimiser reads."""

    @property
    def steps(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def warmup_steps(self) -> int: ...
    @property
    def decay_fraction(self) -> float: ...


def learning_rate_factor(step: int, config: Schedule) -> float:
    """Linear warm-up to 1, then 1, then linear decay to 0 over the last `decay_fraction`."""
    decay_steps = max(1, round(config.steps * config.decay_fraction))
    warmup = (step + 1) / max(1, config.warmup_steps)
    decay = (config.steps - step) / decay_steps
    return max(0.0, min(1.0, warmup, decay))


class CpuAdafactor(torch.optim.Adafactor):
    """torch's Adafactor with the same steps in half the time on a CPU: one scratch matrix per
    shape, column means as a product with ones, nothing computed twice. Without weight decay."""

    # As they are below a decorator that keeps torch's compiler off them, for which it imports the
    # compiler: a second, and nothing is compiled here.
    add_param_group = torch.optim.Optimizer.add_param_group.__wrapped__
    zero_grad = torch.optim.Optimizer.zero_grad.__wrapped__
    state_dict = torch.optim.Optimizer.state_dict.__wrapped__
    load_state_dict = torch.optim.Optimizer.load_state_dict.__wrapped__

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        scratch: dict[torch.Size, torch.Tensor] = {}
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    update = scratch.setdefault(weight.shape, torch.empty_like(weight))
                    self._move(weight, update, group)

    def _move(self, weight: torch.Tensor, update: torch.Tensor, group: dict[str, Any]) -> None:
        """One step of one weight, in the notation of Shazeer and Stern (2018), algorithm 5."""
        state, gradient = self.state[weight], weight.grad
        if not state:
            _add_state(state, gradient)
        state["step"] += 1
        step = state["step"].item()
        decay = step ** group["beta2_decay"]
        epsilon = group["eps"][0] or torch.finfo(weight.dtype).eps
        torch.mul(gradient, gradient, out=update)
        if weight.dim() > 1:
            rows, columns = state["row_var"], state["col_var"]
            rows.lerp_(update.mean(1, keepdim=True), decay)
            columns.lerp_(update.new_full((1, len(update)), 1 / len(update)) @ update, decay)
            torch.mul(rows / rows.mean().clamp_(min=epsilon), columns, out=update)
        else:
            update.copy_(state["variance"].lerp_(update, decay))
        update.clamp_(min=epsilon**2).rsqrt_().mul_(gradient)
        scale = max(group["eps"][1], _root_mean_square(weight))
        size = scale * min(float(group["lr"]), step**-0.5)
        weight.add_(update, alpha=-size / max(1.0, _root_mean_square(update) / group["d"]))


def _add_state(state: dict[str, Any], gradient: torch.Tensor) -> None:
    state["step"] = torch.zeros(())
    if gradient.dim() > 1:
        state["row_var"] = gradient.new_zeros(len(gradient), 1)
        state["col_var"] = gradient.new_zeros(1, gradient.shape[1])
    else:
        state["variance"] = torch.zeros_like(gradient)


def _root_mean_square(values: torch.Tensor) -> float:
    return values.norm().item() / values.numel() ** 0.5


def build_optimizer(
    weights: Iterable[torch.nn.Parameter], config: Schedule, docids: DocidRate | None = None
) -> tuple[torch.optim.Optimizer, LambdaLR]:
    """Adafactor (Shazeer and Stern 2018) of `weights`, with steps relative to each matrix's scale.

    T5 initialises embeddings with standard deviation 1, so an absolute step of usual size hardly
    moves them; relative steps do. Rows of `docids` have a rate of their own, with the same warm-up
    and decay.
    """
    weights = list(weights)
    on_cpu = weights[0].device.type == "cpu"
    adafactor = CpuAdafactor if on_cpu else torch.optim.Adafactor
    rate = config.learning_rate
    if docids is None or docids.learning_rate == rate:
        optimizer = adafactor(weights, lr=rate)
    else:
        optimizer = adafactor(docids.groups(weights), lr=rate)
        docids.attach(optimizer)
    return optimizer, LambdaLR(optimizer, lambda step: learning_rate_factor(step, config))
