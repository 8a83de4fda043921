import math

import pandas as pd
import pytest

from genir.analyses.bm25 import document_texts, rank_documents, tokens

DOC_IDS = ["d1", "d2", "d3", "d4"]
TEXTS = ["wide bone of the foot", "bone marrow", "wide nose, wide mouth", "short foot foot foot"]


def _plain_scores(query: str) -> list[float]:
    """Lucene's BM25, term by term."""
    documents = [tokens(text) for text in TEXTS]
    mean = sum(map(len, documents)) / len(documents)
    scores = [0.0] * len(documents)
    for term in tokens(query):
        holding = sum(term in document for document in documents)
        idf = math.log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))
        for i, document in enumerate(documents):
            tf = document.count(term)
            scores[i] += idf * tf / (tf + 1.5 * (1 - 0.75 + 0.75 * len(document) / mean))
    return scores


@pytest.mark.parametrize(
    "query", ["wide feet bone", "foot", "marrow of bones", "wide", "mouth foot"]
)
def test_ranking_equals_the_formula(query):
    scores = _plain_scores(query)
    expected = sorted(range(4), key=lambda i: (-round(scores[i], 5), i))
    ranking = rank_documents(DOC_IDS, TEXTS, [query], depth=4)
    assert ranking.tolist() == [[DOC_IDS[i] for i in expected]]


def test_unknown_words_leave_the_documents_in_their_order():
    assert rank_documents(DOC_IDS, TEXTS, ["zebra", ""], depth=3).tolist() == [DOC_IDS[:3]] * 2


def test_depth_is_limited_by_the_number_of_documents():
    assert rank_documents(DOC_IDS, TEXTS, ["foot"], depth=100).shape == (1, 4)


def test_training_queries_are_added_to_their_own_document():
    documents = pd.DataFrame(
        {"doc_id": ["d1", "d2"], "title": ["One", "Two"], "text": ["first", "second"]}
    )
    training = pd.DataFrame({"doc_id": ["d2", "d2"], "text": ["zwei", "deux"]})
    assert document_texts(documents, training, with_queries=False) == ["One first", "Two second"]
    added = document_texts(documents, training, with_queries=True)
    assert added == ["One first ", "Two second zwei deux"]
    assert rank_documents(["d1", "d2"], added, ["deux"], depth=1).tolist() == [["d2"]]
