"""What a configuration takes from the Hugging Face hub: which repositories, at which revisions,
and where they lie once they are fetched."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from genir.base.errors import ConfigError
from genir.run.config.strict_yaml import load_yaml_strict

Kind = Literal["model", "dataset"]
Lock = dict[tuple[Kind, str], str]
"""Commits by kind and by id, or by `<id>@<revision>` where the configuration names a revision."""

LOCK_FILE = "config/revisions.lock.yaml"
FOLDER = "results/fetch"
COMMIT = re.compile(r"[0-9a-f]{40}")
CORPUS_SOURCES = ("natural_questions", "trivia_qa")
_SECTIONS: dict[str, Kind] = {"models": "model", "datasets": "dataset"}


@dataclass(frozen=True)
class Snapshot:
    """A hub repository that the configuration names at `key`; of a dataset the files of the
    configuration `name` alone. `wanted` is the revision as it is written there, a commit, branch,
    tag or pull request, empty for the newest, and `revision` its commit, empty as long as it is not
    known; `tokenizer_wanted` and `tokenizer_revision` are the same of a tokenizer from another
    revision than the weights."""

    key: str
    kind: Kind
    id: str
    name: str = ""
    wanted: str = ""
    revision: str = ""
    tokenizer_wanted: str = ""
    tokenizer_revision: str = ""

    @property
    def unknown(self) -> list[str]:
        """What is wanted and has no commit yet."""
        unknown = [self.wanted] if not self.revision else []
        if self.tokenizer_wanted and not self.tokenizer_revision:
            unknown.append(self.tokenizer_wanted)
        return list(dict.fromkeys(unknown))

    @property
    def other_tokenizer(self) -> bool:
        """Whether the tokenizer is of another commit than the weights."""
        return self.tokenizer_revision not in ("", self.revision)

    @property
    def folder(self) -> str:
        """Where it lies, relative to the folder the workflow runs in."""
        return "/".join([FOLDER, *self._parts()])

    @property
    def label(self) -> str:
        """A name for its rule and its log."""
        return "_".join(self._parts())

    def _parts(self) -> list[str]:
        unknown = "-".join(["not-fetched", *filter(None, self.unknown)]).replace("/", "--")
        revision = unknown if self.unknown else self.revision
        if self.other_tokenizer and not self.unknown:
            revision += f"-tokenizer-{self.tokenizer_revision}"
        parts = [self.kind, self.id.replace("/", "--"), revision, self.name]
        return [part for part in parts if part]


def place(name: str, wanted: str) -> str:
    """Where the commit of a repository's revision stands in the lock."""
    return f"{name}@{wanted}" if wanted else name


def named_snapshots(config: dict[str, Any]) -> list[Snapshot]:
    """What the configuration names with an `id`, with its own revision if it has one: corpora of a
    hub source, and every model, start and query generator."""
    return [
        Snapshot(
            key,
            "dataset" if key.startswith("corpora.") else "model",
            entry["id"],
            entry.get("name", ""),
            entry.get("revision") or "",
            tokenizer_wanted=entry.get("tokenizer_revision") or "",
        )
        for key, entry in _mappings(config, ())
        if "id" in entry and entry.get("source", CORPUS_SOURCES[0]) in CORPUS_SOURCES
    ]


def _mappings(node: Any, path: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        yield ".".join(path), node
        for key, value in node.items():
            yield from _mappings(value, (*path, str(key)))


def read_lock(path: Path | str) -> Lock:
    """The revisions in a lock file; none if there is no such file.

    Raises ConfigError if it is not what `write_lock` writes.
    """
    if not Path(path).exists():
        return {}
    lock: Lock = {}
    for section, entries in load_yaml_strict(path).items():
        if section not in _SECTIONS or not isinstance(entries, dict):
            raise ConfigError(
                f"{path}: {section}: the keys of this file are {' and '.join(_SECTIONS)}, and "
                'under each <id>: "<commit>"; correct it, or delete the file and run '
                "`snakemake fetch`"
            )
        for name, revision in entries.items():
            if not isinstance(revision, str) or not COMMIT.fullmatch(revision):
                raise ConfigError(
                    f"{path}: {section}.{name}: {revision!r} is no commit; write its 40 "
                    "hexadecimal digits in quotes, or delete the line and run `snakemake fetch`"
                )
            lock[_SECTIONS[section], name] = revision
    return lock


def lock_text(lock: Lock) -> str:
    """The lock file that `read_lock` reads."""
    lines = [
        "# Hub revisions this project is computed with. Written by `snakemake fetch`; keep it."
    ]
    for section, kind in _SECTIONS.items():
        entries = sorted((name, revision) for (k, name), revision in lock.items() if k == kind)
        lines += [f"{section}:"] * bool(entries)
        lines += [f'  {name}: "{revision}"' for name, revision in entries]
    return "\n".join(lines) + "\n"


def pinned(snapshots: Iterable[Snapshot], lock: Lock) -> list[Snapshot]:
    """The snapshots with their commits, as far as they or the lock state them."""

    def commit(snapshot: Snapshot, wanted: str) -> str:
        if COMMIT.fullmatch(wanted):
            return wanted
        return lock.get((snapshot.kind, place(snapshot.id, wanted)), "")

    return [
        replace(
            s,
            revision=commit(s, s.wanted),
            tokenizer_revision=commit(s, s.tokenizer_wanted) if s.tokenizer_wanted else "",
        )
        for s in snapshots
    ]


def check_pinned(snapshots: Iterable[Snapshot], lock_path: Path | str) -> None:
    """Raises ConfigError if a commit is not known."""
    unknown: dict[tuple[Kind, str, str], list[str]] = {}
    for snapshot in snapshots:
        for wanted in snapshot.unknown:
            unknown.setdefault((snapshot.kind, snapshot.id, wanted), []).append(snapshot.key)
    if unknown:
        missing = "; ".join(
            f"{', '.join(keys)}: nothing says which "
            + (f"commit {wanted!r} of {name} is" if wanted else f"revision of {name} is meant")
            for (_, name, wanted), keys in unknown.items()
        )
        raise ConfigError(
            f"{missing}. Run `snakemake fetch` once where there is network, with the same "
            "--configfile and --directory: it downloads what the configuration names and notes "
            f"the revisions in {lock_path}"
        )
