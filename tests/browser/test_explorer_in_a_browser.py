"""The explorer in a real browser that has no network."""

import pandas as pd
import pytest
from explored_results import LAYERS, NO_RIVAL, ODD, PLACES

from genir.base.names import COMPONENTS
from genir.files.io import read_csv
from genir.pages import places

pytestmark = pytest.mark.browser

DRAWN = "document.documentElement.dataset.drawn"
WORDS, SIGNED = "Without one of its words", "Who writes the logit difference"
QUERY = "document.querySelector('article.query')?.dataset.query"


def opened(page, file, fragment=""):
    page.open(file, fragment)
    page.wait(DRAWN)
    return page


def count(page):
    return page.text("#count").split(" queries")[0]


def choose(page, label, value):
    page.run(
        f"(() => {{ const s = document.querySelector('select[aria-label=\"{label}\"]');"
        f"s.value = '{value}'; s.dispatchEvent(new Event('change')); }})()"
    )


def numbers_of(page, card):
    """What a card's picture shows, as rows of text, the first its head."""
    found = f"document.querySelector('main [aria-label=\"{card}\"]')"
    page.run(f"{found}.querySelector('details').open = true")
    page.wait(f"{found}.querySelectorAll('tbody tr').length")
    return page.run(
        f"[...{found}.querySelectorAll('tr')].map((r) => [...r.children].map((c) => c.innerText))"
    )


def shown_query(page, number):
    page.wait(f"{QUERY} === '{number}'")


def test_it_loads_asks_nobody_and_says_no_error(page, explorer, pictures):
    opened(page, explorer)
    assert page.requests == [explorer.resolve().as_uri()]
    assert page.errors == []
    assert page.text("#name") == "full on terms"
    assert count(page) == "48 of 48"
    page.picture(pictures / "explorer.png")


def test_numbers_shown_are_those_of_the_files(page, results, explorer):
    opened(page, explorer, "q=q20")
    ranks = pd.read_parquet(places.ranks(results, "full", "validation")).set_index("query_id")
    row = ranks.loc["q20"]
    facts = page.text(".facts")
    assert f"vocabulary rank {row['vocabulary_rank']}" in facts
    assert f"docid rank {row['docid_rank']}" in facts
    difference = row["relevant_logit"] - row["other_logit"]
    assert f"difference {difference:.0f}" in facts
    lens = pd.read_parquet(places.of_one(results, "rank_development", "full"))
    lens = lens[(lens["query_id"] == "q20") & (lens["source"] == "residual")]
    page.run("document.querySelector('[aria-label^=\"Where the document\"] summary').click()")
    page.wait("document.querySelectorAll('[aria-label^=\"Where the document\"] tbody tr').length")
    for layer, rank, docid in lens[["layer", "vocabulary_rank", "docid_rank"]].itertuples(False):
        row = page.run(
            "document.querySelectorAll('[aria-label^=\"Where the document\"] tbody tr')"
            f"[{layer}].children[1].innerText"
        )
        assert row == f"rank {rank:,} (docid rank {docid})"


@pytest.mark.parametrize(("model", "name"), [(0, "full"), (1, "other")])
def test_words_shown_are_those_of_the_file(page, results, explorer, model, name):
    opened(page, explorer, f"q=q05&model={model}")
    head, *rows = numbers_of(page, WORDS)
    assert head[1:] == ODD[:3]
    told = pd.read_parquet(places.of_one(results, "query_words", name))
    told = told[told["query_id"] == "q05"]
    shown = ["Stage I", "Stage II", "Stage III", "all layers", "mean state"]
    shown += [f"decoder layer {layer}" for layer in range(LAYERS)]
    assert [row[0] for row in rows] == shown
    order = [*PLACES[LAYERS:], *PLACES[:LAYERS]]
    for word, own in told.groupby("word"):
        own = own.set_index("where").loc[order]
        tokens = f"{word + 1} tokens" if word else "token"
        for row, after in zip(rows, own.itertuples(), strict=True):
            said = row[1 + word]
            assert f"vocabulary rank 1 before, {after.vocabulary_rank} after; logit diff" in said
            difference = after.relevant_logit - after.other_logit
            lost = float(said.split("so ")[1].split(" lost")[0])
            assert lost == pytest.approx(2 - difference, abs=0.0051)
            how = "with the mean state" if row[0] == "mean state" else "unseen"
            assert said.endswith(f"lost (its {tokens} {how}; n = 1 query)")


