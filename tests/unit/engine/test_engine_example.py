"""The example of docs/engine.md, run as it stands."""

from pathlib import Path

import torch
from plain_t5 import docid_tokens, plain_logits, replaced, small_model
from tiny_text import tiny_tokenizer

from genir.models.load import save_model

DOCUMENT = Path(__file__).parents[3] / "docs/engine.md"


def test_the_example_gives_the_ranks_of_plain_hooks(tmp_path, capsys):
    model = small_model()
    save_model(tmp_path, model, tiny_tokenizer(), {"d0": 99})
    example = DOCUMENT.read_text().split("```python\n")[1].split("```")[0]
    queries = ["foot", "hand"]
    given = {"folder": tmp_path, "docid_tokens": docid_tokens(), "queries": queries}
    # The small model has fewer rows than the tokenizer has pieces: words of low ids only.
    ids = [tiny_tokenizer()(query)["input_ids"] for query in queries]
    assert max(map(max, ids)) < 60
    exec(compile(example, str(DOCUMENT), "exec"), given)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 9
    longest = max(map(len, ids))
    padded = torch.tensor([row + [0] * (longest - len(row)) for row in ids])
    mask = (padded != 0).long()
    best = 60 + plain_logits(model, padded, mask)[:, 60:].argmax(1)
    with replaced(model, {(2, "mlp"): torch.zeros(16)}):
        logits = plain_logits(model, padded, mask)
    ranks = 1 + (logits > logits.gather(1, best[:, None])).sum(1)
    assert lines[-1] == f"(2, 'mlp') {ranks.tolist()}"
