"""The processes that train one model together, as `accelerate launch` starts them.

Every process holds the whole model and computes some of the parts of a batch. Gradients are added
up by hand and not by torch's DistributedDataParallel, which acts on calls of a module's `forward`:
fine-tuning computes its logits from the weights alone (`one_step.py`). The sum of the same parts is
the same in any number of processes, to rounding; of two parts in two processes to the bit.
"""

import atexit
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch

from genir.base.errors import TrainingError
from genir.base.progress import LOGGER
from genir.engine.devices import best_device


@dataclass(frozen=True)
class Processes:
    """This process is number `index` of `count`, and computes on `device`."""

    index: int
    count: int
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Whether this is the one that logs and writes."""
        return self.index == 0

    def own_parts(self, parts: int) -> range:
        """Numbers of the parts that this process computes. Raises TrainingError if there are not
        as many for every process."""
        if parts % self.count:
            raise TrainingError(
                f"accumulation: {self.count} processes (gpus x nodes) cannot share a batch in "
                f"{parts} parts; write {self.count}, or a multiple of it, for accumulation in the "
                "settings of this training"
            )
        return range(self.index, parts, self.count)

    def add_up(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replace every tensor by its sum over all processes, in one exchange: tensor by tensor
        takes several times as long."""
        if self.count > 1:
            from accelerate.utils import reduce

            summed = reduce(torch.cat([tensor.flatten() for tensor in tensors]), "sum")
            sizes = [tensor.numel() for tensor in tensors]
            for tensor, part in zip(tensors, summed.split(sizes), strict=True):
                tensor.copy_(part.view_as(tensor))

    def check_agreement(self, step: int) -> None:
        """Raises TrainingError unless all processes go on after the same step."""
        total = torch.tensor([step], dtype=torch.float64, device=self.device)
        self.add_up([total])
        if total.item() != step * self.count:
            raise TrainingError(
                f"process {self.index} goes on after step {step}, others elsewhere; put the folder "
                "of the results on a file system that all nodes share, and start again"
            )


@cache
def this_process() -> Processes:
    """Alone, or one of those that `accelerate launch` started. Raises TrainingError where there are
    fewer GPUs than processes."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Processes(0, 1, best_device())
    on_cpu, here = best_device().type == "cpu", int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if not on_cpu and torch.cuda.device_count() < here:
        raise TrainingError(
            f"{here} processes on a machine with {torch.cuda.device_count()} GPUs; ask for as many "
            "with the resource gpus"
        )
    from accelerate import PartialState

    state = PartialState(cpu=on_cpu)
    atexit.register(state.destroy_process_group)
    if not state.is_main_process:
        LOGGER.setLevel(logging.ERROR)
    return Processes(state.process_index, state.num_processes, state.device)
