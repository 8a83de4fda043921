import json

import pandas as pd
import pytest
import torch
from analysis_jobs import write_files

from genir.analyses.query_words import query_words
from genir.base.errors import AnalysisError
from genir.subjects.blocks import Limits
from genir.subjects.subject import QuerySource, load_subject


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    write_files(folder)
    return folder


def _subject(folder):
    source = QuerySource(
        folder / "queries.parquet", folder / "qrels.validation.txt", "validation", 64
    )
    return load_subject(folder / "model", source, Limits(4000))


def _found(folder, subject):
    files = (folder / name for name in ("correct.csv", "queries.parquet", "stages.json"))
    return query_words(subject, *files)


def test_every_word_of_the_correct_queries_is_knocked_out_everywhere(folder):
    subject = _subject(folder)
    table = _found(folder, subject)
    correct = pd.read_csv(folder / "correct.csv")["query_id"].tolist()
    texts = pd.read_parquet(folder / "queries.parquet").set_index("query_id")["text"]
    assert table["query_id"].unique().tolist() == correct
    where = ["layer0", "layer1", "layer2", "I", "II", "III", "all", "mean_state"]
    for query, rows in table.groupby("query_id"):
        assert rows["where"].tolist() == where * len(texts[query].split())
        assert rows["text"].unique().tolist() == list(dict.fromkeys(texts[query].split()))
        assert (rows["of_words"] == len(texts[query].split())).all()
    # Stages of one layer are that layer.
    for layer, stage in (("layer0", "I"), ("layer2", "III")):
        ranks = [
            table.loc[table["where"] == name, "relevant_logit"].tolist() for name in (layer, stage)
        ]
        assert ranks[0] == pytest.approx(ranks[1])


@torch.no_grad()
def test_ranks_are_those_of_the_query_without_the_word(folder):
    """Out of all layers: the decoder reads the encoder's states without those of the word."""
    subject = _subject(folder)
    table = _found(folder, subject)
    row = int((subject.queries.ids == table["query_id"].iloc[0]).argmax())
    first = table[(table["query_id"] == table["query_id"].iloc[0]) & (table["word"] == 0)]
    pieces = int(first["pieces"].iloc[0])
    end = subject.decoder.trace(subject.memory([subject.hidden[row][pieces:]])).states[-1]
    ranks = subject.decoder.unembedding.ranks_and_logits(end, subject.queries.relevant[[row]])
    own = first[first["where"] == "all"].iloc[0]
    assert own["vocabulary_rank"] == int(ranks.vocabulary)
    assert own["relevant_logit"] == pytest.approx(float(ranks.relevant_logit), abs=1e-4)
    assert own["other_logit"] == pytest.approx(float(ranks.other_logit), abs=1e-4)


def test_another_text_than_the_model_read_is_an_error(folder, tmp_path):
    subject = _subject(folder)
    changed = pd.read_parquet(folder / "queries.parquet")
    changed["text"] = changed["text"].str[::-1]
    changed.to_parquet(tmp_path / "queries.parquet")
    with pytest.raises(AnalysisError, match="is another text"):
        query_words(
            subject, folder / "correct.csv", tmp_path / "queries.parquet", folder / "stages.json"
        )
    assert json.loads((folder / "stages.json").read_text())["used"]
