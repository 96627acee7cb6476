#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: websocket_info
short_description: See whether nginx lets WebSockets through
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Reads the configuration as nginx itself prints it (C(nginx -T)), finds the location to which each path goes, and compares what is in effect there
    with what a WebSocket needs. These are C(proxy_http_version 1.1), the headers C(Upgrade) and C(Connection), and C(proxy_read_timeout) and
    C(proxy_send_timeout) that are long enough. Values of outer levels and of nginx itself count where the location has none.
  - It reads the files as they are on the disk. What nginx has loaded is shown by a real handshake, see V(ws://) in M(runbook.compose.http_probe).
extends_documentation_fragment:
  - runbook.compose.stack
options:
  service:
    description: Compose service that runs nginx. Empty for an nginx of the host.
    type: str
    default: edge
  paths:
    description: Paths of WebSockets, such as V(/ws).
    type: list
    elements: str
    required: true
  min_timeout:
    description: Seconds for which a WebSocket has to be allowed to be silent.
    type: float
    default: 300.0
notes:
  - Only the outcome leaves the target, as the configuration may hold secrets.
  - A location of patterns that Python cannot read (possessive quantifiers) is taken for one that does not match.
  - Reasons of failures are V(nginx_refused) (nginx does not accept its files, or is not there), V(nginx_text_unreadable), V(service_not_running),
    V(engine_unreachable), V(engine_failed) and V(bad_input).
seealso:
  - module: runbook.compose.http_probe
attributes:
  check_mode:
    support: full
    description: Nothing is changed in any case.
  diff_mode:
    support: none
    description: Nothing changes, so there is no difference to show.
"""

EXAMPLES = r"""
- name: See whether WebSockets may be silent for five minutes
  runbook.compose.websocket_info:
    stack_name: shop
    project_dir: /opt/shop
    service: edge
    paths: [/ws]
  register: edge
  failed_when: not edge.healthy
"""

RETURN = r"""
healthy:
  description: Whether nothing is wrong for any path.
  returned: success
  type: bool
  sample: false
pages:
  description: What was found for each path.
  returned: success
  type: list
  elements: dict
  contains:
    page: {description: The path., type: str, sample: /ws}
    places:
      description: The location of each server that passes the path on.
      type: list
      elements: dict
      contains:
        server: {description: "Its C(server_name), else what it listens on.", type: str, sample: shop.example}
        location: {description: The location., type: str, sample: /}
        read_timeout: {description: C(proxy_read_timeout) that is in effect there., type: str, sample: 60s}
        send_timeout: {description: C(proxy_send_timeout) that is in effect there., type: str, sample: 60s}
        problems: {description: What is wrong there., type: list, elements: str, sample: []}
    problems: {description: What is wrong for this path., type: list, elements: str, sample: []}
problems:
  description: What is wrong, of all paths.
  returned: success
  type: list
  elements: str
  sample: ["server shop.example, location /: proxy_http_version is 1.0; only 1.1 can be upgraded"]
container:
  description: Name of the container that was asked. Empty for the host.
  returned: success
  type: str
  sample: shop-edge-1
actions:
  description: Always empty.
  returned: success
  type: list
  elements: dict
  sample: []
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.websocket_info import WebsocketInfo
from ansible_collections.runbook.compose.plugins.module_utils._ansible.argument_spec import stack_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module
from ansible_collections.runbook.compose.plugins.module_utils._ansible.websocket_info_arguments import websocket_info_arguments


def main() -> None:
    run_module(
        arguments=stack_arguments().merged_with(websocket_info_arguments()),
        prepare=WebsocketInfo.from_params,
    )


if __name__ == "__main__":
    main()
