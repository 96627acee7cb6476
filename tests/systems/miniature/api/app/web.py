"""HTTP: reads requests, writes answers, counts and logs them, and lets those in flight finish when told to stop."""

import json
import socket
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from . import websocket
from .service import UNAVAILABLE

LARGEST_BODY = 64 * 1024
HOST_NAME = socket.gethostname()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, settings, service, log):
        super().__init__(("0.0.0.0", settings.port), Handler)
        self.settings = settings
        self.service = service
        self.log = log
        self.draining = threading.Event()
        self.websockets = set()

    def drain(self):
        """Accepts nothing new and waits for what was accepted. True when all of it was answered."""
        self.draining.set()
        self.shutdown()
        self._take_waiting_connections()
        self.socket.close()
        websocket.end(self.websockets)
        deadline = time.monotonic() + self.settings.drain_seconds
        while self.service.metrics.in_flight and time.monotonic() < deadline:
            time.sleep(0.01)
        return not self.service.metrics.in_flight

    def _take_waiting_connections(self):
        """The kernel has accepted these for us: closing the socket now would reset them."""
        self.socket.setblocking(False)
        while True:
            try:
                request, address = self.socket.accept()
            except OSError:
                return
            request.setblocking(True)
            self.process_request(request, address)

    def handle_error(self, request, client_address):
        self.log.warning("connection ended early", client=client_address[0])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "miniature"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 30

    def setup(self):
        super().setup()
        # A new connection counts as a request in flight until its first request is answered or it ends.
        self._busy = False
        self._enter()

    def finish(self):
        try:
            super().finish()
        finally:
            self._leave()

    def parse_request(self):
        self._enter()
        return super().parse_request()

    def do_GET(self):
        if urlsplit(self.path).path == "/ws" and websocket.is_asked_for(self.headers):
            return websocket.echo(self, self.server.websockets)
        self._answer(self._get)

    def do_POST(self):
        self._answer(self._post)

    def _get(self, url):
        service, settings = self.server.service, self.server.settings
        if url.path == settings.health_path:
            return service.liveness()
        if settings.ready_path and url.path == settings.ready_path:
            return service.readiness()
        if url.path == "/metrics":
            return 200, service.metrics_text()
        if service.is_limited(self.client_address[0]):
            return 429, {"error": "too many requests"}
        if url.path == "/work":
            return service.work(parse_qs(url.query).get("ms", ["0"])[0])
        head, unused_slash, last = url.path.rpartition("/")
        lookups = {"/api/v1/orders": service.find_order, "/api/v1/customers": service.find_customer, "/proxy": service.proxy}
        return lookups[head](unquote(last)) if head in lookups else (404, {"error": "no such page"})

    def _post(self, url):
        order = self._read_json()
        if order is None:
            return 400, {"error": f"the body must be a JSON object of at most {LARGEST_BODY} bytes"}
        service, address = self.server.service, self.client_address[0]
        pages = {
            "/api/v1/orders": lambda: service.create_order(order, self.headers),
            "/auth/login": lambda: service.log_in(order, address),
            "/auth/refresh": lambda: service.refresh(order),
        }
        if url.path not in pages:
            return 404, {"error": "no such page"}
        if service.is_limited(address):
            return 429, {"error": "too many requests"}
        return pages[url.path]()

    def _read_json(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            self.close_connection = True
            return None
        try:
            found = json.loads(self.rfile.read(int(length)))
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    def _answer(self, respond):
        began, url = time.monotonic(), urlsplit(self.path)
        request_id = self.headers.get("X-Request-ID") or uuid.uuid4().hex
        ids = {"request_id": request_id, "correlation_id": self.headers.get("X-Correlation-ID") or request_id}
        try:
            status, body = respond(url)
        except UNAVAILABLE as error:
            status, body = 503, {"error": "a dependency does not answer"}
            self.server.log.error("dependency failed", error=str(error).strip(), **ids)
        try:
            self._send(status, body, ids)
        finally:
            seconds = time.monotonic() - began
            self.server.service.metrics.answered(status, seconds)
            self._log_request(url.path, status, seconds, ids)
            self._leave()

    def _send(self, status, body, ids):
        text = isinstance(body, str)
        payload = (body if text else json.dumps(body, default=str) + "\n").encode()
        if self.server.draining.is_set():
            self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4" if text else "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.send_header("X-Served-By", HOST_NAME)
        self.send_header("X-Request-ID", ids["request_id"])
        self.send_header("X-Correlation-ID", ids["correlation_id"])
        if status == 429:
            self.send_header("Retry-After", "1")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(payload)
        self.wfile.flush()

    def _log_request(self, path, status, seconds, ids):
        settings = self.server.settings
        level = "debug" if path in (settings.health_path, settings.ready_path, "/metrics") else "info"
        if status >= 500 and level == "info":
            level = "error"
        # The path only: a query may carry what must not be logged.
        self.server.log.write(level, "request", method=self.command, path=path, status=status, duration_ms=round(seconds * 1000, 1), **ids)

    def _enter(self):
        if not self._busy:
            self._busy = True
            self.server.service.metrics.started()

    def _leave(self):
        if self._busy:
            self._busy = False
            self.server.service.metrics.finished()

    def log_message(self, format, *args):
        """Silent: requests are logged as JSON by _log_request."""
