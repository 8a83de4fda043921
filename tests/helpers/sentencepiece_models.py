"""Small sentencepiece models as T5s have them: T5's own unigram pieces, and Llama's BPE."""

from pathlib import Path
from typing import Any

import sentencepiece
from tiny_text import sentences

KINDS: dict[str, dict[str, Any]] = {
    "t5": {"model_type": "unigram", "vocab_size": 50, "pad_id": 0, "eos_id": 1, "unk_id": 2,
           "bos_id": -1},
    "llama": {"model_type": "bpe", "vocab_size": 330, "unk_id": 0, "bos_id": 1, "eos_id": 2,
              "pad_id": -1, "byte_fallback": True, "split_digits": True,
              "normalization_rule_name": "identity", "remove_extra_whitespaces": False},
}  # fmt: skip


def write_pieces(path: Path, kind: str, **changed: Any) -> None:
    """Train a model of a kind, with some of the trainer's settings changed."""
    with open(path, "wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences()),
            model_writer=file,
            character_coverage=1.0,
            minloglevel=2,
            **KINDS[kind] | changed,
        )
