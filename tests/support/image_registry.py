"""A registry that gives images of this machine's engine as they are, for hosts that pull by digest."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.registry import CONFIG, LAYER, MANIFEST

PASSWORD = "p%ss-of-the-registry"
# As an engine's configuration keeps it.
LOGIN = base64.b64encode(f"ada:{PASSWORD}".encode()).decode()


class ImageRegistry:
    """``images`` maps ``repository:tag`` to a local image. Listens on ``address``, on a port of its own; at ``private`` the same needs a login."""

    def __init__(self, directory: Path, address: str, images: dict[str, str]) -> None:
        self._blobs: dict[str, Path] = {}
        self._manifests: dict[tuple[str, str], bytes] = {}
        self.digests: dict[str, str] = {}
        self._read(directory, images)
        self._servers = [ThreadingHTTPServer((address, 0), _Handler) for unused in range(2)]
        for server, login in zip(self._servers, ("", LOGIN)):
            server.registry, server.login = self, login
        self.address, self.private = (f"{address}:{server.server_port}" for server in self._servers)

    def __enter__(self) -> ImageRegistry:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def manifest(self, repository: str, name: str) -> bytes | None:
        return self._manifests.get((repository, name))

    def blob(self, digest: str) -> Path | None:
        return self._blobs.get(digest)

    def _read(self, directory: Path, images: dict[str, str]) -> None:
        with subprocess.Popen(["docker", "save", *sorted(set(images.values()))], stdout=subprocess.PIPE) as save:
            with tarfile.open(fileobj=save.stdout, mode="r|") as archive:
                archive.extractall(directory, filter="data")
        assert save.returncode == 0
        saved = {tag: entry for entry in json.loads((directory / "manifest.json").read_text()) for tag in entry["RepoTags"]}
        parts: dict[str, dict] = {}
        for reference, image in images.items():
            entry = saved[image]
            for path in (entry["Config"], *entry["Layers"]):
                if path not in parts:
                    parts[path] = self._keep(directory / path, CONFIG if path == entry["Config"] else LAYER)
            layers = [parts[path] for path in entry["Layers"]]
            manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": parts[entry["Config"]], "layers": layers}).encode()
            digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
            repository, unused, tag = reference.partition(":")
            self.digests[reference] = digest
            self._manifests.update({(repository, tag): manifest, (repository, digest): manifest})

    def _keep(self, path: Path, media_type: str) -> dict:
        with path.open("rb") as file:
            digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        self._blobs[digest] = path
        return {"mediaType": media_type, "size": path.stat().st_size, "digest": digest}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.server.login and self.headers.get("Authorization") != f"Basic {self.server.login}":
            self._answer(b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}', "application/json", 401)
            return
        repository, kind, name = self._asked()
        manifest = self.server.registry.manifest(repository, name) if kind == "manifests" else None
        blob = self.server.registry.blob(name) if kind == "blobs" else None
        if self.path == "/v2/":
            self._answer(b"{}", "application/json")
        elif manifest is not None:
            self._answer(manifest, MANIFEST)
        elif blob is not None:
            self._send(blob, name)
        else:
            self._answer(b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}', "application/json", 404)

    do_HEAD = do_GET

    def _asked(self) -> tuple[str, str, str]:
        head, unused, name = self.path.removeprefix("/v2/").rpartition("/")
        repository, unused, kind = head.rpartition("/")
        return repository, kind, name

    def _answer(self, content: bytes, media_type: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="images"')
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Docker-Content-Digest", f"sha256:{hashlib.sha256(content).hexdigest()}")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def _send(self, blob: Path, digest: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(blob.stat().st_size))
        self.send_header("Docker-Content-Digest", digest)
        self.end_headers()
        if self.command == "GET":
            with blob.open("rb") as file:
                while chunk := file.read(1 << 20):
                    self.wfile.write(chunk)

    def log_message(self, *_words: object) -> None:
        """Tests are quiet."""
