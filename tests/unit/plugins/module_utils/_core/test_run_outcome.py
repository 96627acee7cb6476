from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.run_outcome import bounded, read_outcome

OURS = "runbook.compose.release"
COMMAND = "ansible.builtin.command"


def test_a_good_step_has_no_reason_and_a_short_message():
    outcome = read_outcome("ok", "ansible.builtin.debug", {"msg": " hello " + "x" * 1000, "reason": "odd"})
    assert outcome.reason == ""
    assert outcome.message.startswith("hello xxx") and outcome.message.endswith("... (706 more characters)")


def test_trouble_carries_the_reason_of_our_modules():
    assert read_outcome("failed", OURS, {"msg": "No.", "reason": "lease_held"}).reason == "lease_held"


@pytest.mark.parametrize("reason", [None, "", ["a"], 7])
def test_trouble_without_a_usable_reason_is_failed(reason):
    assert read_outcome("rescued", COMMAND, {"msg": "No.", "reason": reason}).reason == "failed"


def test_unreachable_is_its_own_reason():
    assert read_outcome("unreachable", COMMAND, {"msg": "ssh", "reason": "x"}).reason == "unreachable"


def test_a_failed_command_tells_the_end_of_its_standard_error():
    result = {"msg": "non-zero return code.", "stderr": "\n".join(f"line {number}" for number in range(9))}
    assert read_outcome("failed", COMMAND, result).message == "non-zero return code: line 4 | line 5 | line 6 | line 7 | line 8"


def test_a_failed_loop_tells_its_first_failed_item():
    result = {
        "msg": "One or more items failed",
        "results": [
            {"msg": "fine", "_ansible_item_label": "a"},
            {"failed": True, "msg": "refused", "reason": "no", "_ansible_item_label": "b"},
            {"failed": True, "msg": "later", "_ansible_item_label": "c"},
        ],
    }
    outcome = read_outcome("failed", OURS, result)
    assert (outcome.message, outcome.reason) == ("(item b) refused", "no")


def test_a_list_of_texts_is_one_message():
    assert read_outcome("failed", "ansible.builtin.assert", {"msg": ["one", "two"]}).message == "one two"


@pytest.mark.parametrize("message", [None, 5, {"a": 1}])
def test_what_is_no_text_is_no_message(message):
    assert read_outcome("ok", "ansible.builtin.debug", {"msg": message}).message == ""


def test_a_censored_result_is_told_as_hidden():
    outcome = read_outcome("failed", COMMAND, {"censored": "the output has been hidden"})
    assert outcome.hidden and outcome.message == "the output has been hidden"


def test_actions_are_read_from_this_collection_only():
    result = {"actions": [{"action": "replace", "target": "api"}, "odd"]}
    assert read_outcome("changed", OURS, result).actions == ({"action": "replace", "target": "api"},)
    assert read_outcome("changed", "other.collection.module", result).actions == ()


def test_a_loop_tells_the_actions_of_all_its_items_up_to_a_bound():
    result = {"results": [{"actions": [{"action": "a", "target": str(number)}]} for number in range(150)]}
    assert len(read_outcome("changed", OURS, result).actions) == 100


def test_probes_keep_verdict_and_latency_but_not_the_answer():
    probe = {"name": "api", "verdict": "ok", "latency_ms": 4.2, "status": 200, "attempts": 1, "message": "", "json": {"a": 1}}
    (told,) = read_outcome("ok", "runbook.compose.http_probe", {"probes": [probe]}).probes
    assert told == {"name": "api", "verdict": "ok", "latency_ms": 4.2, "status": 200, "attempts": 1, "message": ""}


def test_what_is_asked_of_probes_is_not_taken_for_their_verdict():
    assert read_outcome("ok", "runbook.compose.compose_info", {"probes": [{"name": "api"}]}).probes == ()


def test_a_release_is_told_with_its_image_ids():
    entry = {"id": "0002", "version": "v2", "verdict": "verified", "images": {"auth": {"id": "sha256:aa", "kept_as": "x"}}}
    (told,) = read_outcome("changed", OURS, {"release": entry}).releases
    assert told == {
        "id": "0002",
        "version": "v2",
        "verdict": "verified",
        "images": [{"service": "auth", "image_id": "sha256:aa"}],
    }


@pytest.mark.parametrize("entry", [None, {}, "previous", {"id": "0001"}])
def test_what_is_no_ledger_entry_is_no_release(entry):
    assert read_outcome("ok", OURS, {"release": entry}).releases == ()


def test_bounded_text_says_how_much_is_left_off():
    assert bounded("abcdef", 6) == "abcdef"
    assert bounded("abcdef", 4) == "abcd ... (2 more characters)"
