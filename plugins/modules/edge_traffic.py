#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_traffic
short_description: Steer what the nginx in front of a stack does with requests
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Says which containers get requests and how many, drains one, closes the edge for maintenance, limits clients during an attack, and exempts addresses
    from limits. What is not named stays as it is.
  - It writes two files of its own that the site's configuration includes, has nginx test them, reloads it gracefully, and waits until only new workers take
    connections. When nginx refuses, the files of before are put back and nothing was interrupted.
  - Every part may have an end. What is over ends whenever the module runs; V(settled) does just that, and is what a scheduled job runs on the target.
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.edge
options:
  state:
    description:
      - V(changed) does what the options say. Without any it gives nginx what our record says, in case somebody edited the files.
      - V(settled) ends what is over, lets pools follow the addresses of their containers, and puts pools to rest whose containers are gone.
    type: str
    choices: [changed, settled]
    default: changed
  pools:
    description:
      - For each service, its containers that get requests. C(containers) is a list of C(name) (or id, or C(service-number)) and C(weight) (1; 0 takes no new
        requests); C(until) or C(minutes) may end it.
      - An empty one puts the pool to rest, where whoever answers to the service's name gets requests.
    type: dict
    default: {}
  maintenance:
    description: Closes the edge with a 503 for everybody but operators, or opens it.
    type: dict
    suboptions:
      state:
        description: Whether it is closed.
        type: str
        choices: ['on', 'off']
        default: 'on'
      until:
        description:
          - The announced end in UTC, such as V(2026-01-31T22:30:00Z). It, or O(maintenance.minutes), must be given, unless it is closed already; then the
            end stays.
        type: str
        default: ''
      minutes:
        description: The same in minutes from when it was closed. A larger number prolongs it.
        type: int
      title:
        description: Headline of the page, at most 80 letters.
        type: str
        default: ''
      notice:
        description: Text of the page, at most 600 letters.
        type: str
        default: ''
      exempt_health:
        description: Whether O(edge.health_paths) answer all the same.
        type: bool
        default: true
      stays:
        description: Whether it stays closed after its end, until it is opened. Else it may not be longer than 24 hours.
        type: bool
        default: false
      admits:
        description:
          - Percent of the clients that are let in all the same, to bring traffic back in steps. It goes by the client's address as nginx sees it, so one
            client gets one answer, and who is let in stays in when the share grows.
          - With a share, nobody can be asked for what strangers get, and RV(proof) does not have it.
        type: int
        default: 0
  attack:
    description: Limits requests of each client, or no longer does.
    type: dict
    suboptions:
      state:
        description: Whether clients are limited.
        type: str
        choices: ['on', 'off']
        default: 'on'
      until:
        description: When it ends, in UTC.
        type: str
        default: ''
      minutes:
        description: The same in minutes from when it was switched on.
        type: int
      rate:
        description: Requests a second, when not O(edge.attack.rate).
        type: int
      burst:
        description: Requests at once beyond it, when not O(edge.attack.burst).
        type: int
  allow:
    description: Addresses that no limit holds for, of the attack profile or of the site where it uses C($runbook_client).
    type: list
    elements: dict
    default: []
    suboptions:
      address:
        description: Address or network.
        type: str
        required: true
      state:
        description: Whether it is exempt.
        type: str
        choices: [present, absent]
        default: present
      until:
        description: When it ends, in UTC.
        type: str
        default: ''
      minutes:
        description: The same in minutes from when it was added.
        type: int
  drain:
    description:
      - Containers (name, id, or C(service-number)) that get no new requests, and services behind the edge whose requests are waited for as they are, for
        example after the edge was closed.
      - The module waits until no connection of nginx to them is open.
    type: list
    elements: str
    default: []
  drain_timeout:
    description: Seconds to wait for O(drain). Then it fails with RV(ignore:reason=drain_timed_out); the containers stay drained.
    type: int
    default: 30
  owner:
    description: Who wants it, kept with each part.
    type: str
    default: ''
notes:
  - A check run without a change proves the maintenance mode as it is, and changes nothing.
  - Reasons of failures are V(bad_input), V(edge_busy), V(edge_missing), V(edge_not_prepared), V(edge_not_put_back), V(edge_refused), V(edge_unproven),
    V(edge_state_damaged), V(drain_timed_out), V(engine_unreachable), V(engine_failed), V(python_library_missing), V(state_unwritable), V(timed_out),
    V(lease_lost).
seealso:
  - module: runbook.compose.http_probe
"""

EXAMPLES = r"""
- name: Close the edge for half an hour
  runbook.compose.edge_traffic:
    maintenance: {minutes: 30, notice: We move to a new database.}

- name: Wait for the requests that are still in flight
  runbook.compose.edge_traffic:
    drain: [api]
    drain_timeout: 60

- name: A tenth of the requests to the new container
  runbook.compose.edge_traffic:
    pools:
      api:
        containers: [{name: shop-api-1, weight: 9}, {name: shop-api-2, weight: 1}]
        minutes: 30

- name: Limit clients for an hour, but not the office
  runbook.compose.edge_traffic:
    attack: {minutes: 60}
    allow: [{address: 192.0.2.0/24, minutes: 60}]
"""

RETURN = r"""
traffic:
  description: What is in force after the task, in check mode what would be. The same words as the options, without secrets.
  returned: success
  type: dict
  contains:
    pools: {description: "Pinned pools by service; one that is not here is at rest.", type: dict, sample: {}}
    maintenance: {description: "Until when the edge is closed, since when, by whom, and its texts. Null when it is open.", type: dict, sample: null}
    attack: {description: "The limit of each client. Null without one.", type: dict, sample: null}
    allowed: {description: Addresses that no limit holds for., type: list, elements: dict, sample: []}
generation:
  description: Number of the configuration that nginx has.
  returned: success
  type: int
  sample: 7
expired:
  description: "Parts that were over: V(maintenance), V(attack), V(pool:api), V(allowed:192.0.2.7)."
  returned: success
  type: list
  elements: str
  sample: [maintenance]
old_workers:
  description: Workers of earlier configurations that still end requests.
  returned: success
  type: int
  sample: 0
drained:
  description: "How O(drain) went. Null when nothing was drained, and in check mode."
  returned: success
  type: dict
  contains:
    connections_left: {description: Connections of nginx that were still open., type: int, sample: 0}
    seconds: {description: How long it took., type: float, sample: 1.2}
proof:
  description: What the edge answered afterwards through O(edge.url). Null in a check run that would change something.
  returned: success
  type: dict
  contains:
    outside: {description: "Status for strangers. Null when it could not be asked, as when the target itself is an operator.", type: int, sample: 503}
    bypass: {description: "Status for operators by header. Null without a secret.", type: int, sample: 200}
    health: {description: "Status of the first health path for strangers. Null without one.", type: int, sample: 200}
    allowed: {description: "For each address of O(allow), whether the workers exempt it. Null when they could not be asked.", type: dict, sample: {}}
actions:
  description: "What was or would be done: V(close), V(open), V(change), V(pin), V(rest), V(limit), V(unlimit), V(allow), V(disallow), V(rewrite), V(drain)."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: close}
    target: {description: "The edge, a service, clients, an address, or a container.", type: str, sample: edge}
    detail: {description: "Until when, or with which weights.", type: str, sample: "until 2026-01-31T22:30:00Z"}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.edge_traffic import EdgeTraffic
from ansible_collections.runbook.compose.plugins.module_utils._ansible.edge_traffic_arguments import edge_traffic_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=edge_traffic_arguments(),
        prepare=EdgeTraffic.from_params,
    )


if __name__ == "__main__":
    main()
