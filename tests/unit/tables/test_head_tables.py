"""Tables of direct contribution, docid shares and top tokens."""

from itertools import product

import pandas as pd
import pytest
import synthetic_results as synthetic
from plain_t5 import DOCUMENTS
from tiny_text import tiny_tokenizer

from genir.base.errors import AnalysisError
from genir.files.io import write_json
from genir.models.token_names import TokenNames, load_token_names, shortened
from genir.tables import direct_contribution, docid_share, signed_contributions, top_tokens

IN_TEXT = synthetic.PAPER / "in_text_numbers.csv"
SHARES = synthetic.PAPER / "table5_docid_share.csv"
DOCIDS = {f"d{i:02d}": 200 + i for i in range(DOCUMENTS)}


def one(frame, **wanted):
    for name, value in wanted.items():
        frame = frame[frame[name] == value]
    assert len(frame) == 1
    return frame.iloc[0]


def write(path, frame):
    frame.to_parquet(path)
    return path


@pytest.fixture
def clean(tmp_path):
    return write(tmp_path / "clean.parquet", synthetic.clean_ranks())


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "model"
    path.mkdir()
    tiny_tokenizer().backend_tokenizer.save(str(path / "tokenizer.json"))
    write_json(path / "config.json", {"model_type": "t5", "vocab_size": 200 + DOCUMENTS})
    write_json(path / "docids.json", DOCIDS)
    return path


def test_signed_contributions(tmp_path, clean):
    """Queries without a rival are left out, and n says so."""
    names = pd.DataFrame(
        [(-1, "embedding", -1), (0, "mlp", -1), (0, "self_attention", 1)],
        columns=["layer", "component", "head"],
    )
    values = {"embedding": 0.5, "mlp": -2.0, "self_attention": 1.0}
    frame = synthetic.ranks([1] * 24)[["query_id", "doc_id"]].iloc[2:].merge(names, how="cross")
    frame["logit_difference"] = frame["component"].map(values)
    files = {"full": write(tmp_path / "signed.parquet", frame)}
    table = signed_contributions.make(files, {"full": clean}, seed=1)
    assert list(table.rows.columns) == signed_contributions.COLUMNS
    correct = one(table.rows, queries="correct", layer=0, component="mlp", head=-1)
    assert correct[["value", "low", "high", "n"]].tolist() == [-2, -2, -2, 14]
    assert one(table.rows, queries="failed", component="self_attention", head=1)["n"] == 8
    assert set(table.rows["queries"]) == {"correct", "failed"}
    assert "self_attention" not in table.shown.columns


def test_direct_contribution(tmp_path, clean):
    parts = {
        "mlp": [1] * 4 + [3] * 12 + [200] * 8,
        "cross_attention": [101] * 24,
        "self_attention": [11] * 24,
    }
    frame = pd.concat(synthetic.ranks(ranks).assign(source=name) for name, ranks in parts.items())
    files = {"full": write(tmp_path / "direct.parquet", frame)}
    table = direct_contribution.make(files, {"full": clean}, IN_TEXT, seed=1)
    shown, table = table.shown, table.rows
    assert list(table.columns) == direct_contribution.COLUMNS
    correct = {"queries": "correct", "rank_kind": "vocabulary"}
    mlp = {"source": "mlp"} | correct
    assert one(table, measure="percent_not_first", **mlp)["value"] == 75
    assert one(table, measure="percent_ranked_2_to_10", **mlp)["value"] == 75
    assert one(table, measure="percent_beyond_100", **mlp)[["value", "low"]].tolist() == [0, 0]
    assert one(table, measure="percent_beyond_100", **mlp)["high"] > 0
    assert one(table, measure="median_rank", **mlp)["value"] == 3
    failed = mlp | {"queries": "failed", "measure": "percent_beyond_100"}
    assert one(table, **failed)[["value", "n"]].tolist() == [100, 8]
    # synthetic docid ranks are at most 3
    docid = {"queries": "all", "rank_kind": "docid", "source": "cross_attention"}
    assert one(table, measure="percent_beyond_100", **docid)["value"] == 0
    own = {"source": "self_attention"} | correct
    assert one(table, measure="percent_ranked_2_to_10", **own)["value"] == 0
    assert one(table, measure="percent_beyond_100", **own)["value"] == 0
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()
    row = one(shown, queries="correct", source="mlp")
    assert row[paper_column(shown)] == "33 % not first, none beyond 10"
    row = one(shown, queries="correct", source="cross_attention")
    assert row[paper_column(shown)] == "all beyond 100"
    assert set(shown.loc[shown["queries"] != "correct", paper_column(shown)]) == {""}


def paper_column(shown):
    return next(name for name in shown.columns if "(paper)" in name)


def shares():
    """Share = 10 * layer + head for a head, 90 for the whole component; failed queries 5 more."""
    base = synthetic.clean_ranks()[["query_id", "doc_id"]]
    extra = pd.Series([0.0] * synthetic.CORRECT + [5.0] * (len(base) - synthetic.CORRECT))
    return pd.concat(
        base.assign(
            layer=layer, head=head, top=top, share=(90 if head < 0 else 10 * layer + head) + extra
        )
        for layer, head, top in product(range(4), (-1, 0, 1), (10, 100, 1000))
    )


