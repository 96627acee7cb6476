"""The run record as real runs leave it."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path

import pytest

from tests.support.runs import PLAYBOOK, Runs, steps, table


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def test_a_good_run_is_told_whole(runs):
    code, record, output = runs.run(
        """
        - name: Look after the shop
          hosts: one, two
          gather_facts: false
          serial: 1
          tasks:
            - name: Do something with each
              ansible.builtin.command: {argv: [echo, "{{ item }}"]}
              loop: [1, 2]
              notify: Tell
            - name: Do it elsewhere
              ansible.builtin.command: {argv: [sleep, "1.1"]}
              delegate_to: localhost
              when: inventory_hostname == 'one'
            - name: Keep a figure
              ansible.builtin.set_stats: {data: {figure: 42}, aggregate: false}
          handlers:
            - name: Tell
              ansible.builtin.debug: {msg: told}
        """,
        "-e", "target_hosts=all", "-e", "unlisted=value-of-no-interest", "--tags", "all", "--limit", "one,two",
        CI_JOB_URL="https://ci.example/jobs/7",
    )  # fmt: skip
    assert code == 0
    assert (record["result"], record["environment"], record["stack"]) == ("succeeded", "staging", "shop")
    assert (record["limit"], record["inventory"], record["check_mode"]) == ("one,two", ["inventory.yml"], False)
    assert record["extra_vars"] == {"names": ["target_hosts", "unlisted"], "values": {"target_hosts": "all"}}
    assert record["who"]["ci"] == {"system": "gitlab", "url": "https://ci.example/jobs/7"}
    assert record["custom_stats"] == {"_run": {"figure": 42}}
    assert [play["hosts"] for play in record["plays"]] == [["one"], ["two"]]
    assert steps(record) == [
        ("Do something with each", "one", "changed"),
        ("Do it elsewhere", "one", "changed"),
        ("Keep a figure", "one", "ok"),
        ("Tell", "one", "ok"),
        ("Do something with each", "two", "changed"),
        ("Do it elsewhere", "two", "skipped"),
        ("Keep a figure", "two", "ok"),
        ("Tell", "two", "ok"),
    ]
    elsewhere = record["plays"][0]["steps"][1]
    assert elsewhere["delegated_to"] == "localhost" and elsewhere["duration_ms"] >= 1100
    assert record["failure"] == {} and record["unfinished"] == []
    assert record["finished_at"] > record["started_at"]

    shown = table(output).splitlines()
    assert shown[0].startswith("shop.yml in staging: succeeded after ")
    assert any(line.endswith("slow") and line.startswith("Do it elsewhere") for line in shown)
    assert "skipped" not in table(output) and all(len(line) <= 100 for line in shown[1:])


def test_the_file_is_private_and_its_name_tells_what_it_is(runs):
    runs.run("- {hosts: one, gather_facts: false, tasks: [{name: Look, ansible.builtin.debug: {msg: x}}]}")
    (file,) = runs.files()
    record = runs.record()
    stamp = record["started_at"][:19].replace("-", "").replace(":", "")
    assert file.name == f"{stamp}Z-shop-{record['id'][:8]}.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == [file.name]


NESTED = """
    - name: Deploy
      hosts: one
      gather_facts: false
      tasks:
        - name: Release
          block:
            - name: Bring in the switch
              ansible.builtin.include_tasks: switch.yml
          rescue:
            - name: Go on, or end as failed
              ansible.builtin.assert: {that: recovers | bool, fail_msg: The release failed and the one before it runs}
          always:
            - name: Let go
              ansible.builtin.debug: {msg: free}
"""
SWITCH = """
    - name: Switch
      block:
        - name: Prove that it answers
          ansible.builtin.command: {argv: [sh, -c, "echo connection refused >&2; exit 7"]}
      rescue:
        - name: Return to what ran
          ansible.builtin.fail: {msg: returned}
