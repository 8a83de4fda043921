import copy

import pytest
import yaml
from workflow_sources import REPOSITORY

from genir.base.errors import ConfigError
from genir.run.config.values import drop_empty
from genir.run.hub import (
    LOCK_FILE,
    Snapshot,
    check_pinned,
    lock_text,
    named_snapshots,
    pinned,
    read_lock,
)

A, B = "a1" * 20, "b2" * 20
T5 = {"type": "hub", "id": "me/t5", "encoder_layers": 3, "decoder_layers": 8}
PUBLISHED = {"id": "me/dsi", "revision": B, "encoder_layers": 3, "decoder_layers": 8}
CONFIG = {
    "corpora": {
        "nq": {"source": "natural_questions", "id": "me/nq", "name": "default"},
        "dl": {"source": "ir_datasets", "id": "me/no-hub-id"},
        "mine": {"source": "files", "documents": "documents.jsonl"},
    },
    "query_generators": {"d2q": {"type": "trained", "start": T5}},
    "models": {"t5": {"start": T5}, "dsi": {"hub": PUBLISHED}},
}


def test_everything_that_a_config_takes_from_the_hub_is_named():
    found = {s.key: s for s in named_snapshots(CONFIG)}
    assert list(found) == ["corpora.nq", "query_generators.d2q.start", "models.t5.start",
                           "models.dsi.hub"]  # fmt: skip
    assert found["corpora.nq"] == Snapshot("corpora.nq", "dataset", "me/nq", "default")
    assert found["models.dsi.hub"].wanted == B
    assert not named_snapshots(yaml.safe_load((REPOSITORY / "config/config.yaml").read_text()))


def test_the_folder_holds_id_revision_and_configuration():
    assert Snapshot("k", "model", "me/t5", revision=A).folder == f"results/fetch/model/me--t5/{A}"
    named = Snapshot("k", "dataset", "me/nq", "dev", revision=A)
    assert named.folder == f"results/fetch/dataset/me--nq/{A}/dev"


def test_a_lock_is_read_as_it_was_written(tmp_path):
    lock = {("model", "me/t5"): A, ("dataset", "me/t5"): B}
    lock |= {("model", "me/t5@step_10000"): B, ("model", "me/t5@refs/pr/3"): A}
    path = tmp_path / "revisions.lock.yaml"
    path.write_text(lock_text(lock))
    assert read_lock(path) == lock
    assert read_lock(tmp_path / "none.yaml") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models: [me/t5]", "the keys of this file are models and datasets"),
        (f'model: {{me/t5: "{A}"}}', "model: the keys of this file are models and datasets"),
        ("models: {me/t5: main}", "models.me/t5: 'main' is no commit"),
        (f"models: {{me/t5: {'1' * 40}}}", "in quotes"),
        ("models: {me/t5:", "line"),
        (f'models: {{me/t5: "{A}", me/t5: "{B}"}}', "keep one of the two"),
        ("", "holds no keys"),
    ],
)
def test_a_broken_lock_is_explained(tmp_path, text, message):
    path = tmp_path / "revisions.lock.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"revisions\.lock\.yaml") as caught:
        read_lock(path)
    assert message in str(caught.value)


def test_revisions_come_from_the_config_or_else_from_the_lock():
    found = pinned(named_snapshots(CONFIG), {("model", "me/t5"): A})
    revisions = {s.key: s.revision for s in found}
    assert revisions["models.t5.start"] == revisions["query_generators.d2q.start"] == A
    assert revisions["models.dsi.hub"] == B
    assert revisions["corpora.nq"] == ""


def test_without_a_revision_the_user_is_told_to_fetch():
    found = pinned(named_snapshots(CONFIG), {("model", "me/t5"): A})
    with pytest.raises(ConfigError, match=r"corpora.nq.*me/nq.*snakemake fetch") as caught:
        check_pinned(found, "lock")
    assert "me/t5" not in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        check_pinned(pinned(named_snapshots(CONFIG), {}), "lock")
    said = "{}: nothing says which revision of {} is meant"
    assert said.format("corpora.nq", "me/nq") in str(caught.value)
    of_t5 = "query_generators.d2q.start, models.t5.start"
    assert said.format(of_t5, "me/t5") in str(caught.value)
    assert "models.dsi" not in str(caught.value)
    check_pinned(
        pinned(named_snapshots(CONFIG), {("model", "me/t5"): A, ("dataset", "me/nq"): A}), "lock"
    )


def test_one_id_may_come_at_several_revisions(tmp_path):
    config = copy.deepcopy(CONFIG)
    for wanted in ("step_10000", "refs/pr/3", A):
        config["models"][wanted] = {"start": T5 | {"revision": wanted}}
    lock = {("model", "me/t5"): B, ("model", "me/t5@step_10000"): "c3" * 20}
    found = pinned(named_snapshots(config), lock)
    folders = {s.key: s.folder.removeprefix("results/fetch/model/me--t5/") for s in found}
    assert folders["models.t5.start"] == B
    assert folders["models.step_10000.start"] == "c3" * 20
    assert folders["models.refs/pr/3.start"] == "not-fetched-refs--pr--3"
    assert folders[f"models.{A}.start"] == A
    said = r"refs/pr/3.start: nothing says which commit 'refs/pr/3' of me/t5 is.*snakemake fetch"
    with pytest.raises(ConfigError, match=said):
        check_pinned(found, LOCK_FILE)


def test_a_tokenizer_of_another_revision_makes_another_folder():
    config = {"models": {"m": {"start": T5 | {"revision": A, "tokenizer_revision": "main"}}}}
    (unknown,) = pinned(named_snapshots(config), {})
    assert (unknown.revision, unknown.unknown) == (A, ["main"])
    (found,) = pinned(named_snapshots(config), {("model", "me/t5@main"): B})
    assert not found.unknown
    assert found.folder == f"results/fetch/model/me--t5/{A}-tokenizer-{B}"
    (same,) = pinned(named_snapshots(config), {("model", "me/t5@main"): A})
    assert same.folder == f"results/fetch/model/me--t5/{A}"


def test_a_lock_of_older_versions_is_read(tmp_path):
    path = tmp_path / "revisions.lock.yaml"
    path.write_text(f'# Hub revisions\nmodels:\n  me/t5: "{A}"\ndatasets:\n  me/nq: "{B}"\n')
    found = pinned(named_snapshots(CONFIG), read_lock(path))
    check_pinned(found, path)
    assert {s.revision for s in found} == {A, B}


def test_an_empty_entry_leaves_out_the_one_below():
    config = {"models": {"full": None, "mine": {"dataset": "d"}}, "corpora": {}, "seed": None}
    drop_empty(config)
    assert config == {"models": {"mine": {"dataset": "d"}}, "corpora": {}, "seed": None}