def test_docid_share(tmp_path, clean, folder):
    files = {"full": write(tmp_path / "shares.parquet", shares())}
    stages = {"full": synthetic.write_stages(tmp_path)}
    arguments = (files, {"full": clean}, stages, {"full": folder}, SHARES)
    table = docid_share.make(*arguments, seed=1).rows
    assert list(table.columns) == docid_share.COLUMNS
    head = {"queries": "correct", "unit": "head", "top": 100}
    assert one(table, stage="I", **head)["value"] == pytest.approx(0.5)
    assert one(table, stage="II", **head)["value"] == pytest.approx(15.5)
    assert one(table, stage="II", **head)["n"] == 16
    assert one(table, stage="III", **head | {"queries": "failed"})["value"] == pytest.approx(35.5)
    whole = {"unit": "component", "queries": "correct", "top": 10}
    assert one(table, stage="I", **whole)["value"] == pytest.approx(90)
    assert set(table["base_rate"]) == {100 * DOCUMENTS / (200 + DOCUMENTS)}
    assert set(table["stages"]) == {"imposed"}
    given = table.dropna(subset="paper")
    assert given[["queries", "unit", "stage"]].drop_duplicates().values.tolist() == [
        ["correct", "head", "II"]
    ]
    assert dict(zip(given["top"], given["paper"], strict=True)) == {10: 0, 100: 0.1, 1000: 2.3}
    assert table["unit"].drop_duplicates().tolist() == ["head", "component"]
    shown = docid_share.shown(table)
    row = one(shown, queries="correct", unit="head", stage="II")
    assert row[paper_column(shown)] == "0 / 0.1 / 2.3"
    assert row["% of top 100"].startswith("15.5 [")


def test_no_docid_at_all_still_has_an_interval(tmp_path, clean, folder):
    files = {"full": write(tmp_path / "shares.parquet", shares().assign(share=0.0))}
    stages = {"full": synthetic.write_stages(tmp_path)}
    arguments = (files, {"full": clean}, stages, {"full": folder}, SHARES)
    table = docid_share.make(*arguments, seed=1).rows
    assert (table["value"] == 0).all()
    assert (table["high"] > 0).all()


def tokens():
    """Position p of head h says piece 20 + p + h; the first position the query's document."""
    base = synthetic.clean_ranks()[["query_id", "doc_id"]]
    return pd.concat(
        base.assign(layer=layer, head=head, position=position).assign(
            token_id=base["doc_id"].map(DOCIDS) if position == 1 else 20 + position + head
        )
        for layer, head, position in product(range(4), (0, 1), range(5, 0, -1))
    )


def files_of(folder, tmp_path, clean):
    documents = pd.DataFrame({"doc_id": list(DOCIDS), "title": "A title of one document | more"})
    queries = pd.DataFrame({"query_id": synthetic.query_ids(), "text": "some\ntext"})
    return top_tokens.TopTokensFiles(
        model="full",
        tokens=write(tmp_path / "tokens.parquet", tokens()),
        clean=clean,
        stages=synthetic.write_stages(tmp_path),
        folder=folder,
        documents=write(tmp_path / "documents.parquet", documents),
        queries=write(tmp_path / "queries.parquet", queries),
    )


def test_top_tokens(tmp_path, clean, folder):
    files = files_of(folder, tmp_path, clean)
    made = top_tokens.make([files], examples=3, seed=1)
    frame, text = made.rows, made.shown
    assert len(frame) == 6 * 4 * 2
    assert frame.groupby("queries")["query_id"].nunique().to_dict() == {"correct": 3, "failed": 3}
    ranks = synthetic.clean_ranks().set_index("query_id")["vocabulary_rank"]
    assert ((frame["query_id"].map(ranks) == 1) == (frame["queries"] == "correct")).all()
    row = frame[(frame["layer"] == 2) & (frame["head"] == 1)].iloc[0]
    pieces = [tiny_tokenizer().convert_ids_to_tokens(20 + p + 1).strip("▁") for p in range(2, 6)]
    assert row["tokens"] == " ".join([f"[{row['doc_id']}]", *pieces])
    assert rf"[{row['doc_id']} A title of one document \| more]" in text
    assert list(frame.columns) == top_tokens.COLUMNS
    assert made.note.startswith("Here the heads of Stage II (full: layers 1-2)")
    assert text.count("### full, correct: some text -> [d") == 3
    assert text.count("\n| 1 | ") == text.count("\n| 2 | ") == 6 * 2
    assert "\n| 0 | " not in text


@pytest.mark.parametrize("part", ["tokens", "queries", "documents"])
def test_top_tokens_that_lack_a_query_or_document(tmp_path, clean, folder, part):
    files = files_of(folder, tmp_path, clean)
    write(getattr(files, part), pd.read_parquet(getattr(files, part)).iloc[:0])
    with pytest.raises(AnalysisError, match=rf"{part}\.parquet lacks "):
        top_tokens.make([files], examples=3, seed=1)


def test_examples_are_a_draw_by_seed(clean):
    ranks = pd.read_parquet(clean)

    def drawn(seed, frame=ranks):
        return top_tokens.drawn_queries(frame, 4, seed, "full")["query_id"].tolist()

    assert drawn(1) == drawn(1, ranks.sample(frac=1, random_state=3))
    assert drawn(1) != drawn(2)
    few = top_tokens.drawn_queries(ranks, 100, 1, "full")
    assert few["queries"].value_counts().to_dict() == {"correct": 16, "failed": 8}


def test_token_names(folder):
    names = load_token_names(folder)
    assert names(205) == "[d05]"
    assert names(199) == "<199>"
    titled = TokenNames(tiny_tokenizer().backend_tokenizer, {"d5": 205}, {"d5": "A\ntitle"})
    assert titled(205) == "[d5 A title]"
    piece = tiny_tokenizer().convert_tokens_to_ids("▁")
    assert titled(piece) == "▁"
    assert shortened("x" * 31) == "x" * 29 + "…"
    assert shortened("x" * 30) == "x" * 30