"""


def test_a_rescued_failure_does_not_fail_the_run(runs):
    runs.write("switch.yml", SWITCH)
    code, record, unused_output = runs.run(NESTED, "-e", "recovers=true")
    assert (code, record["result"], record["failure"]) == (0, "succeeded", {})
    assert steps(record) == [
        ("Prove that it answers", "one", "rescued"),
        ("Return to what ran", "one", "rescued"),
        ("Go on, or end as failed", "one", "ok"),
        ("Let go", "one", "ok"),
    ]
    assert record["hosts"]["one"]["rescued"] == 2


def test_a_rescue_that_fails_again_is_told_with_what_caused_it(runs):
    runs.write("switch.yml", SWITCH)
    code, record, output = runs.run(NESTED, "-e", "recovers=false")
    assert (code, record["result"]) == (2, "failed")
    failure = record["failure"]
    assert (failure["host"], failure["step"]) == ("one", "Go on, or end as failed")
    assert failure["msg"].endswith("The release failed and the one before it runs")
    assert failure["cause"]["step"] == "Prove that it answers"
    assert failure["cause"]["msg"].endswith("connection refused")
    assert "FAILED one: Go on, or end as failed" in output and "CAUSE one: Prove that it answers" in output


def test_modules_of_this_collection_tell_probes_and_a_reason(runs):
    code, record, output = runs.run(
        """
        - name: Check
          hosts: one
          gather_facts: false
          tasks:
            - name: Prove that it answers
              runbook.compose.http_probe:
                stack_name: shop
                project_dir: "{{ playbook_dir }}"
                deadline: 0
                probes: [{name: api, url: "tcp://127.0.0.1:1"}]
        """
    )
    assert (code, record["failure"]["reason"]) == (2, "probe_dead")
    (probe,) = record["probes"]
    assert (probe["host"], probe["step"], probe["name"], probe["verdict"]) == ("one", "Prove that it answers", "api", "dead")
    assert "(probe_dead)" in output


def test_an_unreachable_host_is_told_beside_one_that_works(runs):
    code, record, unused_output = runs.run(
        """
        - {name: Ping, hosts: "one, gone", gather_facts: false, tasks: [{name: Look, ansible.builtin.command: "true"}]}
        """
    )
    assert (code, record["result"]) == (4, "unreachable")
    assert sorted(steps(record)) == [("Look", "gone", "unreachable"), ("Look", "one", "changed")]
    assert (record["failure"]["host"], record["failure"]["reason"]) == ("gone", "unreachable")
    assert record["hosts"]["gone"]["unreachable"] == 1


def test_the_free_strategy_tells_every_step(runs):
    tasks = "[{name: First, ansible.builtin.command: 'true'}, {name: Second, ansible.builtin.command: 'true'}]"
    record = runs.run(f"- {{hosts: 'one, two', strategy: free, gather_facts: false, tasks: {tasks}}}")[1]
    assert sorted(steps(record)) == [
        (name, host, "changed") for name in ("First", "Second") for host in ("one", "two")
    ]  # fmt: skip


def test_no_secret_reaches_the_file_or_the_table(runs):
    secrets = {
        "host": "hunter2-of-the-host",
        "play": "secret-of-the-play",
        "task": "secret-of-the-task",
        "role": "secret-of-the-role",
        "extra": "secret-of-extra-vars",
        "fact": "secret-of-a-fact",
        "environment": "secret-of-the-environment",
        "hidden": "value-that-no-log-covers",
        "encrypted": "value-out-of-the-vault",
    }
    for name, text in {"defaults": f"api_key: {secrets['role']}", "tasks": "- {name: Tell, ansible.builtin.debug: {msg: '{{ api_key }}'}}"}.items():
        (runs.directory / "roles" / "telling" / name).mkdir(parents=True)
        runs.write(f"roles/telling/{name}/main.yml", text)
    runs.write("vault-word", "a word\n")
    encrypted = subprocess.run(
        [str(Path(PLAYBOOK).with_name("ansible-vault")), "encrypt_string", "--vault-password-file", "vault-word", secrets["encrypted"]],
        cwd=runs.directory, env=runs.environment, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    indented = encrypted.strip().replace("\n", "\n" + " " * 20)
    code, record, output = runs.run(
        f"""
        - name: Leak
          hosts: one
          gather_facts: false
          vars:
            shop: {{db: {{password: {secrets['play']}}}}}
            plain_name: {indented}
          tasks:
            - name: Hidden
              ansible.builtin.debug: {{msg: {secrets['hidden']}}}
              no_log: true
            - name: Bring in a role
              ansible.builtin.include_role: {{name: telling}}
            - name: Learn
              ansible.builtin.set_fact: {{api_token: "{{{{ 'secret-of-' ~ 'a-fact' }}}}"}}
            - name: "Named after {{{{ shop.db.password }}}}"
              ansible.builtin.assert:
                that: false
                quiet: true
                fail_msg: >-
                  {{{{ shop_password }}}} {{{{ shop.db.password }}}} {{{{ task_password }}}} {{{{ release_secret }}}} {{{{ api_token }}}}
                  {{{{ lookup('env', 'SHOP_TOKEN') }}}} {{{{ plain_name }}}} http://me:in-the-url@host/ and the end
              vars: {{task_password: {secrets['task']}}}
        """,
        "-e", json.dumps({"release_secret": secrets["extra"]}), "--vault-password-file", "vault-word",
        SHOP_TOKEN=secrets["environment"], RUNBOOK_RECORD_VARIABLES="release_secret,kind",
    )  # fmt: skip
    assert code == 2
    assert record["failure"]["msg"].endswith("and the end")
    assert record["extra_vars"] == {"names": ["release_secret"], "values": {}}
    assert record["plays"][0]["steps"][0]["hidden"] is True
    kept = runs.files()[0].read_text() + table(output)
    assert [name for name, secret in secrets.items() if secret in kept] == []
    assert "in-the-url" not in kept


def test_check_mode_is_told(runs):
    code, record, output = runs.run(
        "- {hosts: one, gather_facts: false, tasks: [{name: Write, ansible.builtin.copy: {content: x, dest: '{{ playbook_dir }}/x'}}]}",
        "--check",
    )
    assert (code, record["check_mode"], record["result"]) == (0, True, "succeeded")
    assert "shop.yml in staging, check mode: succeeded" in output
    assert not (runs.directory / "x").exists()
