"""Are the layers right that a configuration names: stages, and parts that are trained?"""

from pathlib import Path
from typing import Any

from genir.base.errors import ConfigError
from genir.run.config import values


def check_stages(key: str, stages: dict[str, list[int]], layers: int) -> None:
    """Stages must cover the decoder layers in order, without gap or overlap."""
    begin = 0
    for name in ("I", "II", "III"):
        first, last = stages[name]
        if first != begin:
            raise ConfigError(
                f"{key}.{name}: begins with layer {first}; the stages must follow one another "
                f"without gap or overlap: write {begin} first"
            )
        if last < first:
            raise ConfigError(
                f"{key}.{name}: [{first}, {last}] runs backwards; write [first layer, last layer]"
            )
        begin = last + 1
    if begin != layers:
        raise ConfigError(
            f"{key}.III: ends with layer {begin - 1}, but the model has {layers} decoder layers; "
            f"write {layers - 1} last"
        )


def check_trainable(config: dict[str, Any], name: str, base: Path, repository: Path) -> None:
    """The parts of a model that are trained must be parts of it."""
    if values.is_trained(config["models"][name]):
        try:
            values.trainable(config, name, base, repository)
        except ConfigError as error:
            own = "trainable" in config["models"][name].get("finetuning", {})
            key = f"models.{name}.finetuning.trainable" if own else "finetuning.trainable"
            whose = "" if own else f"models.{name} has it: "
            raise ConfigError(f"{key}: {whose}{error}") from None
