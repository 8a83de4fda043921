import json
import shutil

import pytest
import torch
from plain_t5 import FAMILIES, PIECES, plain_logits, random_inputs, small_model
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import AutoTokenizer
from workflow_sources import REPOSITORY

from genir.base.errors import ModelError
from genir.engine.t5 import load_t5
from genir.models.docids import published_docids
from genir.models.import_folder import import_checkpoint

DOC_IDS = ["17", "-5462359833619124697", "HP:1", "a b@c"]
TEXTS = ["wide long bone of foot", "DOC_ID_17", "what is @DOC_ID?", "  Über  naïve\tcafé 12 ", ""]


def _published(folder, family="relu-tied", **settings):
    """A small random T5 as the study's authors save theirs: docids added to the tokenizer, rows
    following it, with two rows to spare."""
    tokenizer = AutoTokenizer.from_pretrained(REPOSITORY / "resources/mini-t5")
    tokenizer.add_tokens([f"@DOC_ID_{doc_id}@" for doc_id in DOC_IDS], **settings)
    model = small_model(family)
    model.resize_token_embeddings(len(tokenizer) + 2, mean_resizing=False)
    model.shared.weight.data[PIECES:].normal_()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model, tokenizer


@pytest.fixture(params=[{}, {"special_tokens": True}], ids=["added", "special"])
def published(tmp_path, request):
    folder = tmp_path / "published"
    return folder, *_published(folder, **request.param)


def test_docids_are_found_by_their_token(published, tmp_path):
    folder, _, tokenizer = published
    import_checkpoint(folder, None, DOC_IDS, tmp_path / "model")
    docids = json.loads((tmp_path / "model/docids.json").read_text())
    assert list(docids) == DOC_IDS
    for doc_id, token in docids.items():
        assert tokenizer.convert_tokens_to_ids(f"@DOC_ID_{doc_id}@") == token


def test_queries_keep_their_tokens_and_docids_leave_the_tokenizer(published, tmp_path):
    folder, _, tokenizer = published
    import_checkpoint(folder, None, DOC_IDS, tmp_path / "model")
    lean = Tokenizer.from_file(str(tmp_path / "model/tokenizer.json"))
    whole = AutoTokenizer.from_pretrained(tmp_path / "model")
    for text in TEXTS:
        assert lean.encode(text).ids == tokenizer(text)["input_ids"] == whole(text)["input_ids"]
    left = [file.read_text() for file in (tmp_path / "model").glob("tokenizer*.json")]
    assert len(left) == 2
    assert not any("@DOC_ID_" in text for text in left)
    assert lean.get_vocab_size() == len(tokenizer) - len(DOC_IDS)
    assert lean.token_to_id("<extra_id_0>") == tokenizer.convert_tokens_to_ids("<extra_id_0>")


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_stay_as_they_are(family, tmp_path):
    model, _ = _published(tmp_path / "published", family)
    import_checkpoint(tmp_path / "published", None, DOC_IDS, tmp_path / "model")
    ours = load_t5(tmp_path / "model")
    assert torch.equal(ours.embedding, model.shared.weight)
    assert torch.equal(ours.head, model.lm_head.weight)
    assert ours.architecture == load_t5(tmp_path / "published").architecture


def test_shards_and_half_precision_are_taken_as_they_are(tmp_path):
    folder = tmp_path / "published"
    model, _ = _published(folder)
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    shard_of = {}
    for shard in range(2):
        part = {k: v.to(torch.bfloat16) for k, v in list(weights.items())[shard::2]}
        file = f"model-0000{shard + 1}-of-00002.safetensors"
        save_file(part, folder / file)
        shard_of |= dict.fromkeys(part, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shard_of}))
    import_checkpoint(folder, None, DOC_IDS, tmp_path / "model")
    expected = model.shared.weight.to(torch.bfloat16).float()
    assert torch.equal(load_t5(tmp_path / "model").embedding, expected)


def test_the_imported_model_gives_the_same_logits(tmp_path):
    from genir.models.load import load_model

    model, _ = _published(tmp_path / "published")
    import_checkpoint(tmp_path / "published", None, DOC_IDS, tmp_path / "model")
    inputs = random_inputs()
    assert torch.equal(
        plain_logits(load_model(tmp_path / "model"), *inputs), plain_logits(model, *inputs)
    )


def test_a_mapping_of_ones_own_goes_before_the_spelling(published, tmp_path):
    folder, _, tokenizer = published
    mapping = tmp_path / "mine.json"
    token = tokenizer.convert_tokens_to_ids("@DOC_ID_17@")
    mapping.write_text(json.dumps({"seventeen": token}))
    import_checkpoint(folder, mapping, ["seventeen"], tmp_path / "model")
    assert json.loads((tmp_path / "model/docids.json").read_text()) == {"seventeen": token}
    assert "@DOC_ID_HP:1@" in (tmp_path / "model/tokenizer.json").read_text()


def test_added_tokens_json_counts_too(published, tmp_path):
    folder, _, tokenizer = published
    rows = len(tokenizer) + 2
    (folder / "added_tokens.json").write_text(json.dumps({"@DOC_ID_new@": rows - 1}))
    assert published_docids(folder, rows)["new"] == rows - 1
    (folder / "added_tokens.json").write_text(json.dumps({"@DOC_ID_17@": rows - 1}))
    with pytest.raises(ModelError, match="docid '17' has tokens"):
        published_docids(folder, rows)


def test_a_document_without_a_token_stops_it(published, tmp_path):
    folder, _, _ = published
    with pytest.raises(ModelError, match=r"no token for 1 documents of the dataset, 'HP:2' first"):
        import_checkpoint(folder, None, [*DOC_IDS, "HP:2"], tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_pickled_weights_are_refused(published, tmp_path):
    folder, _, _ = published
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"no weights in safetensors.*convert it once"):
        import_checkpoint(folder, None, DOC_IDS, tmp_path / "model")


def test_tokenizer_and_weights_of_two_checkpoints_are_refused(published, tmp_path):
    folder, model, _ = published
    model.resize_token_embeddings(PIECES, mean_resizing=False)
    shutil.rmtree(folder / "model.safetensors", ignore_errors=True)
    model.save_pretrained(folder)
    with pytest.raises(ModelError, match="they are not of one checkpoint"):
        import_checkpoint(folder, None, DOC_IDS, tmp_path / "model")


def test_a_tokenizer_without_docids_is_explained(tmp_path):
    folder = tmp_path / "published"
    small_model().save_pretrained(folder)
    with pytest.raises(ModelError, match=r"has no tokenizer\.json"):
        import_checkpoint(folder, None, DOC_IDS, tmp_path / "model")
    shutil.copy(REPOSITORY / "resources/mini-t5/tokenizer.json", folder)
    with pytest.raises(ModelError, match=r"no token @DOC_ID_<doc_id>@.*key docids"):
        import_checkpoint(folder, None, DOC_IDS, tmp_path / "model")
