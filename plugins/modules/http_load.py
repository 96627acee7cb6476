#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: http_load
short_description: Send a bounded number of requests to one page of a stack
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Sends requests to one page from several threads, at a rate or as fast as the answers come, and returns statuses, failures and percentiles.
  - It is a tool to test limits and to compare, not to break anything. It sends at most 100000 requests within at most 600 seconds, and only to the stack.
extends_documentation_fragment:
  - runbook.compose.stack
options:
  url:
    description:
      - The page, V(http://host:port/path) or V(https://host:port/path).
      - Its host is this one (a loopback address), a compose service (with O(via=network)), or host and port of a URL in O(declared).
        Any other is refused.
    type: str
    required: true
  via:
    description:
      - V(host) asks the host and port of the URL from the Docker host.
      - V(network) takes the host of the URL as the name of a compose service, whose running containers get the requests in turn.
    type: str
    choices: [host, network]
    default: host
  declared:
    description: URLs whose hosts and ports may get the requests. Give those that the inventory declares, and nobody else's.
    type: list
    elements: str
    default: []
  method:
    description: HTTP method. One that writes is sent O(count) times.
    type: str
    choices: [GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE]
    default: GET
  headers:
    description: HTTP headers to send. Their values are hidden, as with M(runbook.compose.http_probe).
    type: dict
  body:
    description: Body to send. A dictionary or a list is sent as JSON.
    type: raw
  validate_certs:
    description: Whether the TLS certificate must be valid for the host of the URL.
    type: bool
    default: true
  timeout:
    description: Seconds one request may take.
    type: float
    default: 5.0
  status:
    description: HTTP statuses that are good, as numbers or as classes such as V(2xx). All others are errors.
    type: list
    elements: str
    default: [2xx]
  count:
    description: How many requests, from 1 to 100000.
    type: int
    default: 100
  rate:
    description: Requests a second. V(0) sends the next one as soon as an answer came.
    type: float
    default: 0.0
  concurrency:
    description: How many requests are under way at once at most, from 1 to 64. With V(1) they come one after the other.
    type: int
    default: 4
  seconds:
    description: Seconds after which no request begins any more, at most 600. Then fewer than O(count) are sent.
    type: float
    default: 60.0
  connections:
    description:
      - V(kept) sends one request after the other over each of O(concurrency) connections. One that the server closes between two requests is
        opened again, and that is no failure for methods that read.
      - V(new) makes a connection for each request.
    type: str
    choices: [kept, new]
    default: kept
  show_headers:
    description: Names of headers that RV(by_status) shows of the first answer of each status.
    type: list
    elements: str
    default: []
  limits:
    description: What fails the task. Without any, it only tells.
    type: dict
    suboptions:
      max_error_percent:
        description: How many of 100 requests may be errors.
        type: float
      max_p95_ms:
        description: Milliseconds that 95 of 100 answers may take.
        type: float
      max_p99_ms:
        description: Milliseconds that 99 of 100 answers may take.
        type: float
notes:
  - Requests are numbered in the order in which they begin. With O(concurrency) above 1 they may be answered in another one.
  - Reasons of failures are V(load_target_refused) and V(bad_input) (nothing was sent), V(load_over_limits) (the result then holds everything
    that a good one does), V(service_not_running), V(engine_unreachable) and V(engine_failed).
attributes:
  check_mode:
    support: full
    description: Checks the options and looks for the containers, and sends nothing.
  diff_mode:
    support: none
    description: Nothing changes, so there is no difference to show.
"""

EXAMPLES = r"""
- name: Send 1200 requests as one client, and see from which one on they are rejected
  runbook.compose.http_load:
    stack_name: shop
    project_dir: /opt/shop
    url: http://127.0.0.1:8080/api/v1/ping
    headers: {X-API-Key: "{{ test_client_key }}"}
    count: 1200
    concurrency: 8
    show_headers: [Retry-After]

- name: Fifty requests a second for a minute have to be answered well
  runbook.compose.http_load:
    stack_name: shop
    project_dir: /opt/shop
    url: http://api:3000/work?ms=5
    via: network
    count: 3000
    rate: 50
    concurrency: 16
    limits: {max_error_percent: 0.1, max_p95_ms: 200}
"""

RETURN = r"""
requests:
  description: How many were sent.
  returned: success, and when a limit was crossed
  type: int
  sample: 1200
good:
  description: How many of them had a status of O(status).
  returned: success, and when a limit was crossed
  type: int
  sample: 1031
error_percent:
  description: How many of 100 had not.
  returned: success, and when a limit was crossed
  type: float
  sample: 14.08
statuses:
  description: How many answers had which status.
  returned: success, and when a limit was crossed
  type: dict
  sample: {"200": 1031, "429": 169}
by_status:
  description: The same in the order in which the statuses came, with more about each.
  returned: success, and when a limit was crossed
  type: list
  elements: dict
  contains:
    status: {description: The status., type: int, sample: 429}
    count: {description: How many answers had it., type: int, sample: 169}
    first: {description: "Number of the first request that was answered with it, from 1.", type: int, sample: 1012}
    headers: {description: "Headers of that answer that O(show_headers) names, in lower case.", type: dict, sample: {retry-after: "1"}}
failures:
  description: How many requests had no answer, by cause (C(refused), C(reset), C(timeout), C(dns), C(tls), C(not_http), C(unreachable)).
  returned: success, and when a limit was crossed
  type: dict
  sample: {}
latency_ms:
  description: Percentiles of the milliseconds that answers took, whatever their status. V(null) without answers.
  returned: success, and when a limit was crossed
  type: dict
  sample: {p50: 2.1, p95: 4.0, p99: 9.5, max: 31.0}
seconds:
  description: Seconds from the first request to the last answer.
  returned: success, and when a limit was crossed
  type: float
  sample: 0.61
rate:
  description: Requests a second that were really sent.
  returned: success, and when a limit was crossed
  type: float
  sample: 1967.2
actions:
  description: Always empty, as nothing of the stack is changed.
  returned: success
  type: list
  elements: dict
  sample: []
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.http_load import HttpLoad
from ansible_collections.runbook.compose.plugins.module_utils._ansible.argument_spec import stack_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.http_load_arguments import http_load_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=stack_arguments().merged_with(http_load_arguments()),
        prepare=HttpLoad.from_params,
    )


if __name__ == "__main__":
    main()
