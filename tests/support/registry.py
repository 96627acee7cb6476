"""A registry over HTTP on this machine (the engine accepts 127.0.0.0/8 without TLS)."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import tarfile
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
PLAIN_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
_EMPTY_TAR = bytes(10240)


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Registry:
    """Serves an image without files as ``v1``; ``label`` makes it another image."""

    def __init__(self, label: str) -> None:
        layer = gzip.compress(_EMPTY_TAR, mtime=0)
        config = {"architecture": "amd64", "os": "linux", "config": {"Labels": {"runbook.test": label}, "Cmd": ["none"]}}
        config["rootfs"] = {"type": "layers", "diff_ids": [_digest(_EMPTY_TAR)]}
        config["history"] = [{"created_by": "test"}]
        self.blobs = {}
        self.manifests = {}
        described = self._blob(CONFIG, json.dumps(config).encode())
        self.manifest_digest = self._manifest("v1", described, [self._blob(LAYER, layer)])
        self.image_id = described["digest"]
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.address = f"127.0.0.1:{self._server.server_port}"

    def publish(self, tag: str, image: str) -> str:
        """Serves an image of the engine under this tag, and gives its digest."""
        with tempfile.TemporaryFile() as saved:
            subprocess.run(["docker", "save", image], stdout=saved, check=True)
            saved.seek(0)
            with tarfile.open(fileobj=saved) as archive:
                described = json.load(archive.extractfile("manifest.json"))[0]
                config = self._blob(CONFIG, archive.extractfile(described["Config"]).read())
                return self._manifest(tag, config, [self._blob(PLAIN_LAYER, archive.extractfile(name).read()) for name in described["Layers"]])

    def _manifest(self, tag: str, config: dict, layers: list[dict]) -> str:
        manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}).encode()
        self.manifests[tag] = self.manifests[_digest(manifest)] = manifest
        return _digest(manifest)

    def __enter__(self) -> Registry:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _blob(self, media_type: str, content: bytes) -> dict:
        self.blobs[_digest(content)] = content
        return {"mediaType": media_type, "size": len(content), "digest": _digest(content)}


def _handler(registry: Registry) -> type:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            if self.path == "/v2/":
                self._answer(b"{}", "application/json")
            elif "/manifests/" in self.path and name in registry.manifests:
                self._answer(registry.manifests[name], MANIFEST)
            elif name in registry.blobs:
                self._answer(registry.blobs[name], "application/octet-stream")
            else:
                self._answer(b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}', "application/json", 404)

        do_HEAD = do_GET

        def _answer(self, content: bytes, media_type: str, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Docker-Content-Digest", _digest(content))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, *_words: object) -> None:
            """Tests are quiet."""

    return Handler
