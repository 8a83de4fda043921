"""Are the files of documents and queries there that a configuration names?"""

from pathlib import Path
from typing import Any

from genir.base.errors import ConfigError, CorpusError
from genir.base.paths import resolve
from genir.corpora.beir_layout import beir_files
from genir.corpora.user_folders import RECORD_SUFFIXES, parts_of
from genir.run.config import values


def check_corpus_files(config: dict[str, Any], base: Path, repository: Path) -> None:
    """Raises ConfigError for the first file or folder of `corpora` that is not there."""
    for name, corpus in config["corpora"].items():
        for key in values.CORPUS_FILES:
            if corpus["source"] == "files" and key in ("documents", "queries") and key in corpus:
                _check_records(f"corpora.{name}.{key}", corpus[key], base, repository)
            elif key in corpus:
                check_file(f"corpora.{name}.{key}", corpus[key], base, repository)
        if "path" in corpus and not resolve(corpus["path"], repository, base).is_dir():
            raise ConfigError(
                f"corpora.{name}.path: there is no folder "
                f"{resolve(corpus['path'], repository, base)}; write a path relative to the folder "
                "Snakemake runs in, or an absolute one"
            )
        if "path" in corpus and corpus["source"] == "files":
            try:
                beir_files(resolve(corpus["path"], repository, base))
            except CorpusError as error:
                raise ConfigError(f"corpora.{name}.path: {error}") from None


def _check_records(key: str, path: str, base: Path, repository: Path) -> None:
    """A file of records or a folder of such files."""
    file = resolve(path, repository, base)
    if not file.is_dir() and not path.endswith(RECORD_SUFFIXES):
        raise ConfigError(
            f"{key}: {path} is of no known kind; write a path that ends in .jsonl or .parquet, "
            "in .tsv, or in .jsonl.gz or .tsv.gz, or a folder of such files"
        )
    if not file.is_dir():
        check_file(key, path, base, repository)
    try:
        parts_of(file)
    except CorpusError as error:
        raise ConfigError(f"{key}: {error}") from None


def check_file(key: str, path: str, base: Path, repository: Path) -> None:
    """Raises ConfigError if there is no such file."""
    file = resolve(path, repository, base)
    if not file.is_file():
        raise ConfigError(
            f"{key}: there is no file {file}; write a path relative to the folder Snakemake runs "
            "in, or an absolute one"
        )
