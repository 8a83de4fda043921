"""Columns come out of a page as they went in."""

import numpy as np
import pytest
from unpacking import unpacked

from genir.base.errors import AnalysisError
from genir.pages.packing import Pack


@pytest.mark.parametrize("largest", [0, 1, 127, 128, 32767, 32768, 2**31 - 1])
def test_whole_numbers_of_every_size(largest):
    values = np.array([[largest, -largest, np.nan], [0, 1, largest // 2]])
    pack = Pack(names=["é", "</script>"])
    pack.add("values", values)
    pack.add("other", np.arange(5))
    facts, columns = unpacked(pack.text())
    assert facts == {"names": ["é", "</script>"]}
    np.testing.assert_array_equal(columns["values"], values)
    np.testing.assert_array_equal(columns["other"], np.arange(5))


def test_fractions_are_kept_to_the_scale():
    values = np.array([0.123456, -7.5, np.nan, 1e4])
    pack = Pack()
    pack.add("values", values, 1000)
    _, columns = unpacked(pack.text())
    np.testing.assert_allclose(columns["values"], values, atol=0.0005)


def test_the_same_data_gives_the_same_text_which_html_leaves_alone():
    texts = []
    for _ in range(2):
        pack = Pack(title="<script>")
        pack.add("values", np.arange(1000) % 7)
        texts.append(pack.text())
    assert texts[0] == texts[1]
    assert texts[0].replace("+", "").replace("/", "").replace("=", "").isalnum()


def test_a_number_that_no_column_holds_is_not_cut():
    with pytest.raises(AnalysisError, match="values holds"):
        Pack().add("values", np.array([2.0**40]))