def test_signed_contributions_shown_are_those_of_the_file(page, results, explorer):
    opened(page, explorer, "q=q20&with=q20&under=1")
    told = pd.read_parquet(places.of_one(results, "signed_contributions", "full"))
    told = told[told["query_id"] == "q20"].set_index(["component", "layer", "head"])
    told = told["logit_difference"]
    own = f"document.querySelector('article [aria-label=\"{SIGNED}\"]')"
    start = told["embedding", -1, -1]
    said = page.run(f"{own}.querySelector('p').innerText")
    assert f"up to -6.000 logits, with {start:.3f} of the start token's embedding; n = 1" in said
    for part, named in {
        "components": [(kind, -1) for kind in COMPONENTS],
        "self_attention": [("self_attention", head) for head in range(2)],
        "cross_attention": [("cross_attention", head) for head in range(2)],
    }.items():
        choose(page, "Parts", part)
        _, *rows = numbers_of(page, SIGNED)
        assert [row[0] for row in rows] == [str(layer) for layer in range(LAYERS)]
        for layer, row in enumerate(rows):
            for said, (kind, head) in zip(row[1:], named, strict=True):
                value, rest = said.split(" ", 1)
                assert float(value) == pytest.approx(told[kind, layer, head], abs=0.00051)
                assert rest == "of -6.000 logits of difference (n = 1 query)"
    beside = page.run(f"document.querySelectorAll('[aria-label=\"{SIGNED}\"] .read').length")
    assert beside == 2


def test_what_was_not_measured_is_said_with_n(page, explorer):
    opened(page, explorer, f"q={NO_RIVAL}")
    said = page.text(f'[aria-label="{WORDS}"]')
    assert "correct queries alone: n = 16 of 24 validation queries of full." in said
    assert "nothing was measured" in said
    said = page.text(f'[aria-label="{SIGNED}"]')
    assert "there is no rival and no difference; n = 23 of 24 validation queries of full" in said
    assert page.errors == []


def test_no_text_becomes_markup(page, explorer):
    opened(page, explorer)
    for number, text in enumerate(ODD):
        page.press("a") if number == 0 else page.press("ArrowDown")
        page.run(f"document.querySelector('[data-query=\"{number}\"].entry').click()")
        shown_query(page, number)
        assert text in page.run("document.querySelector('article h2').textContent")
        assert text in page.text(".cards")
    assert page.run("window.wrong") is None
    assert page.run("document.querySelectorAll('main script, main img, #list b').length") == 0
    assert page.errors == []


def test_search_filters_and_order(page, explorer):
    opened(page, explorer)
    page.press("/")
    page.type("BOLD")
    page.wait("document.querySelector('#count').innerText.startsWith('6 of')")
    page.run("const s = document.querySelector('#controls input'); s.value = '';"
             "s.dispatchEvent(new Event('input'))")  # fmt: skip
    assert count(page) == "48 of 48"
    choose(page, "Split", "test")
    assert count(page) == "24 of 48"
    choose(page, "Rank", "ranked 2 to 10")
    assert count(page) == "8 of 48"
    choose(page, "Words", "unshared")
    assert count(page) == "2 of 48"
    choose(page, "Words", "")
    choose(page, "Rank", "")
    choose(page, "Slice", "nearestSlice high")
    assert count(page) == "6 of 48"
    choose(page, "Split", "")
    assert count(page) == "12 of 48"
    page.run("document.querySelector('.entry').click()")
    page.wait("document.querySelector('.facts').innerText.includes('nearest one 0.750')")
    assert "training queries of its documents 3" in page.text(".facts")
    for label in ("Split", "Rank", "Words", "Slice"):
        choose(page, label, "")
    choose(page, "Order", "worst")
    assert page.text(".entry .place") == "7"


def test_keys_move_between_queries_and_cells(page, explorer):
    opened(page, explorer)
    page.press("ArrowDown")
    shown_query(page, 1)
    page.press("ArrowDown")
    page.press("ArrowUp")
    shown_query(page, 1)
    page.run("document.querySelector('[aria-label^=\"One component replaced:\"]').focus()")
    page.press("ArrowRight")
    page.press("ArrowRight")
    page.press("ArrowDown")
    said = page.text('[aria-label="One component replaced"] .read')
    assert said.startswith("cross-attention, decoder layer 1: vocabulary rank 1 before, 1 after")
    assert "logit difference 2.00 before, 2.00 after, so 0.00 lost (mean; n = 1 query)" in said
    page.press("ArrowRight")
    page.press("ArrowRight")
    said = page.text('[aria-label="One component replaced"] .read')
    assert (
        "layer 3: vocabulary rank 1 before, 41 after; logit difference 2.00 before, -40.00 " in said
    )
    assert "so 42.00 lost" in said
    shown_query(page, 1)
    page.press("Escape")
    page.press("a")
    page.wait("document.querySelector('#show-all').getAttribute('aria-pressed') === 'true'")


