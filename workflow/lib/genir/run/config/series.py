"""Is a series right? Its models, and what it says of them."""

from typing import Any

from genir.base.errors import ConfigError
from genir.run.config import values
from genir.run.config.messages import require

Config = dict[str, Any]


def check_series(config: Config) -> None:
    """Raise ConfigError for the first model of a series that is none, for numbers beside words, for
    numbers that are all equal, and for a value that the model's own settings contradict."""
    for name, series in config.get("series", {}).items():
        key = f"series.{name}.models"
        for model in series["models"]:
            require(f"{key}.{model}", model, config["models"], "models")
        said = series["models"]
        words = [model for model, value in said.items() if isinstance(value, str)]
        if words and len(words) < len(said):
            raise ConfigError(
                f"{key}.{words[0]}: {said[words[0]]!r} is a word, other models have numbers; write "
                "a number for every model, or words for all"
            )
        if len(set(said.values())) == 1:
            raise ConfigError(
                f"{key}: all models have {next(iter(said.values()))}; write models that differ in "
                f"{series['quantity']}"
            )
        for model, value in said.items():
            _check_value(f"{key}.{model}", config, model, series["quantity"], value)


def _check_value(key: str, config: Config, model: str, quantity: str, value: Any) -> None:
    """A number that the configuration has itself must be that one."""
    there = _configured(config, model, quantity)
    if isinstance(value, str) or not isinstance(there, int | float) or there == value:
        return
    raise ConfigError(
        f"{key}: {value} is not the {quantity} of models.{model}, which has {there}; write "
        f"{there}, or change the model"
    )


def _configured(config: Config, model: str, quantity: str) -> Any:
    """The value of a quantity that is a key of a model's dataset or fine-tuning, or the steps of
    the pre-training that it starts from; None of any other."""
    entry = config["models"][model]
    if quantity == "pretraining_steps":
        start = entry.get("start", {})
        if start.get("type") != "pretraining":
            return None
        return start.get("step", config["pretraining"]["training"]["steps"])
    tuned = values.finetuning(config, model) if values.is_trained(entry) else {}
    return (config["datasets"][entry["dataset"]] | tuned).get(quantity)
