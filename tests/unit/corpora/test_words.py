import pytest

from genir.corpora.words import content_words, fold, singular, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Broad metatarsal", "broad metatarsals"),
        ("Long bone, wide", "wide long bone"),
        ("Ménière disease", "Meniere DISEASE"),
        ("X-linked", "x linked"),
        ("abnormalities", "Abnormality"),
        ("skin rashes", "Rash (skin)"),
    ],
)
def test_fold_ignores_case_punctuation_order_accents_and_plural(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("mass", "mas"), ("iris", "iri"), ("bus", "bu")])
def test_words_that_only_look_plural_keep_their_ending(one, other):
    assert fold(one) != fold(other)


def test_fold_is_its_own_fold():
    for text in ("Wide long bones of foot", "Café au lait spots", "", "2-3 toe syndactyly"):
        assert fold(fold(text)) == fold(text)


def test_words_keep_order_and_digits():
    assert words("2-3 toe_Syndactyly!") == ["2", "3", "toe", "syndactyly"]


def test_content_words_leave_out_function_words():
    assert content_words("The bones of the foot") == frozenset({"bone", "foot"})
    assert content_words("of the") == frozenset()


@pytest.mark.parametrize(
    ("plural", "expected"),
    [("bodies", "body"), ("boxes", "box"), ("toes", "toe"), ("gas", "gas"), ("toe", "toe")],
)
def test_singular(plural, expected):
    assert singular(plural) == expected
