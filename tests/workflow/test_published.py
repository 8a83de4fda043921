"""From the hub to ranks: a published checkpoint with its authors' data, nothing trained."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from conftest import REPOSITORY
from fake_hub import NOBODY, serving
from transformers import AutoTokenizer, T5Config, T5ForConditionalGeneration

REVISION = "c3" * 20
QUERIES, DOCUMENTS = 40, 30
WORDS = ["long bone", "wide foot", "small hand", "pale skin", "weak grip", "deep voice", "red eye"]
TEXTS = [f"{WORDS[i % 7]} of {WORDS[(i * 3 + 1) % 7]} number {i}" for i in range(QUERIES)]
CONFIG = {
    "headline_model": "dsi",
    "corpora": {"hpo": None, "authors": {"source": "published"}},
    "datasets": {
        "hpo-2k": None,
        "authors": {"corpus": "authors", "documents": "all", "minimum_queries": 1,
                    "below_minimum": "keep", "split": "given", "seed": 1},
    },
    "models": {
        "full": None,
        "random_start": None,
        "dsi": {
            "dataset": "authors",
            "hub": {"id": "me/dsi", "encoder_layers": 2, "decoder_layers": 3},
            "start": {"type": "hub", "id": "me/t5", "encoder_layers": 2, "decoder_layers": 3},
        },
    },
}  # fmt: skip


def _model(rows: int, seed: int) -> T5ForConditionalGeneration:
    torch.manual_seed(seed)
    shape = {"d_model": 16, "d_ff": 24, "d_kv": 4, "num_heads": 3, "num_layers": 2}
    config = T5Config(
        vocab_size=rows, num_decoder_layers=3, decoder_start_token_id=0, pad_token_id=0, **shape
    )
    return T5ForConditionalGeneration(config).eval()


def _files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@torch.no_grad()
def _first(model: T5ForConditionalGeneration, tokenizer, text: str) -> int:
    """The token with the highest logit."""
    ids = tokenizer(text, return_tensors="pt").input_ids
    start = torch.zeros(1, 1, dtype=torch.long)
    return int(model(input_ids=ids, decoder_input_ids=start, use_cache=False).logits[0, 0].argmax())


@pytest.fixture(scope="module")
def authors(tmp_path_factory):
    """Repositories of a hub, and a folder with config, documents and queries. The first half of the
    queries gets the document that the checkpoint puts first, which its large docid rows see to."""
    folder = tmp_path_factory.mktemp("authors")
    tokenizer = AutoTokenizer.from_pretrained(REPOSITORY / "resources/mini-t5")
    _model(len(tokenizer), 1).save_pretrained(folder / "start")
    tokenizer.save_pretrained(folder / "start")
    ids = [n if n % 2 else -n - 10**17 for n in range(DOCUMENTS)]
    tokenizer.add_tokens([f"@DOC_ID_{n}@" for n in ids])
    model = _model(len(tokenizer) + 5, 2)
    docid_tokens = tokenizer.convert_tokens_to_ids([f"@DOC_ID_{n}@" for n in ids])
    model.shared.weight.data[docid_tokens] *= 30
    model.save_pretrained(folder / "dsi")
    tokenizer.save_pretrained(folder / "dsi")
    document_of = dict(zip(docid_tokens, ids, strict=True))
    relevant = [document_of.get(_first(model, tokenizer, text), ids[0]) for text in TEXTS]
    relevant[QUERIES // 2 :] = [ids[1]] * (QUERIES // 2)
    queries = [
        {"id": f"Q{i}", "query": text, "relevant_docs": [doc_id]}
        for i, (text, doc_id) in enumerate(zip(TEXTS, relevant, strict=True))
    ]
    corpus = CONFIG["corpora"]["authors"]
    for name, content in {
        "documents": [{"id": n, "text": f"text of document {n}"} for n in ids],
        "train_queries": [{"id": "T", "query": "train", "relevant_docs": [ids[2]]}],
        "validation_queries": queries[::2],
        "test_queries": queries[1::2],
    }.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
        corpus[name] = str(folder / f"{name}.json")
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    names = {"models/me/t5": "start", "models/me/dsi": "dsi"}
    return folder, {name: {REVISION: _files(folder / own)} for name, own in names.items()}


def _firsts(folder: Path) -> pd.Series:
    tokenizer = AutoTokenizer.from_pretrained(folder / "dsi")
    model = T5ForConditionalGeneration.from_pretrained(folder / "dsi").eval()
    queries = json.loads((folder / "validation_queries.json").read_text())
    token = {q["id"]: f"@DOC_ID_{q['relevant_docs'][0]}@" for q in queries}
    return pd.Series(
        {
            q["id"]: _first(model, tokenizer, q["query"])
            == tokenizer.convert_tokens_to_ids(token[q["id"]])
            for q in queries
        }
    )


def test_without_a_lock_every_run_says_to_fetch(snakemake, authors, tmp_path):
    config = authors[0] / "config.yaml"
    done = snakemake(tmp_path, "-n", "--configfile", config)
    assert done.returncode != 0
    for key, name in (("hub", "me/dsi"), ("start", "me/t5")):
        said = f"models.dsi.{key}: nothing says which revision of {name} is meant"
        assert said in done.stdout
    assert "Run `snakemake fetch` once" in done.stdout
    assert "Traceback" not in done.stdout
    costs = snakemake(tmp_path, "costs", "--configfile", config)
    assert costs.returncode == 0, costs.stdout
    assert "| dsi | patch_component |" in costs.stdout


def test_a_published_checkpoint_is_fetched_and_taken_apart(
    snakemake, authors, tmp_path, monkeypatch
):
    folder, repositories = authors
    config = folder / "config.yaml"
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_ENDPOINT", NOBODY)
    broken = snakemake(tmp_path, "fetch", "--configfile", config)
    assert broken.returncode != 0
    assert "HubError: models.dsi.hub: me/dsi: the hub cannot be reached" in broken.stdout
    with serving(repositories) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        done = snakemake(tmp_path, "fetch", "--configfile", config)
    assert done.returncode == 0, done.stdout[-3000:]
    lock = yaml.safe_load((tmp_path / "config/revisions.lock.yaml").read_text())
    assert lock == {"models": {"me/t5": REVISION, "me/dsi": REVISION}}

    monkeypatch.setenv("HF_ENDPOINT", NOBODY)
    ranks = "results/evaluate/dsi/validation.ranks.parquet"
    patched = "results/patch_stage/dsi/pretrained/II.cross_attention.parquet"
    wanted = [ranks, patched, "results/rank_development/dsi.parquet"]
    done = snakemake(tmp_path, "--configfile", config, "--", *wanted)
    assert done.returncode == 0, done.stdout[-3000:]
    assert os.sep + "finetune" not in done.stdout

    found = pd.read_parquet(tmp_path / ranks).set_index("query_id")["vocabulary_rank"]
    assert (found == 1).equals(_firsts(folder).reindex(found.index))
    assert 5 <= (found == 1).sum() < len(found)
    after = pd.read_parquet(tmp_path / patched).set_index("query_id")["vocabulary_rank"]
    assert not after.equals(found)
    development = pd.read_parquet(tmp_path / wanted[2])
    last = development.query("source == 'residual' and layer == layer.max()")
    assert last.set_index("query_id")["vocabulary_rank"].equals(found)


def test_paper_scale_says_to_fetch_and_costs_what_the_readme_says(snakemake, tmp_path):
    paper = REPOSITORY / "config/paper.yaml"
    done = snakemake(tmp_path, "-n", "--configfile", paper)
    assert done.returncode != 0
    assert "google-t5/t5-large is meant. Run `snakemake fetch` once" in done.stdout
    costs = snakemake(tmp_path, "costs", "--configfile", paper)
    assert costs.returncode == 0, costs.stdout
    readme = (REPOSITORY / "config/README.md").read_text().splitlines()
    shown = [line for line in readme if line.startswith("| nq")]
    assert len(shown) > 20
    assert [line for line in shown if line not in costs.stdout.splitlines()] == []