def test_from_a_cell_to_the_queries_that_break_there(page, explorer, pictures):
    opened(page, explorer, "view=all")
    page.run("document.querySelector('[aria-label^=\"One component replaced:\"]').focus()")
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight"):
        page.press(key)
    said = page.text('[aria-label="One component replaced"] .read')
    assert said.startswith("self-attention, decoder layer 3: 12.5 [3.25, 37.5] percent")
    assert said.endswith("n = 16)")
    page.picture(pictures / "all_queries.png")
    page.press("Enter")
    page.wait("document.querySelector('#count').innerText.startsWith('3 of')")
    entries = page.run("[...document.querySelectorAll('.entry')].map((e) => e.dataset.query)")
    assert entries == ["0", "1", "2"]
    page.click("#count button")
    assert count(page) == "48 of 48"


def test_all_queries_show_the_tables_of_words_and_of_the_logit_difference(page, results, explorer):
    opened(page, explorer, "view=all")
    choose(page, "Queries", "failed")
    own = read_csv(places.table(results, "signed_contributions"))
    own = own[(own["queries"] == "failed") & (own["head"] < 0)].set_index(["layer", "component"])
    _, *rows = numbers_of(page, SIGNED)
    for layer, row in enumerate(rows):
        for said, kind in zip(row[1:], COMPONENTS, strict=True):
            value = float(said.split(" [")[0])
            assert value == pytest.approx(own.loc[(layer, kind), "value"], rel=0.01)
            assert said.endswith("logits of the difference (mean over failed queries; n = 7)")
    own = read_csv(places.table(results, "query_words"))
    own = own[own["measure"] == "logit_difference_lost"].set_index(["where", "kind"])["value"]
    head, *rows = numbers_of(page, "Without a word of the query")
    assert head[1:] == ["all words", "idf: high"]
    assert len(rows) == len(PLACES)
    for where, row in zip([*PLACES[LAYERS:], *PLACES[:LAYERS]], rows, strict=True):
        for said, kind in zip(row[1:], ("all", "idf"), strict=True):
            assert float(said.split(" [")[0]) == pytest.approx(own[where, kind], rel=0.01)
            assert said.endswith("(n = 32 words)")
    assert page.errors == []


def test_two_queries_and_two_models_side_by_side(page, explorer, pictures):
    opened(page, explorer)
    page.click("#other-model")
    models = "[...document.querySelectorAll('article')].map((a) => a.dataset.model).join()"
    page.wait(f"{models} === '0,1'")
    page.press("ArrowDown")
    queries = "[...document.querySelectorAll('article')].map((a) => a.dataset.query).join()"
    page.wait(f"{queries} === '1,1'")
    page.picture(pictures / "two_models.png")
    page.click("#single")
    page.wait("document.querySelectorAll('article').length === 1")
    page.click("#keep")
    page.press("ArrowDown")
    page.wait(f"{queries} === '2,1'")
    fragment = page.run("location.hash")
    assert fragment == "#q=q02&with=q01"
    page.errors.clear()
    opened(page, explorer, fragment[1:])
    page.wait(f"{queries} === '2,1'")
    assert page.errors == []


def test_dark_phone_and_print(page, explorer, pictures):
    opened(page, explorer)
    light = page.run("getComputedStyle(document.body).backgroundColor")
    page.media("screen", color_scheme="dark")
    assert page.run("getComputedStyle(document.body).backgroundColor") != light
    page.picture(pictures / "dark.png")
    page.media("screen", color_scheme="light")
    page.size(390, 844, phone=True)
    opened(page, explorer)
    assert page.run("document.documentElement.scrollWidth") <= 390
    page.picture(pictures / "phone.png")
    page.size(1280, 900)
    page.media("print")
    assert page.run("getComputedStyle(document.querySelector('#side')).display") == "none"


def test_every_picture_has_words(page, explorer):
    for view in ("", "view=all"):
        opened(page, explorer, view)
        unnamed = "[...document.querySelectorAll('main svg')].filter((s) => !s.closest('.keys'))"
        labels = page.run(f"{unnamed}.map((s) => [s.getAttribute('aria-label'), s.tabIndex])")
        assert labels
        assert all(label and place == 0 for label, place in labels)
        assert page.run("document.querySelectorAll('.picture details').length") == len(labels)
