import pytest
import synthetic_results as synthetic

from genir.base.names import COMPONENTS
from genir.base.patched_files import patch_files
from genir.files.io import write_parquet
from genir.tables import donors, patching
from genir.tables.page import to_markdown


@pytest.fixture
def clean(tmp_path):
    ranks = list(synthetic.clean_ranks()["vocabulary_rank"])
    return {"full": synthetic.write_ranks(tmp_path, "clean", ranks)}


def swept(folder, methods, given=None):
    """Patches of one layer that change nothing; under donors, of all but the first four queries."""
    for (method, _, _), path in patch_files(folder, methods, range(1)).items():
        ranks = synthetic.clean_ranks()
        some = ranks.assign(donor_logit=3.0)[4:] if method.startswith("donor") else ranks
        write_parquet(path, some)
    return patching.Sweep("full", folder, methods, 1, given)


def test_patching_by_donors_is_over_the_queries_that_have_one(tmp_path, clean):
    table = synthetic.clean_ranks()[["query_id", "doc_id"]]
    table = table.assign(difference=4.0, donor_difference=-4.0)
    table["donor_doc_id"] = [None] * 4 + ["d99"] * 20
    write_parquet(tmp_path / "donors/donor_rival.parquet", table)
    sweep = swept(tmp_path, ["zero", "donor_rival"], tmp_path / "donors")
    made = patching.make([sweep], clean, seed=1)
    vocabulary = made.rows[made.rows["rank_kind"] == "vocabulary"]
    rows = vocabulary[vocabulary["method"] == "donor_rival"]
    assert list(rows["component"]) == list(COMPONENTS)
    assert rows[["n", "repaired_n", "net_n"]].to_numpy().tolist() == [[12, 8, 20]] * 3
    # From 4 to 5 - 3, of the way to -4.
    assert rows["moved_to_donor"].tolist() == [0.25] * 3
    assert rows["moved_to_donor_n"].tolist() == [12] * 3
    others = vocabulary[vocabulary["method"] == "zero"]
    assert others["n"].tolist() == [16] * 3
    assert others["moved_to_donor"].isna().all()
    assert (others["moved_to_donor_n"] == 0).all()
    assert "| 0.250 [0.250, 0.250] | 12 |" in to_markdown(made.shown)


def test_without_a_donor_method_tables_have_no_columns_of_donors(tmp_path, clean):
    made = patching.make([swept(tmp_path, ["zero"])], clean, seed=1)
    assert list(made.rows) == patching.COLUMNS
    assert not [name for name in made.shown if "moved" in name]


def test_donors_are_listed_and_counted(tmp_path, clean):
    found = synthetic.clean_ranks()[["query_id", "doc_id"]].assign(donor_tokens=[[1]] * 24)
    found["donor_id"] = [None] * 7 + ["t1"] * 16 + [""]
    found["donor_text"] = [None] * 7 + ["pain"] * 17
    found["donor_doc_id"] = [None] * 7 + ["d99"] * 17
    write_parquet(tmp_path / "donor_pairs.parquet", found)
    file = donors.DonorFile("full", "donor_pairs", tmp_path / "donor_pairs.parquet")
    table = donors.make([file], clean)
    assert list(table.rows) == donors.COLUMNS
    assert len(table.rows) == 24
    cells = table.rows[["donor_id", "donor_text", "donor_doc_id"]]
    assert cells.iloc[0].tolist() == ["", "", ""]
    assert cells.iloc[23].tolist() == ["", "pain", "d99"]
    row = table.shown.iloc[0]
    assert (row["queries"], row["with a donor"]) == (24, 17)
    assert (row["correct queries"], row["correct with a donor"]) == (16, 9)
    assert row["without"] == "q00, q01, q02, q03, q04, ..."
