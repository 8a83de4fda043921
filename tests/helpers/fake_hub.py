"""A Hugging Face hub on this machine, so that its real client is tried without a network."""

import copy
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit

Files = dict[str, bytes]
NOBODY = "http://127.0.0.1:9"
"""An address where nothing answers."""


@dataclass
class FakeHub:
    """Repositories by "models/<id>" or "datasets/<id>": revisions with their files, newest last.
    `names` are branches (and refs/pr/<n>) of a repository with their revision, `requests` the paths
    that were asked for, `broken` the files whose download fails."""

    repositories: dict[str, dict[str, Files]]
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    url: str = ""

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for a path."""
        self.requests.append(path)
        parts = [unquote(part) for part in urlsplit(path).path.strip("/").split("/")]
        if parts[0] == "api":
            return self._api(*parts[1:]) if len(parts) > 3 else (404, {}, b"")
        kind = "datasets" if parts[0] == "datasets" else "models"
        parts = parts[1:] if kind == "datasets" else parts
        name, (_, revision, *rest) = "/".join(parts[:2]), parts[2:]
        return self._file(f"{kind}/{name}", revision, "/".join(rest))

    def _api(self, kind: str, owner: str, name: str, *rest: str) -> tuple[int, dict, bytes]:
        revisions = self.repositories.get(f"{kind}/{owner}/{name}")
        if revisions is None:
            return 404, {"X-Error-Code": "RepoNotFound"}, b""
        named = self.names.get(f"{kind}/{owner}/{name}", {})
        revision = rest[1] if len(rest) > 1 else list(revisions)[-1]
        revision = named.get(revision, revision)
        if revision not in revisions:
            return 404, {"X-Error-Code": "RevisionNotFound"}, b""
        if rest[:1] == ("refs",):
            answer = _refs(named)
        elif rest[:1] == ("tree",):
            files = revisions[revision].items()
            answer = [
                {"type": "file", "path": path, "size": len(body), "oid": _oid(body)}
                for path, body in files
            ]
        else:
            answer = {"_id": "1", "id": f"{owner}/{name}", "sha": revision, "siblings": []}
        return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()

    def _file(self, repository: str, revision: str, path: str) -> tuple[int, dict, bytes]:
        body = self.repositories[repository][revision][path]
        if path in self.broken:
            return 404, {"X-Error-Code": "EntryNotFound"}, b""
        return 200, {"ETag": f'"{_oid(body)}"', "X-Repo-Commit": revision}, body


def _refs(named: dict[str, str]) -> dict[str, list[dict[str, str]]]:
    """Branches and pull requests as the hub lists them."""
    listed = [
        {"name": name, "ref": name if name.startswith("refs/") else f"refs/heads/{name}",
         "targetCommit": commit}
        for name, commit in named.items()
    ]  # fmt: skip
    pulls = [one for one in listed if one["name"].startswith("refs/pr/")]
    branches = [one for one in listed if one not in pulls]
    return {"branches": branches, "converts": [], "tags": [], "pullRequests": pulls}


def _oid(body: bytes) -> str:
    return hashlib.sha1(body).hexdigest()


@contextmanager
def serving(
    repositories: dict[str, dict[str, Files]], names: dict[str, dict[str, str]] | None = None
) -> Iterator[FakeHub]:
    """A hub with these repositories at `url`, as long as the block runs."""
    hub = FakeHub(copy.deepcopy(repositories), copy.deepcopy(names or {}))

    class Handler(BaseHTTPRequestHandler):
        def _answer(self, with_body: bool) -> None:
            status, headers, body = hub.answer(self.path)
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def do_GET(self) -> None:
            self._answer(True)

        def do_HEAD(self) -> None:
            self._answer(False)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
