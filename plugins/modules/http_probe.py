#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: http_probe
short_description: Ask the services of a stack whether they really work
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Asks HTTP, WebSocket, TCP, Redis, Postgres and name service endpoints from the Docker host, and compares each answer with what it must be.
    One task probes everything a stack declares.
  - Each probe ends with one verdict. From good to bad these are V(ok); V(skipped) (not asked, in check mode only); V(too_slow); V(stale)
    (a time in the answer is too old, or in the future); V(not_ready) (it lives and asks to wait);
    V(wrong_answer) (it answers, and not what is expected); V(dead) (refused, cut, no answer in time, no TLS connection, no such name, no running container).
  - V(not_ready) is HTTP status 503 or 429 where it is not expected; for a probe with O(probes[].role=readiness) also a field
    of O(probes[].json) that is there with another value; a Redis that is loading, busy, or without its master;
    a Postgres that starts up or has no connection left.
  - Every probe that is not V(ok) is asked again until O(deadline). That holds for V(wrong_answer) too, because the previous instance
    of a service may still be the one that answers. The verdict is that of the last complete attempt;
    RV(probes[].verdicts) counts those of all attempts. A probe that was V(ok) for O(successes) attempts in a row is not asked again.
  - All probes are asked at the same time, at most eight at once. Proxy variables of the environment are not used.
extends_documentation_fragment:
  - runbook.compose.stack
