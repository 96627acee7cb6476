"""announcement: to a real HTTP server, a real SMTP server and a file. No engine is needed."""

from __future__ import annotations

import json
import socketserver
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.support.modules import call
from tests.support.serving import serving

SECRET = "secret-of-the-webhook"


class Hooks(BaseHTTPRequestHandler):
    """Takes what is sent, after as many refusals as the server still has."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append({"path": self.path, "body": json.loads(body), "headers": dict(self.headers)})
        status = self.server.answers.pop(0) if self.server.answers else 200
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *unused):
        """Nothing is printed."""


class Mailbox(socketserver.StreamRequestHandler):
    """As much SMTP as a client needs."""

    def handle(self):
        self.say("220 mailbox")
        for line in iter(self.rfile.readline, b""):
            word = line.decode().strip().split(" ")[0].upper()
            if word == "DATA":
                self.say("354 go on")
                self.server.mails.append(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
            if word == "RCPT" and self.server.refused.encode() in line:
                self.say("550 nobody of that name")
                continue
            self.say("250 fine" if word != "QUIT" else "221 bye")

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")


@pytest.fixture
def hooks():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hooks)
    server.seen, server.answers = [], []
    with serving(server):
        yield server


@pytest.fixture
def mailbox():
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mailbox)
    server.daemon_threads, server.mails, server.refused = True, [], "nobody@"
    with serving(server):
        yield server


def announce(directory, targets, check=False, **options):
    shared = {"stack_name": "shop", "project_dir": "/absent", "state_dir": str(directory / "state")}
    said = {"event": "window_begins", "subject": "Maintenance of shop", "text": "Until 03:30.", "facts": {"change": "CHG-42"}}
    return call("announcement", {**shared, **said, "targets": targets, "timeout": 30, "_ansible_inject_invocation": True, **options}, check=check)


def journal(directory):
    return [json.loads(line) for line in (directory / "state" / "shop" / "journal.ndjson").read_text().splitlines()]


def hook(server, **more):
    return {"kind": "webhook", "name": "chat", "url": f"http://127.0.0.1:{server.server_port}/{SECRET}", **more}


def test_everybody_is_told_and_check_mode_tells_nobody(tmp_path, hooks, mailbox):
    feed = tmp_path / "feed.ndjson"
    mail = {"kind": "mail", "host": "127.0.0.1", "port": mailbox.server_address[1], "sender": "ops@example.org", "recipients": ["support@example.org"]}
    targets = [hook(hooks, headers={"Authorization": "Bearer of-the-test"}, extra={"channel": "ops"}), mail, {"kind": "file", "path": str(feed)}]
    would = announce(tmp_path, targets, check=True)
    assert would["changed"] and would["diff"]["after"]["text"] == "Until 03:30." and not hooks.seen and not feed.exists()

    done = announce(tmp_path, targets)
    assert [(one["target"], one["kind"], one["delivered"], one["attempts"]) for one in done["announced"]] == [
        ("chat", "webhook", True, 1),
        ("support@example.org", "mail", True, 1),
        (str(feed), "file", True, 1),
    ]
    assert (done["undelivered"], done["actions"]) == (0, would["actions"])
    (posted,) = hooks.seen
    assert (posted["path"], posted["headers"]["Authorization"], posted["body"]["channel"]) == (f"/{SECRET}", "Bearer of-the-test", "ops")
    assert (posted["body"]["event"], posted["body"]["text"]) == ("window_begins", "Maintenance of shop\nUntil 03:30.")
    assert "Subject: Maintenance of shop" in mailbox.mails[0] and "change: CHG-42" in mailbox.mails[0]
    assert json.loads(feed.read_text())["facts"] == {"change": "CHG-42"}
    assert announce(tmp_path, targets)["undelivered"] == 0 and len(feed.read_text().splitlines()) == 2
    for shown in (json.dumps(done), json.dumps(journal(tmp_path))):
        assert SECRET not in shown and "of-the-test" not in shown
    assert [entry["event"] for entry in journal(tmp_path)] == ["announced", "announced"]


def test_who_cannot_be_told_is_a_warning_and_all_others_are_told(tmp_path, hooks, mailbox):
    feed = {"kind": "file", "name": "feed", "path": str(tmp_path / "feed.ndjson")}
    mail = {"kind": "mail", "host": "127.0.0.1", "port": mailbox.server_address[1], "sender": "ops@example.org", "recipients": ["nobody@example.org"]}
    nobody = {"kind": "webhook", "name": "nobody", "url": f"http://127.0.0.1:1/{SECRET}"}
    hooks.answers = [500, 503]  # the third attempt is taken
    told = announce(tmp_path, [nobody, mail, {"kind": "file", "path": "/absent/feed"}, hook(hooks), feed], attempts=3)
    assert not told["failed"] and told["undelivered"] == 3
    found = {one["target"]: (one["delivered"], one["attempts"], one["error"]) for one in told["announced"]}
    assert found["nobody"] == (False, 3, "Connection refused") and found["/absent/feed"][2] == "No such file or directory"
    assert found["nobody@example.org"][0] is False and found["chat"] == (True, 3, "") and found["feed"][0]
    assert "did not reach nobody (webhook) after 3 attempts" in str(told["warnings"]) and SECRET not in json.dumps(told)

    strange = [{"kind": "webhook", "name": name, "url": f"http://127.0.0.1:1/{SECRET}{letter}"} for name, letter in (("umlaut", "ü"), ("space", " "))]
    told = announce(tmp_path, [*strange, feed], attempts=1)
    assert not told["failed"] and (told["undelivered"], told["announced"][2]["delivered"]) == (2, True) and SECRET not in json.dumps(told)

    hooks.answers = [302]
    moved = announce(tmp_path, [hook(hooks)], attempts=1, on_failure="fail")
    assert (moved["failed"], moved["reason"]) == (True, "announcement_failed") and "status 302" in moved["msg"] and SECRET not in json.dumps(moved)


def test_a_target_that_is_written_wrong_is_refused_before_anybody_is_told(tmp_path, hooks):
    refused = announce(tmp_path, [hook(hooks), {"kind": "mail", "host": "127.0.0.1"}])
    assert (refused["failed"], refused["reason"]) == (True, "bad_input") and not hooks.seen
    assert not (tmp_path / "state").exists()
