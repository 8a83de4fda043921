"""A model folder that this version of transformers wrote, read and written without it.

Its import takes longer than some trainings, and such a folder is written again as it was: the same
configuration and tokenizer beside other weights.
"""

from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from safetensors.torch import save_file

from genir.engine.model_json import read_object
from genir.engine.t5 import load_t5
from genir.files.io import write_json
from genir.models.docids import read_tokenizer
from genir.models.tokens import read_pieces

CONFIG, GENERATION, TOKENIZER = "config.json", "generation_config.json", "tokenizer_config.json"


def can_be_plain(folder: Path | str) -> bool:
    """Whether a folder is a T5 that the installed transformers wrote, with its tokenizer."""
    folder = Path(folder)
    if not all((folder / name).is_file() for name in (CONFIG, GENERATION, TOKENIZER)):
        return False
    config, generation = read_object(folder / CONFIG), read_object(folder / GENERATION)
    by = {said.get("transformers_version") for said in (config, generation)}
    tokenizer, pieces = read_object(folder / TOKENIZER), read_tokenizer(folder)
    return (
        (by, config.get("model_type")) == ({version("transformers")}, "t5")
        and tokenizer.get("backend") == "tokenizers"
        and not (pieces.get("padding") or pieces.get("truncation"))
    )


class PlainConfig(SimpleNamespace):
    """The keys of a config.json as attributes."""

    def to_dict(self) -> dict[str, Any]:
        """All of them."""
        return dict(vars(self))


class PlainT5(torch.nn.Module):
    """The weights of a T5 in float32, under the names that they have in
    `T5ForConditionalGeneration`, and what else of that class a training uses; it has no `forward`.

    Raises ModelError and DamagedFileError as `load_t5` and reading its weights.
    """

    def __init__(self, folder: Path | str) -> None:
        super().__init__()
        self.config = PlainConfig(**read_object(Path(folder) / CONFIG))
        self.generation = read_object(Path(folder) / GENERATION)
        for name, tensor in load_t5(folder).weights.items():
            *places, last = name.split(".")
            module: torch.nn.Module = self
            for place in places:
                if place not in dict(module.named_children()):
                    module.add_module(place, torch.nn.Module())
                module = module.get_submodule(place)
            module.register_parameter(last, torch.nn.Parameter(tensor.clone()))
        if not hasattr(self, "lm_head"):
            self.lm_head = torch.nn.Module()
            self.lm_head.weight = self.shared.weight
        self.encoder.config = self.decoder.config = self.config
        self.eval()

    def set_input_embeddings(self, embedding: torch.nn.Embedding) -> None:
        """Put another token embedding in place of the one there is."""
        self.shared = embedding

    def num_parameters(self) -> int:
        """How many numbers are trained, a tied projection counted once."""
        return sum(weight.numel() for weight in self.parameters())

    def save_pretrained(self, folder: Path) -> None:
        """Write weights and configuration as transformers does."""
        config = self.config.to_dict() | {"dtype": "float32"}
        write_json(folder / CONFIG, dict(sorted(config.items())))
        write_json(folder / GENERATION, self.generation)
        weights = {name: weight.data.contiguous() for name, weight in self.named_parameters()}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


class PlainTokenizer:
    """The tokenizer of such a folder. Raises ModelError and DamagedFileError as `read_pieces`."""

    def __init__(self, folder: Path | str) -> None:
        self.backend_tokenizer = read_pieces(folder)
        self.init_kwargs = read_object(Path(folder) / TOKENIZER)

    def save_pretrained(self, folder: Path) -> None:
        """Write both files as transformers does, which notes where it read them."""
        self.backend_tokenizer.save(str(folder / "tokenizer.json"))
        settings = self.init_kwargs | {"is_local": True, "local_files_only": True}
        write_json(folder / TOKENIZER, dict(sorted(settings.items())))
