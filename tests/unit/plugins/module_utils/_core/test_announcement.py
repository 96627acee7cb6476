"""What is said, to whom, and what of it a disk may hold."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.announcement import Announcement, check_patience, parse_targets
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput

HOOK = {"kind": "webhook", "url": "https://chat.example.org/hooks/very-secret"}
MAIL = {"kind": "mail", "host": "mail.example.org", "sender": "ops@example.org", "recipients": ["a@example.org", "b@example.org"]}
FILE = {"kind": "file", "path": "/srv/status/feed.ndjson"}


def test_the_same_is_said_to_machines_and_people():
    said = Announcement.of("window_begins", "Maintenance\r\nBcc: everybody@example.org", " Until 03:30. ", {"change": "CHG-42"})
    payload = said.payload("shop", "2026-11-22T02:00:00Z")
    assert said.subject == "Maintenance Bcc: everybody@example.org"
    assert payload["text"] == f"{said.subject}\nUntil 03:30." and payload["facts"] == {"change": "CHG-42"}
    assert said.body("shop", "2026-11-22T02:00:00Z").splitlines()[0] == "Until 03:30." and "change: CHG-42" in said.body("shop", "x")
    assert Announcement.of("e", "Only this", "", {}).payload("shop", "x")["text"] == "Only this"


def test_a_name_gives_no_secret_away():
    hook, mail, file = parse_targets([HOOK, MAIL, FILE])
    assert (hook.name, mail.name, file.name) == ("chat.example.org", "a@example.org, b@example.org", "/srv/status/feed.ndjson")
    assert hook.secrets == [HOOK["url"]] and "very-secret" not in repr(hook)
    assert parse_targets([{**HOOK, "name": "chat"}])[0].name == "chat"


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "pigeon"},
        {"kind": "webhook"},
        {**HOOK, "url": "file:///etc/passwd"},
        {**HOOK, "url": "https://"},
        {**HOOK, "url": "https://host:99999/"},
        {**HOOK, "headers": {"X": "a\r\nY: b"}},
        {**MAIL, "recipients": []},
        {**MAIL, "sender": "a@example.org\nBcc: b@example.org"},
        {**FILE, "path": "feed.ndjson"},
    ],
)
def test_a_target_that_cannot_be_reached_is_refused(wrong):
    with pytest.raises(BadInput):
        parse_targets([wrong])


@pytest.mark.parametrize(("attempts", "timeout"), [(0, 5), (11, 5), (3, 0), (3, 61)])
def test_patience_has_bounds(attempts, timeout):
    with pytest.raises(BadInput):
        check_patience(attempts, timeout)


@pytest.mark.parametrize("kept", [{**HOOK, "headers": {"Authorization": "Bearer x"}}, MAIL])
def test_what_needs_a_secret_is_not_stored(kept):
    with pytest.raises(BadInput):
        parse_targets([kept])[0].stored()


def test_what_is_stored_is_the_same_target():
    for target in parse_targets([{**HOOK, "extra": {"channel": "ops"}}, FILE]):
        assert parse_targets([target.stored()]) == (target,)
