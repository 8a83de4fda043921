import json
import xml.etree.ElementTree as ElementTree
from functools import wraps

import pandas as pd
import pytest
import torch
from plain_t5 import DOCUMENTS, FAMILIES, PIECES, plain_logits, plain_ranks, small_model
from tiny_text import SENTINELS, sentences

from genir.analyses.head_lens import head_lens
from genir.analyses.trace_query import TracedModel, read_documents, trace_query
from genir.base.errors import QueryError
from genir.corpora.words import slug
from genir.figures.style import save_figure
from genir.figures.trace import trace_figure
from genir.models.load import save_model
from genir.models.tokenizer import train_tokenizer
from genir.subjects.blocks import Limits
from genir.tables.trace import one_line, trace_page

DOCIDS = {f"d{i:02d}": PIECES + i for i in range(DOCUMENTS)}
TITLES = pd.DataFrame({"doc_id": list(DOCIDS), "title": [f"Title of {name}" for name in DOCIDS]})
QUERY = "broad foot bone"


@pytest.fixture(scope="module", params=FAMILIES)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def folder(family, tmp_path_factory):
    path = tmp_path_factory.mktemp(family)
    tokenizer = train_tokenizer(sentences(), PIECES, SENTINELS)
    save_model(path, small_model(family), tokenizer, DOCIDS)
    TITLES.to_parquet(path / "documents.parquet")
    return path


@pytest.fixture(scope="module")
def traced(folder):
    return TracedModel(folder, TITLES, Limits(4000))


def plain(family, traced, text):
    ids = torch.tensor([traced.tokenizer.encode(text).ids])
    return plain_logits(small_model(family), ids, torch.ones_like(ids))[0]


def test_the_first_documents_are_those_of_the_plain_model(family, traced):
    trace = trace_query(traced, QUERY)
    logits = plain(family, traced, QUERY)
    order = logits[PIECES:].argsort(descending=True)[:10]
    assert [row["doc_id"] for row in trace["documents"]] == [f"d{i:02d}" for i in order.tolist()]
    assert [row["docid_rank"] for row in trace["documents"]] == list(range(1, 11))
    for row in trace["documents"]:
        token = DOCIDS[row["doc_id"]]
        assert row["logit"] == pytest.approx(logits[token].item(), abs=1e-4)
        assert row["title"] == f"Title of {row['doc_id']}"
        wanted = plain_ranks(logits[None], [[token]], torch.arange(len(logits)))
        assert [row["vocabulary_rank"]] == wanted
    assert trace["document"] == trace["documents"][0]


@pytest.mark.parametrize("doc_id", [None, "d07"])
def test_contributions_sum_to_the_logit_and_heads_to_their_component(traced, doc_id):
    trace = trace_query(traced, QUERY, doc_id)
    assert doc_id in (None, trace["document"]["doc_id"])
    parts = trace["contributions"]
    assert len(parts) == 1 + 3 * 3
    total = sum(part["value"] for part in parts)
    assert total == pytest.approx(trace["document"]["logit"], abs=1e-4)
    for layer in range(3):
        (whole,) = (
            part["value"]
            for part in parts
            if part["layer"] == layer and part["component"] == "cross_attention"
        )
        heads = [head["value"] for head in trace["heads"] if head["layer"] == layer]
        assert len(heads) == 3
        assert sum(heads) == pytest.approx(whole, abs=1e-4)


def test_the_lens_after_the_last_layer_is_the_models_rank(traced):
    trace = trace_query(traced, QUERY, "d11")
    (last,) = (row for row in trace["ranks"] if row["layer"] == 2 and row["source"] == "residual")
    for kind in ("vocabulary_rank", "docid_rank"):
        assert last[kind] == trace["document"][kind]
    assert len(trace["ranks"]) == 3 * 3
    assert len({row["vocabulary_rank"] for row in trace["ranks"]}) > 1


def test_heads_say_what_the_head_lens_reads(traced):
    trace = trace_query(traced, QUERY)
    tokens = traced.tokenizer.encode(QUERY).ids
    _, table = head_lens(traced.subject(torch.tensor(tokens).numpy()))
    wanted = [traced.names(token) for token in table["token_id"]]
    assert [name for head in trace["heads"] for name in head["tokens"]] == wanted
    assert any(name.startswith("[d") for name in wanted)
    assert any(not name.startswith("[d") for name in wanted)


def test_white_space_and_case_do_not_matter(traced):
    first, second = (trace_query(traced, text) for text in (QUERY, "  Broad\n\tFOOT bone "))
    assert second.pop("query") == "Broad FOOT bone"
    assert first.pop("query") == QUERY
    assert [row.pop("text").lower() for row in second["words"]] == [
        row.pop("text") for row in first["words"]
    ]
    assert first == second


def test_what_the_tokenizer_does_not_know_is_said(traced):
    trace = trace_query(traced, "broad \u4f60\u597d bone \u4f60\u597d")
    assert trace["unknown_words"] == ["\u4f60\u597d"]
    assert "does not know all of: \u4f60\u597d." in trace_page(trace)
    known = trace_query(traced, QUERY)
    assert known["unknown_words"] == []
    assert "knows every piece" in trace_page(known)


def test_a_query_that_is_cut_says_so(traced):
    whole = trace_query(traced, QUERY)
    cut = trace_query(traced, QUERY, query_tokens=3)
    assert whole["pieces_left_out"] == 0
    assert len(cut["pieces"]) == 3
    assert cut["pieces_left_out"] == len(whole["pieces"]) - 3
    assert f"({cut['pieces_left_out']} more pieces are left out" in trace_page(cut)
    assert "left out" not in trace_page(whole)


