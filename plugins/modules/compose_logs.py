#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: compose_logs
short_description: Read the logs of a stack's services, bounded, in time order and without secrets
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Reads the logs of all containers of the chosen services, also of those that have stopped, from both streams, and merges them by time.
  - Lines can be chosen by time, stream, level, text, regular expression and fields of JSON. That no line was chosen is a success.
  - Values of secret-looking variables of all containers of the stack, values of JSON fields with secret-looking names, and passwords within URLs are masked.
  - It never follows a log. What it reads and what it returns is bounded, and RV(truncated) tells when a bound was reached.
extends_documentation_fragment:
  - runbook.compose.stack
options:
  services:
    description: Services to read. Without any, all that have containers.
    type: list
    elements: str
    default: []
  since:
    description: Only lines from this time on, in ISO 8601 (without a zone it is UTC), or from this long before now, such as V(45s), V(10m), V(2h) or V(1d).
    type: str
    default: ''
  until:
    description: Only lines before this time, given as for O(since).
    type: str
    default: ''
  tail:
    description: Number of newest chosen lines to return for each container.
    type: int
    default: 200
  scan:
    description:
      - Number of newest lines of each container that are looked at when lines are chosen by O(streams), O(level), O(match), O(text) or O(fields).
      - The window of O(since) and O(until) is cut out of these.
    type: int
    default: 100000
  streams:
    description: Streams to read. The log of a container with a terminal is all V(stdout).
    type: list
    elements: str
    choices: [stdout, stderr]
    default: [stdout, stderr]
  level:
    description:
      - Only lines of this level or a higher one. Lines that do not tell their level are left out.
      - The level is the field C(level), C(severity), C(levelname), C(log.level) or C(lvl) of a JSON line (a word, or a number as of pino), otherwise a word
        near the beginning, as in C(ERROR:), C([error]) or C(level=error).
    type: str
    choices: [debug, info, warning, error, critical]
  match:
    description: Only lines in which this Python regular expression is found. It sees the whole line, with secrets masked.
    type: str
    default: ''
  text:
    description: Only lines that hold this text as it is, such as a request id. It is compared with the whole line, with secrets masked.
    type: str
    default: ''
  fields:
    description: Only JSON lines whose fields have these values. A dot in a name reaches into nested objects. V("502") and V(502) are the same.
    type: dict
    default: {}
  max_bytes:
    description:
      - Bytes of JSON that are returned at most, or written. The oldest lines are left out.
      - Without it, 1 MiB, and with O(destination) 64 MiB.
    type: int
  destination:
    description:
      - File on the target to write the lines to, one JSON object a line, instead of returning them. It is written whole or not at all, with mode V(0600);
        a missing directory is made with mode V(0700). When it holds these very lines already, nothing is changed.
    type: path
    default: ''
notes:
  - A line longer than 64 KiB is cut.
  - Reasons of failures are V(logs_unreadable) (the logging driver of a container of a service in O(services) cannot be read; without O(services)
    such a container is left out with a warning), V(unknown_service), V(state_unwritable), V(project_missing), V(compose_config_invalid),
    V(engine_unreachable), V(engine_failed), V(bad_input).
  - The compose files are needed only to tell whether a named service without containers exists.
seealso:
  - module: runbook.compose.compose_info
"""

EXAMPLES = r"""
- name: Look for errors of the last ten minutes
  runbook.compose.compose_logs:
    stack_name: shop
    project_dir: /srv/shop
    since: 10m
    level: error

- name: Follow one request through all services
  runbook.compose.compose_logs:
    stack_name: shop
    project_dir: /srv/shop
    since: "2026-11-21T03:00:00Z"
    until: "2026-11-21T03:30:00Z"
    text: 5b2f07c1d6b04f0a

- name: Keep the logs as evidence
  runbook.compose.compose_logs:
    stack_name: shop
    project_dir: /srv/shop
    tail: 5000
    destination: /var/lib/runbook/shop/incidents/42/logs.ndjson
"""

RETURN = r"""
lines:
  description: The chosen lines, oldest first. Empty with O(destination).
  returned: success
  type: list
  elements: dict
  contains:
    at: {description: UTC time at which the engine got the line., type: str, sample: "2026-11-21T03:10:00.123456789Z"}
    service: {description: The service., type: str, sample: api}
    container: {description: Name of the container., type: str, sample: shop-api-1}
    stream: {description: V(stdout) or V(stderr)., type: str, sample: stderr}
    level: {description: "V(debug), V(info), V(warning), V(error) or V(critical); empty when the line does not tell.", type: str, sample: error}
    message: {description: "The field C(message) or C(msg) of a JSON line, otherwise the whole line.", type: str, sample: database does not answer}
    fields: {description: The other fields of a JSON line., type: dict, sample: {request_id: 5b2f07c1d6b04f0a}}
count:
  description: Number of lines that are returned or written.
  returned: success
  type: int
  sample: 17
matched:
  description: Number of lines that were chosen, before O(tail) and O(max_bytes).
  returned: success
  type: int
  sample: 17
scanned:
  description: Number of lines that were looked at.
  returned: success
  type: int
  sample: 4711
by_level:
  description: Number of chosen lines of each level, before O(tail) and O(max_bytes).
  returned: success
  type: dict
  sample: {debug: 0, info: 0, warning: 0, error: 15, critical: 2, unknown: 0}
truncated:
  description: Whether a bound was reached, so that there are, or may be, more lines.
  returned: success
  type: bool
  sample: false
since:
  description: Begin of the window in UTC; empty without one.
  returned: success
  type: str
  sample: "2026-11-21T03:00:00.000000Z"
until:
  description: End of the window in UTC; empty without one.
  returned: success
  type: str
  sample: ''
containers:
  description: What was read.
  returned: success
  type: list
  elements: dict
  contains:
    service: {description: The service., type: str, sample: api}
    name: {description: Name of the container., type: str, sample: shop-api-1}
    readable: {description: Whether its logging driver can be read., type: bool, sample: true}
    matched: {description: Number of lines that were chosen., type: int, sample: 17}
    scanned: {description: Number of lines that were looked at., type: int, sample: 4711}
    truncated: {description: Whether O(tail) or O(scan) was reached., type: bool, sample: false}
destination:
  description: The file; empty without one.
  returned: success
  type: str
  sample: /var/lib/runbook/shop/incidents/42/logs.ndjson
actions:
  description: One C(write) when the file was or would be written.
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: write}
    target: {description: The file., type: str, sample: /var/lib/runbook/shop/incidents/42/logs.ndjson}
    detail: {description: How many lines., type: str, sample: 17 lines}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.compose_logs import ComposeLogs
from ansible_collections.runbook.compose.plugins.module_utils._ansible.argument_spec import stack_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.compose_logs_arguments import compose_logs_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=stack_arguments().merged_with(compose_logs_arguments()),
        prepare=ComposeLogs.from_params,
    )


if __name__ == "__main__":
    main()
