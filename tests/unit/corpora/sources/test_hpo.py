import pytest

from genir.base.errors import SourceError
from genir.corpora.sources import hpo
from genir.corpora.sources.hpo import build_corpus, names_alone
from genir.corpora.verbatim import occur_verbatim
from genir.corpora.words import fold

OBO = r"""format-version: 1.2
data-version: hp/releases/2025-01-16

[Term]
id: HP:1
name: Broad metatarsal
def: "Increased \"width\" of a metatarsal\, see foot." [PMID:1]
synonym: "Wide long bone of foot" EXACT layperson []
synonym: "broad metatarsals" EXACT []
synonym: "Foot bone, wide long of" EXACT []
synonym: "Shared words" EXACT []
synonym: "Long second name" EXACT []
synonym: "Thick \"foot\"" EXACT []

[Term]
id: HP:2
name: Second long name
def: "Another definition." []
synonym: "Words, shared" EXACT []

[Term]
id: HP:3
name: Undefined
synonym: "Without definition" EXACT []

[Term]
id: HP:4
name: Gone
def: "Old." []
synonym: "thick foot" EXACT []
is_obsolete: true

[Typedef]
id: part_of
"""


@pytest.fixture
def built():
    return build_corpus(hpo.parse(OBO).terms)


def test_documents_are_the_live_terms_with_a_definition(built):
    documents = built[0].documents
    assert documents["doc_id"].tolist() == ["HP:1", "HP:2"]
    assert documents["title"].tolist() == ["Broad metatarsal", "Second long name"]
    assert documents["text"][0] == 'Increased "width" of a metatarsal, see foot.'


def test_queries_are_the_synonyms_that_name_one_term_in_new_words(built):
    corpus, _ = built
    assert corpus.queries["query_id"].tolist() == ["HP:1-0", "HP:1-5"]
    assert corpus.queries["text"].tolist() == ["Wide long bone of foot", 'Thick "foot"']
    assert corpus.qrels["doc_id"].tolist() == ["HP:1", "HP:1"]


def test_every_dropped_synonym_is_counted(built):
    _, counts = built
    assert counts["dropped"] == {
        "synonyms_of_terms_without_definition": 1,
        "synonyms_equal_to_the_name": 1,
        "synonyms_equal_to_an_earlier_query": 1,
        "synonyms_that_name_two_terms": 3,
    }
    assert counts["queries"] + sum(counts["dropped"].values()) == counts["synonyms"]


def test_the_installed_ontology():
    ontology = hpo.parse(hpo.installed_file().read_text(encoding="utf-8"))
    corpus, counts = build_corpus(ontology.terms)
    assert (counts["live_terms"], counts["documents"]) == (19034, 16449)
    assert counts["queries"] + sum(counts["dropped"].values()) == counts["synonyms"]
    assert corpus.queries["query_id"].is_unique
    merged = corpus.queries.merge(corpus.qrels, on="query_id")
    assert not merged.assign(key=merged["text"].map(fold))["key"].duplicated().any()


@pytest.mark.parametrize("text", ["", "data-version: 1\n", "[Term]\nid: HP:1\n"])
def test_an_ontology_without_release_or_terms_is_an_error(text):
    with pytest.raises(SourceError, match=r"hp\.obo holds no data-version line or no term"):
        hpo.parse(text)


def test_names_alone_are_those_of_terms_without_definition():
    assert names_alone(hpo.parse(OBO).terms) == ["Undefined"]


def test_verbatim_needs_the_words_in_a_row():
    texts = ["Increased width of a metatarsal.", "Foot"]
    queries = [
        "WIDTH of, a",
        "width metatarsal",
        "metatarsal foot",
        "foot",
        "",
        "of a metatarsal x",
    ]
    assert occur_verbatim(queries, texts) == [True, False, False, True, False, False]


def test_verbatim_equals_a_plain_search():
    texts = ["a b a b c", "c c a", "b", "a b a"]
    queries = [
        " ".join(letters) for letters in ("a", "ab", "aba", "abab", "cca", "cb", "bc", "abc")
    ]
    plain = [any(f" {query} " in f" {text} " for text in texts) for query in queries]
    assert occur_verbatim(queries, texts) == plain
