import math

import pandas as pd
import pytest
from analysis_jobs import write_files
from plain_t5 import DOCUMENTS

from genir.analyses.query_words import query_words
from genir.analyses.trace_query import TracedModel, trace_query
from genir.subjects.blocks import Limits
from genir.subjects.subject import QuerySource, load_subject


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("traced")
    write_files(folder)
    return folder


@pytest.fixture(scope="module")
def traced(folder):
    titles = pd.DataFrame({"doc_id": [f"d{i:02d}" for i in range(DOCUMENTS)], "title": "title"})
    return TracedModel(folder / "model", titles, Limits(4000))


def test_words_of_a_trace_are_those_of_the_query_among_all(folder, traced):
    files = [folder / name for name in ("queries.parquet", "qrels.validation.txt")]
    subject = load_subject(folder / "model", QuerySource(*files, "validation", 64), Limits(4000))
    others = [folder / name for name in ("correct.csv", "queries.parquet", "stages.json")]
    table = query_words(subject, *others)
    texts = pd.read_parquet(folder / "queries.parquet").set_index("query_id")["text"]
    query = table["query_id"].iloc[-1]
    own = table[table["query_id"] == query]
    trace = trace_query(traced, texts[query], own["doc_id"].iloc[0])
    row = subject.queries.ids.tolist().index(query)
    clean = subject.decoder.unembedding.ranks_and_logits(
        subject.trace()[1].states[-1][[row]], subject.queries.relevant[[row]]
    )
    before = float(clean.relevant_logit - clean.other_logit)
    places = {f"layer{layer}": layer for layer in range(3)} | {"all": None}
    own = own[own["where"].isin(places)]
    assert len(trace["words"]) == len(own) > 8
    for found, wanted in zip(trace["words"], own.itertuples(), strict=True):
        assert (found["word"], found["text"], found["pieces"]) == wanted[3:6]
        assert found["layer"] == places[wanted.where]
        assert found["vocabulary_rank"] == wanted.vocabulary_rank
        assert found["docid_rank"] == wanted.docid_rank
        lost = before - (wanted.relevant_logit - wanted.other_logit)
        assert found["logit_difference_lost"] == pytest.approx(lost, abs=1e-4)
    assert max(abs(row["logit_difference_lost"]) for row in trace["words"]) > 0.01


def test_a_word_that_is_cut_off_has_no_row(traced):
    whole = trace_query(traced, "broad foot bone")["words"]
    cut = trace_query(traced, "broad foot bone", query_tokens=3)["words"]
    assert {row["text"] for row in whole} == {"broad", "foot", "bone"}
    assert {row["text"] for row in cut} < {"broad", "foot", "bone"}
    assert all(math.isfinite(row["logit_difference_lost"]) for row in whole)
