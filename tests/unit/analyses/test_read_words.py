from genir.analyses.read_words import Word, words_of


def test_a_word_is_all_tokens_that_end_in_it():
    offsets = [(0, 2), (2, 5), (5, 6), (6, 11), (0, 0)]
    assert words_of("dizzy spell", offsets) == [Word("dizzy", (0, 1)), Word("spell", (3,))]
    assert words_of("dizzy spell", offsets[:2]) == [Word("dizzy", (0, 1))]
    assert words_of("  ", [(0, 0)]) == []
