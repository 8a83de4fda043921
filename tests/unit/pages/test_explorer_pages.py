"""What an explorer holds of the files it is made of."""

import re

import numpy as np
import pandas as pd
import pytest
from explored_results import HEADS, LAYERS, METHODS, NO_RIVAL, ODD, write_results, write_slices
from unpacking import unpacked

from genir.base.errors import AnalysisError
from genir.base.names import ATTENTIONS, COMPONENTS
from genir.pages import places
from genir.pages.details import sample
from genir.pages.explorer import explored, explorer_page


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return write_results(tmp_path_factory.mktemp("explored"))


def packs_of(page):
    found = dict(re.findall(r'id="pack-([\w-]+)">([^<]*)</script>', page))
    return {name: unpacked(text) for name, text in found.items()}


def made(results, beside=()):
    models = [explored(results, name) for name in ("full", *beside)]
    data, folder = places.dataset(results), places.model_folder(results, "full")
    return explorer_page(results, data, folder, models[0], models[1:])


@pytest.fixture(scope="module")
def page(results):
    return made(results, ["other"])


def test_what_is_there_is_found(results):
    model = explored(results, "full")
    assert (model.layers, model.methods, model.head_methods) == (LAYERS, METHODS, ["mean"])
    assert places.dataset(results).name == "terms"
    read = places.read_by(results, model, [])
    missing = [path for path in read if not path.exists()]
    assert [
        path.stem for path in missing
    ] == "patching_heads contributions rank_development".split()


def test_numbers_are_those_of_the_files(results, page):
    packs = packs_of(page)
    facts, queries = packs["queries"]
    ids = pd.Index(facts["ids"])
    assert queries["test"].tolist() == [0] * 24 + [1] * 24
    for split in ("validation", "test"):
        file = pd.read_parquet(places.ranks(results, "full", split)).set_index("query_id")
        where = ids.get_indexer(file.index)
        np.testing.assert_array_equal(queries["rank"][0][where], file["vocabulary_rank"])
        np.testing.assert_allclose(queries["relevantLogit"][0][where], file["relevant_logit"])
    _, inside = packs["inside-0"]
    clean = pd.read_parquet(places.ranks(results, "full", "validation")).set_index("query_id")
    clean["difference"] = clean["relevant_logit"] - clean["other_logit"]
    for (method, layer, kind), path in places.patches(results, explored(results, "full")).items():
        file = pd.read_parquet(path).set_index("query_id").loc[facts["ids"][:24]]
        place = METHODS.index(method), layer, COMPONENTS.index(kind)
        np.testing.assert_array_equal(inside["patchRank"][place], file["vocabulary_rank"])
        lost = clean["difference"] - (file["relevant_logit"] - file["other_logit"])
        np.testing.assert_allclose(inside["patchLost"][place], lost, atol=0.005)
    lens = pd.read_parquet(places.of_one(results, "rank_development", "full"))
    one = lens[(lens["layer"] == 2) & (lens["source"] == "mlp")].set_index("query_id")
    expected = one.loc[facts["ids"][:24], "vocabulary_rank"]
    np.testing.assert_array_equal(inside["lensRank"][2, 2], expected)


def test_words_and_signed_contributions_are_those_of_the_files(results, page):
    packs = packs_of(page)
    ids = packs["queries"][0]["ids"][:24]
    for number, model in enumerate(("full", "other")):
        facts, inside = packs[f"inside-{number}"]
        words = pd.read_parquet(places.of_one(results, "query_words", model))
        clean = pd.read_parquet(places.ranks(results, model, "validation")).set_index("query_id")
        clean = clean["relevant_logit"] - clean["other_logit"]
        for row in words[::7].itertuples():
            query = ids.index(row.query_id)
            assert inside["words"][query] == 1 + query % 3
            word = int(inside["firstWord"][query]) + row.word
            place = facts["wordPlaces"].index(row.where), word
            assert facts["wordTexts"][word] == row.text
            assert inside["pieces"][word] == row.pieces
            assert inside["wordRank"][place] == row.vocabulary_rank
            lost = clean[row.query_id] - (row.relevant_logit - row.other_logit)
            assert inside["wordLost"][place] == pytest.approx(lost, abs=0.0051)
        assert np.isnan(inside["words"][16:]).all()
        signed = pd.read_parquet(places.of_one(results, "signed_contributions", model))
        for row in signed[(signed["head"] < 0) & (signed["layer"] >= 0)][::5].itertuples():
            place = row.layer, COMPONENTS.index(row.component), ids.index(row.query_id)
            assert inside["signed"][place] == pytest.approx(row.logit_difference, abs=0.00051)
        total = inside["signedStart"] + inside["signed"].sum((0, 1))
        np.testing.assert_allclose(total[:23], clean[ids[:23]], atol=0.01)
        assert np.isnan(total[ids.index(NO_RIVAL)])
    _, heads = packs["heads"]
    signed = pd.read_parquet(places.of_one(results, "signed_contributions", "full"))
    for row in signed[signed["head"] >= 0][::5].itertuples():
        place = row.layer, ATTENTIONS.index(row.component), row.head, ids.index(row.query_id)
        assert heads["headSigned"][place] == pytest.approx(row.logit_difference, abs=0.00051)


