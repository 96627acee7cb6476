#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_site
short_description: Put a site's nginx configuration in place, ready for edge_traffic
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Writes the configuration of the site, has nginx test it in its place, reloads nginx gracefully when anything changed, and puts everything back when nginx
    refuses or does not take it over.
  - Adds what M(runbook.compose.edge_traffic) needs and what is missing - its two includes, a resolver, and its variables where requests are passed to a pool
    of O(edge.pools).
  - A configuration that drops or changes what clients depend on (certificates, protocols, C(listen ... ssl), headers and timeouts of WebSockets) is
    refused with RV(ignore:reason=edge_settings_lost).
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.edge
options:
  state:
    description:
      - V(reloaded) changes no file - nginx judges the files and certificates that it has, reads them anew, and is done when only new workers take
        connections. Nothing of ours has to be in them.
    type: str
    choices: [present, reloaded]
    default: present
  content:
    description: The whole configuration file. Without it, the file that is there is made ready.
    type: str
    default: ''
  file:
    description:
      - The file on the target, relative to O(project_dir) or absolute. Default is C(nginx.conf), and for an nginx on the host
        C(/etc/nginx/sites-available/<stack_name>).
      - A file that is mounted by itself is written in place, any other is replaced.
    type: str
    default: ''
  enabled_as:
    description: Link that enables the file, for example V(/etc/nginx/sites-enabled/shop). Without one, none is made.
    type: str
    default: ''
  websockets:
    description:
      - V(ensure) sets what a WebSocket needs wherever requests are passed to a pool - version, headers of the upgrade, and 310 seconds in which it may be
        silent.
    type: str
    choices: [keep, ensure]
    default: keep
  may_change:
    description: Names of settings that may get lost or change, as the refusal names them, or V(all).
    type: list
    elements: str
    default: []
notes:
  - The last ten configurations are kept in C(<state_dir>/<stack_name>/edge/sites), readable by their owner only.
  - Reasons of failures are V(bad_input), V(edge_busy), V(edge_missing), V(edge_not_prepared), V(edge_not_put_back), V(edge_refused),
    V(edge_settings_lost), V(edge_state_damaged), V(engine_unreachable), V(engine_failed), V(python_library_missing), V(state_unwritable), V(timed_out),
    V(lease_lost).
seealso:
  - module: runbook.compose.edge_traffic
"""

EXAMPLES = r"""
- name: Make the configuration that is there ready for edge_traffic
  runbook.compose.edge_site:

- name: Put another one in place
  runbook.compose.edge_site:
    content: "{{ lookup('ansible.builtin.template', 'nginx.conf.j2') }}"
    may_change: [proxy_read_timeout]

- name: Let nginx read its renewed certificate
  runbook.compose.edge_site:
    state: reloaded
"""

RETURN = r"""
path:
  description: The file. Empty with O(state=reloaded).
  returned: success
  type: str
  sample: /srv/shop/nginx.conf
backup:
  description: Where the former configuration is kept. Empty when there was none, or nothing changed.
  returned: success
  type: str
  sample: /var/lib/runbook/shop/edge/sites/20260131T223000Z-1f2e3d4c.conf
enabled_as:
  description: The link that enables it. Empty without one.
  returned: success
  type: str
  sample: /etc/nginx/sites-enabled/shop
actions:
  description: "What was or would be done: V(install) a file of ours, V(write), V(enable), V(reload)."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: write}
    target: {description: "The file, or nginx.", type: str, sample: /srv/shop/nginx.conf}
    detail: {description: Nothing more., type: str, sample: ''}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.edge_site import EdgeSiteFile
from ansible_collections.runbook.compose.plugins.module_utils._ansible.edge_site_arguments import edge_site_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=edge_site_arguments(),
        prepare=EdgeSiteFile.from_params,
    )


if __name__ == "__main__":
    main()
