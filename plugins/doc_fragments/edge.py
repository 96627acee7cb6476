# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option that describes a stack's edge; twin of ``edge_arguments()``."""

from __future__ import annotations


class ModuleDocFragment:
    """Shared by every module of the action group ``runbook.compose.edge``."""

    DOCUMENTATION = r"""
options:
  edge:
    description:
      - The nginx in front of the stack. The inventory describes it once, in C(stack_edge).
      - Without it, what needs an edge fails with RV(ignore:reason=edge_missing) and names the alternatives.
    type: dict
    suboptions:
      kind:
        description: Whether nginx runs in a container of the stack, or on the host itself.
        type: str
        choices: [compose, host]
        default: compose
      service:
        description: Compose service whose container is nginx.
        type: str
        default: edge
      directory:
        description: Directory of our files on the target, relative to O(project_dir) or absolute.
        type: str
        default: edge
      mounted_as:
        description: Where nginx' container sees O(edge.directory). Read-only is enough.
        type: str
        default: /etc/nginx/runbook
      pools:
        description:
          - Services behind the edge, each with the C(port) of its containers, and for an nginx on the host with the C(server) that gets its requests
            at rest, such as V(127.0.0.1:3000).
          - The site's C(proxy_pass) uses the variable C($runbook_<service>), with C(_) for C(-) and C(.).
        type: dict
        default: {}
      health_paths:
        description: Paths that answer during maintenance too, unless they shall not.
        type: list
        elements: str
        default: []
      operators:
        description: Who passes a closed edge.
        type: dict
        suboptions:
          addresses:
            description: Addresses and networks of operators, as nginx sees them.
            type: list
            elements: str
            default: []
          header:
            description: Header that carries O(edge.operators.secret).
            type: str
            default: X-Maintenance-Bypass
          secret:
            description: 16 to 128 letters, digits, C(_) and C(-). Without it, nobody passes by header.
            type: str
      url:
        description: How the target reaches the edge. With it, the running workers are asked what they serve.
        type: str
        default: ''
      attack:
        description: Limits of the attack profile for each client.
        type: dict
        suboptions:
          rate:
            description: Requests a second.
            type: int
            default: 5
          burst:
            description: Requests at once beyond it.
            type: int
            default: 10
      prefix:
        description: What the names of our variables begin with. Two stacks behind one nginx need two of them.
        type: str
        default: runbook
      command:
        description: How nginx on the host is called, with its own options such as C(-p).
        type: list
        elements: str
        default: [nginx]
      pid_file:
        description: Pid file of nginx on the host.
        type: str
        default: /run/nginx.pid
"""