def test_a_page_does_without_words_and_signed_contributions(tmp_path):
    results = write_results(tmp_path)
    for name in places.WHERE_THERE:
        places.of_one(results, name, "full").unlink()
    packs = packs_of(made(results))
    assert not {"words", "signed"} & set(packs["inside-0"][1])
    assert "headSigned" not in packs["heads"][1]


def test_words_and_shares_that_do_not_fit_are_refused(tmp_path):
    results = write_results(tmp_path)
    path = places.of_one(results, "query_words", "full")
    words = pd.read_parquet(path)
    pd.concat([words, words[:1]]).to_parquet(path)
    with pytest.raises(AnalysisError, match="two rows of one query and place"):
        made(results)
    words.assign(query_id="nobody").to_parquet(path)
    with pytest.raises(AnalysisError, match="'nobody', which evaluate did not rank"):
        made(results)
    path = places.of_one(results, "signed_contributions", "full")
    shares = pd.read_parquet(path)
    shares.loc[2, "logit_difference"] += 1
    shares.to_parquet(path)
    with pytest.raises(AnalysisError, match=r"another logit difference of query 'q02' .*delete it"):
        made(results)


def test_slices_are_those_of_the_file(results, tmp_path):
    model, data = explored(results, "full"), places.dataset(results)
    slices, folder = write_slices(results), places.model_folder(results, "full")
    page = explorer_page(results, data, folder, model, [], slices)
    facts, columns = packs_of(page)["queries"]
    told = pd.read_parquet(slices).set_index("query_id").loc[facts["ids"]]
    for key, name in (("nearestSlice", "nearest_query"), ("countSlice", "training_queries")):
        assert [facts["thirds"][int(i)] for i in columns[key]] == told[name].tolist()
    np.testing.assert_array_equal(columns["overlap"], told["nearest_overlap"])
    np.testing.assert_array_equal(columns["trainingQueries"], told["training_count"])
    told.reset_index()[1:].to_parquet(tmp_path / "less.parquet")
    with pytest.raises(AnalysisError, match="'q00'"):
        explorer_page(results, data, folder, model, [], tmp_path / "less.parquet")


def test_documents_and_words_have_names(page):
    packs = packs_of(page)
    facts, queries = packs["queries"]
    correct = facts["ids"].index("q00")
    first = [facts["docIds"][int(d)] for d in queries["first"][0][correct]]
    assert first[0] == "d00"
    assert len(first) == 10
    assert facts["titles"][facts["docIds"].index("d00")] == ODD[0]
    heads, columns = packs["heads"]
    assert columns["word"].shape == (LAYERS, HEADS, 3, 24)
    assert heads["words"][int(columns["word"][0, 0, 0, 0])].startswith("[d00 <script>")


def test_no_text_of_a_corpus_is_in_the_markup(page):
    for text in ODD:
        assert text not in page
    assert "http:" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "https:" not in page


def test_a_query_that_evaluate_did_not_rank_is_named(tmp_path):
    results = write_results(tmp_path)
    path = places.of_one(results, "rank_development", "full")
    frame = pd.read_parquet(path)
    frame.loc[0, "query_id"] = "nobody"
    frame.to_parquet(path)
    with pytest.raises(AnalysisError, match="'nobody', which evaluate did not rank"):
        made(results)


def test_rows_of_one_place_are_not_taken_one_for_the_other(tmp_path):
    results = write_results(tmp_path)
    path = places.of_one(results, "contributions", "full")
    frame = pd.read_parquet(path)
    pd.concat([frame, frame[:1]]).to_parquet(path)
    with pytest.raises(AnalysisError, match="two rows of one query"):
        made(results)


def test_what_is_missing_is_asked_for(tmp_path):
    with pytest.raises(AnalysisError, match="run `snakemake` first"):
        explored(tmp_path, "full")
    results = write_results(tmp_path)
    missing = next(iter(places.patches(results, explored(results, "full")).values()))
    missing.unlink()
    with pytest.raises(AnalysisError, match=f"{missing.name} is not there"):
        made(results)


def test_what_no_option_names_is_looked_for(tmp_path):
    with pytest.raises(AnalysisError, match="--folder"):
        places.model_folder(tmp_path, "full")
    with pytest.raises(AnalysisError, match=r"0 datasets .* --data"):
        places.dataset(tmp_path)


def test_a_sample_is_spread_evenly():
    assert sample(10, 20).tolist() == list(range(10))
    assert sample(10, 5).tolist() == [0, 2, 4, 6, 8]
    assert len(set(sample(10_000, 2314).tolist())) == 2314
