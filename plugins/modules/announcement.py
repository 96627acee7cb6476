#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: announcement
short_description: Tell people what happens to a stack, by webhook, mail or file
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Sends one announcement to every target, with retries. It is sent from where the task runs, usually the target.
  - A target that cannot be told is a warning, because nobody wants a rollback for it; O(on_failure=fail) makes it a failure. All others are told in any case.
  - Each announcement is written to the journal of the stack (C(announced)) with how each target took it.
extends_documentation_fragment:
  - runbook.compose.stack
options:
  event:
    description: A stable word for machines, such as V(window_begins).
    type: str
    default: maintenance
  subject:
    description: One line for people.
    type: str
    required: true
  text:
    description: What else there is to say.
    type: str
    default: ''
  facts:
    description: Facts for machines, sent as they are. They must not hold secrets.
    type: dict
    default: {}
  targets:
    description: Whom to tell. Without any, nothing is sent.
    type: list
    elements: dict
    default: []
    suboptions:
      kind:
        description:
          - V(webhook) sends JSON by POST to O(targets[].url), with C(at), C(event), C(stack), C(subject), C(text) and C(facts). Chat systems show C(text).
            Proxies of the environment are used; redirects are not followed.
          - V(mail) sends a mail by O(targets[].host).
          - V(file) adds the same JSON as one line to the file O(targets[].path), for example for a status page.
        type: str
        choices: [webhook, mail, file]
        required: true
      name:
        description: Name in results and messages. Without one, the host of the URL, the recipients, or the path.
        type: str
      url:
        description: Address of a webhook. It is hidden from results and logs, because its path is often the secret.
        type: str
      headers:
        description: Headers of a webhook, such as C(Authorization). Their values are hidden.
        type: dict
      extra:
        description: More keys of the JSON, such as C(channel). They replace those of the same name.
        type: dict
      path:
        description: Absolute path of a file. Its directory has to be there.
        type: path
      host:
        description: Mail server.
        type: str
      port:
        description: Port of the mail server.
        type: int
        default: 25
      sender:
        description: Address that the mail is from.
        type: str
      recipients:
        description: Addresses that the mail goes to.
        type: list
        elements: str
      username:
        description: User to log in with at the mail server. Without one, nobody logs in.
        type: str
      password:
        description: Password of that user.
        type: str
      security:
        description: How the connection to the mail server is protected.
        type: str
        choices: [none, starttls, tls]
        default: none
  attempts:
    description: How often each target is tried, 1 to 10.
    type: int
    default: 3
  timeout:
    description: Seconds that one attempt may wait for the other side, at most 60.
    type: float
    default: 5.0
  on_failure:
    description: What becomes of a target that could not be told.
    type: str
    choices: [warn, fail]
    default: warn
seealso:
  - module: runbook.compose.maintenance_window
notes:
  - Reasons of failures are V(announcement_failed), V(bad_input), V(state_unwritable), V(lease_lost).
  - In check mode nothing is sent; what would be said is in the diff.
"""

EXAMPLES = r"""
- name: Say that the window begins
  runbook.compose.announcement:
    stack_name: shop
    project_dir: /srv/shop
    event: window_begins
    subject: Maintenance of shop until 03:30 UTC
    text: Orders are not taken meanwhile.
    facts: {change: CHG-42}
    targets:
      - kind: webhook
        url: "{{ vault_chat_webhook }}"
      - kind: mail
        host: mail.example.org
        sender: ops@example.org
        recipients: [support@example.org]
      - kind: file
        path: /srv/status/feed.ndjson
"""

RETURN = r"""
subject:
  description: What was said, as one line.
  returned: success
  type: str
  sample: Maintenance of shop until 03:30 UTC
announced:
  description: How each target took it. Empty in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    target: {description: Name of the target., type: str, sample: chat.example.org}
    kind: {description: "V(webhook), V(mail) or V(file).", type: str, sample: webhook}
    delivered: {description: Whether it was taken., type: bool, sample: true}
    attempts: {description: How often it was tried., type: int, sample: 1}
    error: {description: Why it was not taken; empty when it was., type: str, sample: ""}
undelivered:
  description: How many targets were not told.
  returned: success
  type: int
  sample: 0
actions:
  description: "What was or would be done: V(announce) for each target."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: announce}
    target: {description: Name of the target., type: str, sample: chat.example.org}
    detail: {description: Its kind., type: str, sample: webhook}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.announcement import AnnouncementOperation
from ansible_collections.runbook.compose.plugins.module_utils._ansible.announcement_arguments import announcement_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.argument_spec import stack_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=stack_arguments().merged_with(announcement_arguments()),
        prepare=AnnouncementOperation.from_params,
    )


if __name__ == "__main__":
    main()