@pytest.mark.parametrize(
    "text", ["", " \n", "\u4f60\u597d", "</s>", "<pad> <extra_id_0>", "\u2581"]
)
def test_a_query_without_a_known_piece(traced, text):
    with pytest.raises(QueryError, match=r"has no piece of text .*write words in the language"):
        trace_query(traced, text)


def test_other_mistakes_of_a_query(traced, folder, tmp_path):
    with pytest.raises(QueryError, match="not written in UTF-8"):
        trace_query(traced, "bone \udcff")
    with pytest.raises(QueryError, match=r"'d99' is no document of the model; .*such as 'd00'"):
        trace_query(traced, QUERY, "d99")
    with pytest.raises(QueryError, match="'d03' of the model is not among the documents"):
        TracedModel(folder, TITLES[:3], Limits(4000))
    for path in (tmp_path / "no.parquet", folder / "config.json"):
        with pytest.raises(QueryError, match="cannot be read as documents"):
            read_documents(path)
    TITLES.drop(columns="title").to_parquet(tmp_path / "other.parquet")
    with pytest.raises(QueryError, match="cannot be read as documents") as caught:
        read_documents(tmp_path / "other.parquet")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["$(x_1) bone^2$ | <b>", "a \x07 bone\u2028foot", "{bone} %s \\n"])
def test_any_text_can_be_written_and_drawn(traced, tmp_path, text):
    trace = trace_query(traced, text)
    assert json.loads(json.dumps(trace, allow_nan=False)) == trace
    assert trace_page(trace).startswith(f"# {one_line(text)}\n")
    save_figure(trace_figure(trace), tmp_path / "trace", ["svg"])
    drawn = ElementTree.parse(tmp_path / "trace.svg").getroot()
    assert one_line(text) in "".join(drawn.itertext())


def test_the_page_shows_the_largest_contributions_first(traced):
    trace = trace_query(traced, QUERY)
    section = trace_page(trace).split("## Who writes its logit")[1].split("##")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    shown = [float(line.split("|")[-2]) for line in lines]
    assert len(shown) == 10
    values = sorted((abs(part["value"]) for part in trace["contributions"]), reverse=True)
    assert [abs(value) for value in shown] == pytest.approx(values, rel=0.01)


def test_the_page_and_the_picture_say_what_a_word_does(traced, tmp_path):
    trace = trace_query(traced, QUERY)
    section = trace_page(trace).split("## Which word finds it")[1].split("##")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert [row[0] for row in cells] == QUERY.split()
    for word, row in enumerate(cells):
        own = [part for part in trace["words"] if part["word"] == word]
        assert float(row[2]) == pytest.approx(own[-1]["logit_difference_lost"], rel=0.01)
        most = max(own[:-1], key=lambda part: part["logit_difference_lost"])
        assert int(row[4]) == most["layer"]
    save_figure(trace_figure(trace), tmp_path / "trace", ["svg"])
    drawn = "".join(ElementTree.parse(tmp_path / "trace.svg").getroot().itertext())
    assert "logits lost without a word" in drawn
    for part in trace["words"]:
        assert part["text"] in drawn
        assert f"{round(part['logit_difference_lost'], 1) + 0.0:.1f}" in drawn


def test_without_another_document_nothing_is_lost(family, tmp_path):
    tokenizer = train_tokenizer(sentences(), PIECES, SENTINELS)
    save_model(tmp_path, small_model(family), tokenizer, {"d00": PIECES})
    trace = trace_query(TracedModel(tmp_path, TITLES, Limits(4000)), QUERY)
    assert {row["logit_difference_lost"] for row in trace["words"]} == {None}
    assert "Which word finds it" in trace_page(trace)
    save_figure(trace_figure(trace), tmp_path / "trace", ["svg"])


def test_the_command_writes_json_text_and_pictures(folder, tmp_path, capsys):
    from trace_query import main

    stem = tmp_path / "my.trace"
    main(folder, folder / "documents.parquet", QUERY, stem, "d05", formats=("svg", "png"))
    written = json.loads((tmp_path / "my.trace.json").read_text())
    assert written["document"]["doc_id"] == "d05"
    assert (tmp_path / "my.trace.md").read_text() == trace_page(written)
    assert (tmp_path / "my.trace.md").read_text() in capsys.readouterr().out
    names = {f"my.trace.{suffix}" for suffix in ("json", "md", "html", "svg", "png")}
    assert {path.name for path in tmp_path.iterdir()} == names


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("wide long bone of foot", "wide-long-bone-of-foot-"),
        ("F\u00fc\u00dfe, gr\u00f6\u00dfer!", "fusse-grosser-"),
        ("$(touch x) ../../etc/passwd", "touch-x-etc-passwd-"),
        ("one two three four five six seven eight", "one-two-three-four-five-six-"),
        ("\u4f60\u597d", ""),
        ("", ""),
    ],
)
def test_slugs(text, begins):
    assert slug(text)[:-8] == begins
    assert set(slug(text)[-8:]) <= set("0123456789abcdef")
    assert slug(text) != slug(text + " ")


@pytest.mark.parametrize("doc_id", ["null", "~", "007", "1e5"])
def test_any_document_can_be_asked_for_on_the_command_line(doc_id):
    from jsonargparse import auto_cli
    from trace_query import main

    @wraps(main)
    def asked(**arguments):
        return arguments["doc_id"]

    wanted = ["--model=m", "--documents=d", "--query=q", "--output=o", f"--doc_id={doc_id}"]
    assert auto_cli(asked, args=wanted, as_positional=False) == doc_id