options:
  probes:
    description: What to ask. At least one.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the probe in results and messages, unique within the call. Without one, the URL without its password.
        type: str
      url:
        description:
          - What to ask.
          - V(http://host:port/path) and V(https://host:port/path). A user and a password in it are sent as basic authentication.
          - V(ws://host:port/path) and V(wss://host:port/path) are good when the upgrade is answered with 101 and the WebSocket's own key, and the
            socket is open until the probe closes it, see O(probes[].stay_open).
          - V(tcp://host:port) is good when a connection is accepted.
          - V(redis://host:6379) is good when PING is answered with PONG.
          - V(postgres://host:5432/database) is good when the login succeeds and SELECT 1 answers 1. Needs C(psycopg2) on the target.
            The database may be left out.
          - V(dns://name) is good when the name resolves.
        type: str
        required: true
      role:
        description: What the probe stands for. It decides what a wrong field of O(probes[].json) means, see the description of the module.
        type: str
        choices: [liveness, readiness, dependency, smoke]
        default: liveness
      via:
        description:
          - V(host) asks the host and port of the URL from the Docker host.
          - V(network) takes the host of the URL as the name of a compose service, and asks every container of it at its address on its network.
            The port is the one inside the container. All of them must pass; one that is not running is V(dead).
            This needs container addresses that are reachable from where the module runs, as they are on a Linux Docker host.
          - Without a value, V(network) for V(redis://) and V(postgres://), and with O(probes[].from_service); V(host) for all others.
        type: str
        choices: [host, network]
      from_service:
        description:
          - Asks from within each container of this service, by the names and routes that it has.
          - V(dns://) uses C(getent) of its image. An image without C(getent) is V(dead).
          - V(http://), V(https://), V(ws://), V(wss://) and V(tcp://) are asked by this module from within the container's network, so that the image needs
            no client. That needs root on the target and an engine that runs there. The host of the URL is then any host, not a service of the stack alone.
          - There is no such option for the others. O(probes[].via=network) asks on the same network instead.
        type: str
      method:
        description: HTTP method. In check mode only V(GET), V(HEAD) and V(OPTIONS) are sent; a probe with another method is V(skipped).
        type: str
        choices: [GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE]
        default: GET
      headers:
        description:
          - HTTP headers to send. Their values are hidden from results and logs, except those of well-known headers that hold no secret (such as C(Accept)),
            and values shorter than four characters.
          - A hidden value is masked wherever else it occurs in the result.
        type: dict
      body:
        description:
          - Body to send. A dictionary or a list is sent as JSON. Not for V(GET), V(HEAD) and V(OPTIONS).
          - A text is hidden from results and logs as a whole; of a dictionary or a list, the values below names such as C(password) or C(token).
        type: raw
      redirects:
        description:
          - V(stop) takes a redirect as the answer; expect its status with O(probes[].status).
          - V(follow) follows up to five redirects to the same scheme, host and port, or from C(http) to C(https) on the same host.
            A redirect to another place is never followed, it is a V(wrong_answer).
        type: str
        choices: [follow, stop]
        default: stop
      validate_certs:
        description: Whether the TLS certificate must be valid for the host of the URL.
        type: bool
        default: true
      username:
        description:
          - User to log in with. For HTTP it is sent as basic authentication.
          - Without one, the one of the URL; without that and with O(probes[].via=network), E(POSTGRES_USER) or E(REDIS_USERNAME) of the container
            (or the file that the variable with C(_FILE) names); for Postgres otherwise C(postgres).
        type: str
      password:
        description:
          - Password to log in with. Without one, it is found as O(probes[].username) is, in E(POSTGRES_PASSWORD) or E(REDIS_PASSWORD),
            or behind C(--requirepass) in the command of a Redis container.
          - A refused login is a V(wrong_answer), never V(ok).
        type: str
      timeout:
        description: Seconds one attempt may take, from the look-up of the name to the last byte of the answer.
        type: float
        default: 5.0
      status:
        description: HTTP statuses that are good, as numbers or as classes such as V(2xx).
        type: list
        elements: str
        default: [2xx]
      json:
        description:
          - Part of the JSON answer that must be there. Of a dictionary, every key given here must be there with such a value;
            a key with dots also reaches into nested dictionaries. Of a list, every item given here must be there, in any order.
          - Other values must be equal and of the same type, so V("1") is not V(1), and V(true) is not V(1).
        type: raw
      header:
        description: Headers the answer must have. A value is exact; one that begins with C(~) is a regular expression that must be found in it.
        type: dict
      contains:
        description: Texts that must be in the body of the answer.
        type: list
        elements: str
      absent:
        description: Texts that must not be in the body of the answer.
        type: list
        elements: str
      max_latency_ms:
        description: Milliseconds an otherwise good answer may take before it is V(too_slow).
        type: float
      max_age:
        description: How old a time in the JSON answer may be before the answer is V(stale).
        type: dict
        suboptions:
          field:
            description:
              - Field that holds the time, dotted for a nested one. ISO 8601 (UTC without a zone), or seconds or milliseconds since 1970.
            type: str
            required: true
          seconds:
            description: Largest difference between that time and the clock of the target, in seconds, to either side.
            type: float
            required: true
      stay_open:
        description:
          - Only for V(ws://) and V(wss://). Seconds for which the WebSocket has to stay open while nothing is sent through it. After them, a ping
            has to be answered within O(probes[].timeout).
          - An attempt that began before O(deadline) may end after it by so much.
        type: float
        default: 0.0
      header_from:
        description:
          - A header whose value, such as a key, the container of O(probes[].from_service) has in its environment. The value is in no option, no command
            line and no result.
        type: dict
        suboptions:
          variable:
            description: Variable of the container that holds the value, or (with C(_FILE) behind it) names a file that does.
            type: str
            required: true
          header:
            description: Name of the header.
            type: str
            default: Authorization
          prefix:
            description: What stands before the value.
            type: str
            default: 'Bearer '
      measure:
        description:
          - When the probe is V(ok), asks it so many times more, one after the other, and returns the percentiles in RV(probes[].measured).
          - Each request has a connection of its own. Of V(redis://), the PING alone is timed; of V(postgres://), the login belongs to it.
          - Only for requests that read. O(probes[].max_latency_ms) does not judge these. A request that is not V(ok) fails the probe with its verdict.
        type: dict
        suboptions:
          requests:
            description: How many, at most 1000.
            type: int
            default: 20
          seconds:
            description: No more requests after so many seconds, which are not part of O(deadline).
            type: float
            default: 10.0
          max_p95_ms:
            description: Milliseconds that 95 of 100 answers may take, before the probe is V(too_slow).
            type: float
          max_p99_ms:
            description: Milliseconds that 99 of 100 answers may take, before the probe is V(too_slow).
            type: float
          max_connect_p95_ms:
            description: Milliseconds that 95 of 100 connections may take to be made, before the probe is V(too_slow).
            type: float
  deadline:
    description: Seconds the whole call may take. V(0) asks each probe once.
    type: float
    default: 30.0
  interval:
    description: Milliseconds between the first attempts. The pause grows by half each time, up to O(longest_interval).
    type: int
    default: 100
  longest_interval:
    description: Milliseconds that the pause grows to. Where it is not more than O(interval), the pause stays as it is.
    type: int
    default: 1000
  most_attempts:
    description: How often each probe is asked at most, not less than O(successes). Without a value, as often as O(deadline) lets.
    type: int
  successes:
    description: Good answers in a row that each probe needs.
    type: int
    default: 1
  on_failure:
    description:
      - V(fail) fails the task when a probe is neither V(ok) nor V(skipped).
      - V(report) only says so in RV(healthy). Bad input and an engine that does not answer fail the task in any case.
    type: str
    choices: [fail, report]
    default: fail
requirements:
  - psycopg2 (Python library on the target) for V(postgres://) probes
notes:
  - At most 1 MiB of an answer is read.
  - A failed probe fails the task with the RV(ignore:reason) V(probe_dead), V(probe_wrong_answer), V(probe_not_ready), V(probe_stale) or V(probe_too_slow),
    after the worst verdict. The result then holds everything that a good one does. RV(ignore:details) names the probes in C(failing).
  - Other reasons are V(bad_input) (nothing was asked), V(engine_unreachable), V(engine_failed), and V(python_library_missing).
attributes:
  check_mode:
    support: full
    description: Asks the same questions and fails alike, but sends only requests that read.
  diff_mode:
    support: none
    description: Nothing changes, so there is no difference to show.
"""

EXAMPLES = r"""
- name: Prove that the service is alive and that its version is the new one
  runbook.compose.http_probe:
    stack_name: shop
    project_dir: /opt/shop
    deadline: 60
    probes:
      - name: api lives
        url: http://api:3000/health
        via: network
        json:
          status: ok
          version: 1.4.2
        max_age:
          field: timestamp
          seconds: 30
      - name: api is ready
        url: http://api:3000/health/ready
        via: network
        role: readiness
        json:
          database: ok
          redis: ok
      - name: edge answers
        url: http://127.0.0.1:8080/
        status: [200, 301]
        max_latency_ms: 500

- name: Look at the dependencies without failing
  runbook.compose.http_probe:
    stack_name: shop
    project_dir: /opt/shop
    deadline: 0
    on_failure: report
    probes:
      - name: postgres
        url: postgres://postgres
        role: dependency
      - name: redis
        url: redis://redis
        role: dependency
      - name: redis by name from the api
        url: dns://redis
        from_service: api
        role: dependency
  register: dependencies

- name: Show them as a table
  ansible.builtin.debug:
    msg: "{{ dependencies.matrix.splitlines() }}"

- name: Measure how long answers take, and look whether WebSockets pass the edge
  runbook.compose.http_probe:
    stack_name: shop
    project_dir: /opt/shop
    probes:
      - name: edge
        url: http://127.0.0.1:8080/health
        measure: {requests: 100, max_p95_ms: 200}
      - name: redis
        url: redis://redis
        measure: {requests: 100, max_p95_ms: 5}
      - name: events
        url: ws://127.0.0.1:8080/ws
        stay_open: 70

- name: Ask a provider with the key that the gateway has
  runbook.compose.http_probe:
    stack_name: shop
    project_dir: /opt/shop
    probes:
      - url: https://api.provider.example/v1/models
        from_service: gateway
        header_from: {variable: PROVIDER_API_KEY}

- name: Send one real request after a change
  runbook.compose.http_probe:
    stack_name: shop
    project_dir: /opt/shop
    probes:
      - name: an order is taken
        url: http://127.0.0.1:8080/api/v1/orders
        role: smoke
        method: POST
        headers:
          X-API-Key: "{{ shop_api_key }}"
        body:
          sku: smoke-test
          quantity: 1
        status: [201]
"""

RETURN = r"""
healthy:
  description: Whether every probe is V(ok) (or was skipped in check mode).
  returned: when the probes were asked, also when the task failed for them
  type: bool
  sample: true
verdict:
  description: The worst verdict of all probes.
  returned: when the probes were asked, also when the task failed for them
  type: str
  sample: ok
probes:
  description: Every probe in the order given, with its last complete attempt.
  returned: when the probes were asked, also when the task failed for them
  type: list
  elements: dict
  contains:
    name:
      description: Name of the probe.
      type: str
      sample: api is ready
    url:
      description: What was asked, without password.
      type: str
      sample: http://api:3000/health/ready
    role:
      description: What the probe stands for.
      type: str
      sample: readiness
    via:
      description: How it was asked, V(host) or V(network).
      type: str
      sample: network
    verdict:
      description:
        - V(ok), V(skipped), V(too_slow), V(stale), V(not_ready), V(wrong_answer) or V(dead).
        - V(not_ready) too when the deadline came before O(successes) good answers in a row.
      type: str
      sample: ok
    message:
      description: What was expected and what came, with at most 200 characters of the answer. Empty when the verdict is V(ok).
      type: str
      sample: 'expected database "ok", got "error"; it said: {"status": "not_ready", "database": "error"}'
    status:
      description: HTTP status. V(null) without an HTTP answer.
      type: int
      sample: 200
    latency_ms:
      description: Milliseconds from the look-up of the name to the last byte. V(null) without an answer.
      type: float
      sample: 4.2
    version:
      description: Field C(version) of a JSON answer, or the version of the Postgres server. Empty without one.
      type: str
      sample: 1.4.2
    json:
      description:
        - The JSON answer, with secrets masked, at most four levels deep, 20 items a level and 200 characters a text. V(null) when there is none.
      type: raw
      sample: {"status": "ok", "database": "ok", "redis": "ok"}
    attempts:
      description: How often the probe was asked.
      type: int
      sample: 3
    first_ok_after_ms:
      description: Milliseconds from the begin of the call to the first good round. V(null) when there was none.
      type: float
      sample: 412.7
    verdicts:
      description: How many attempts ended with which verdict. An attempt that the deadline cut short is not counted.
      type: dict
      sample: {"dead": 1, "not_ready": 1, "ok": 1}
    statuses:
      description: How many of these attempts were answered with which HTTP status, of all replicas together.
      type: dict
      sample: {"200": 1, "503": 1}
    open_ms:
      description: Milliseconds that a WebSocket was open. V(null) for other probes.
      type: float
      sample: 70012.4
    measured:
      description: With O(probes[].measure), what was measured. V(null) without it, or when the probe was not V(ok) before.
      type: dict
      sample: {requests: 100, failed_requests: 0, p50_ms: 3.1, p95_ms: 4.9, p99_ms: 7.7, max_ms: 9.0, connect_p95_ms: 0.4, seconds: 0.34}
    replicas:
      description: The containers asked, each with its own last verdict. The values above are those of the worst. Empty with V(via=host).
      type: list
      elements: dict
      contains:
        container:
          description: Name of the container.
          type: str
          sample: shop-api-1
        verdict:
          description: Verdict on this container.
          type: str
          sample: ok
        message:
          description: What was expected of it and what came.
          type: str
          sample: ''
        status:
          description: HTTP status, V(null) without an HTTP answer.
          type: int
          sample: 200
        latency_ms:
          description: Milliseconds until the last byte, V(null) without an answer.
          type: float
          sample: 4.2
        version:
          description: Version that it told, or empty.
          type: str
          sample: 1.4.2
elapsed_ms:
  description: Milliseconds the probing took.
  returned: when the probes were asked, also when the task failed for them
  type: float
  sample: 437.5
matrix:
  description: The probes as a table for people, a line for each, with aligned columns.
  returned: when the probes were asked, also when the task failed for them
  type: str
  sample: "PROBE         ROLE       VERDICT  STATUS  LATENCY  ATTEMPTS  MESSAGE\napi is ready  readiness  ok       200     4 ms     3"
actions:
  description: Always empty, as probing changes nothing.
  returned: success
  type: list
  elements: dict
  sample: []
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.http_probe import HttpProbe
from ansible_collections.runbook.compose.plugins.module_utils._ansible.argument_spec import stack_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.http_probe_arguments import http_probe_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=stack_arguments().merged_with(http_probe_arguments()),
        prepare=HttpProbe.from_params,
    )


if __name__ == "__main__":
    main()
