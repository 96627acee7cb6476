#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: Look at the host below a stack and say what is wrong with it
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Reads disks, memory, load, certificates, listeners, the engine, the clock and the sizes of logs, and compares them with thresholds. Changes nothing.
  - A host whose engine does not answer is looked at as well. What the user may not look at is a problem V(unavailable); the rest is told.
  - Sizes are in bytes, times in UTC, unless the name says otherwise. A number that cannot be known is null.
extends_documentation_fragment:
  - runbook.compose.stack
options:
  sections:
    description:
      - What to look at. By default all of it but V(containers), the containers of all projects of the engine, and V(packages), what apt would upgrade, and
        V(hours), whether it is time for work that people notice.
    type: list
    elements: str
    choices: [system, disks, memory, load, certificates, listeners, engine, clock, logs, containers, packages, hours]
    default: [system, disks, memory, load, certificates, listeners, engine, clock, logs]
  paths:
    description:
      - More places whose disks are looked at, each by a word for what it is for, such as C(backups).
      - V(/), the directory of the engine, O(project_dir) and O(state_dir) are always among them. Of a directory that is not there yet, the one above
        it is looked at.
    type: dict
    default: {}
  certificates:
    description: Certificates to look at. No private key is read. Each needs O(certificates[].file), O(certificates[].served), or both.
    type: list
    elements: dict
    default: []
    suboptions:
      file:
        description: File on the target, in PEM (the first one is the certificate, the others its chain) or DER. A missing one is a problem.
        type: path
      served:
        description: Where it is served, V(host:port) as seen from the target. TLS has to begin at once there.
        type: str
      server_name:
        description: Name that it has to be for, and that the server is asked for. Default is the name in O(certificates[].served).
        type: str
      ca_file:
        description: Authorities to trust, in PEM. Without it, those of the system.
        type: path
  listeners:
    description: What should be listening over TCP, each V(port) or V(address:port) (V(8080), V(127.0.0.1:8080), V([::1]:8080)).
    type: list
    elements: str
    default: []
  hours:
    description:
      - When work that people notice may be done. Each entry has C(from) and C(to) (V("22:00")), and perhaps C(days) (V([sat, sun]), the day on which it
        begins). Without any, every time is fine.
    type: list
    elements: dict
    default: []
  timezone:
    description: Time zone of O(hours), as V(Europe/Berlin). Default is that of the target.
    type: str
    default: ''
  interval:
    description: Seconds, 0 to 60, over which the use of the processors is measured. With 0 it is not.
    type: float
    default: 0
  thresholds:
    description:
      - Numbers of 0 or more, from which on something is a problem. Another name is refused.
      - C(disk_warning_percent) (default 80) and C(disk_critical_percent) (90) of the bytes of a file system, C(inodes_warning_percent) (80) and
        C(inodes_critical_percent) (90) of its inodes.
      - C(memory_warning_percent) (85) and C(memory_critical_percent) (95) that cannot be given any more, C(swap_warning_percent) (50).
      - C(load_warning_per_core) (1.5) over 5 minutes, C(load_critical_per_core) (5) over 15, C(cpu_warning_percent) (90) within O(interval).
      - C(certificate_warning_days) (30) and C(certificate_critical_days) (7), below which a certificate is a problem.
      - C(log_bytes) (1 GiB) of the log of one container.
    type: dict
    default: {}
  on_problem:
    description: With V(fail), the task fails with RV(ignore:reason=host_unhealthy) when a problem of severity V(critical) was found.
    type: str
    choices: [report, fail]
    default: report
seealso:
  - module: runbook.compose.compose_info
notes:
  - Reasons of failures are V(host_unhealthy), V(bad_input), V(engine_failed), V(engine_unreachable), V(packages_unknown),
    V(python_library_missing), V(lease_lost).
"""

EXAMPLES = r"""
- name: Look at the host
  runbook.compose.host_info:
    stack_name: shop
    project_dir: /srv/shop
    paths: {backups: /var/backups/runbook}
  register: host

- name: Show what was found
  ansible.builtin.debug:
    msg: "{{ host.table }}"

- name: Fail when the certificate is about to expire, or when nginx did not read the new one
  runbook.compose.host_info:
    stack_name: shop
    project_dir: /srv/shop
    sections: [certificates, listeners]
    certificates:
      - {file: /etc/letsencrypt/live/shop.example/fullchain.pem, served: "shop.example:443"}
    listeners: ["443", "127.0.0.1:8080"]
    thresholds: {certificate_critical_days: 14}
    on_problem: fail
"""

RETURN = r"""
at:
  description: UTC time of the look.
  returned: success
  type: str
  sample: "2026-11-21T03:10:00Z"
healthy:
  description: Whether no problem of severity V(critical) was found.
  returned: success
  type: bool
  sample: true
verdict:
  description: V(ok), or the worst severity that was found.
  returned: success
  type: str
  sample: warning
problems:
  description: Everything that is beyond its threshold or plainly wrong, the critical first. Empty when all is well.
  returned: success
  type: list
  elements: dict
  contains:
    section: {description: Section in which it was found., type: str, sample: disks}
    problem:
      description:
        - Of V(disks) are V(disk_full), V(inodes_full), V(read_only); of V(memory) V(memory_high), V(swap_high); of V(load) V(load_high), V(cpu_high).
        - Of V(certificates) are V(certificate_missing), V(certificate_unreadable), V(authority_unreadable), V(not_served), V(expired), V(expires_soon),
          V(not_valid_yet), V(wrong_name), V(chain_untrusted), V(not_the_served_one).
        - Of V(listeners) are V(not_listening), V(exposed); of V(engine) V(engine_unreachable); of V(clock) V(clock_unsynchronized); of V(system)
          V(reboot_required); of V(logs) V(log_large), V(log_unbounded); of V(packages) V(security_upgrades). Of any V(unavailable).
      type: str
      sample: disk_full
    severity: {description: "V(critical) or V(warning).", type: str, sample: warning}
    subject: {description: "What it is about: a mount, an address, a container. Empty for the host.", type: str, sample: /}
    message: {description: The problem in a sentence., type: str, sample: "84 % of the disk of / (root, engine) are used, 7.9 GiB free."}
    hint: {description: What to do., type: str, sample: See what takes it; playbooks/service/cleanup.yml removes images that nobody needs.}
table:
  description: Problems and sections as aligned text.
  returned: success
  type: str
  sample: "No problems found."
system:
  description: The host, and whether installed updates wait for a reboot.
  returned: when the section was asked for
  type: dict
  sample: {hostname: shop-1, kernel: 6.1.0-18-amd64, uptime_seconds: 86400, reboot_required: false, reboot_packages: []}
disks:
  description: File systems, each with all that it is looked at for. Inodes are null where a file system has no end of them.
  returned: when the section was asked for
  type: list
  elements: dict
  contains:
    uses: {description: What it is looked at for., type: list, elements: str, sample: [root, engine, project, state]}
    mount: {description: Where it is mounted., type: str, sample: /}
    device: {description: What is mounted., type: str, sample: /dev/vda1}
    fstype: {description: Type of the file system., type: str, sample: ext4}
    read_only: {description: Whether nothing can be written., type: bool, sample: false}
    total_bytes: {description: Its size., type: int, sample: 53687091200}
    free_bytes: {description: What others than root can still write., type: int, sample: 8589934592}
    used_percent: {description: Used in percent of what others than root can have., type: float, sample: 84.0}
    inodes_free: {description: Inodes that others than root can still use., type: int, sample: 2500000}
    inodes_used_percent: {description: Used inodes in percent., type: float, sample: 12.5}
memory:
  description: Memory by what the kernel can still give. C(swap_used_percent) is null without swap. C(oom_kills) are processes killed since boot.
  returned: when the section was asked for
  type: dict
  sample: {total_bytes: 8589934592, available_bytes: 4294967296, used_percent: 50.0, swap_bytes: 0, swap_used_percent: null, oom_kills: 0}
load:
  description: Load, also by core, and what the processors did within O(interval) in percent (null without one).
  returned: when the section was asked for
  type: dict
  sample: {cores: 2, load_1: 0.5, load_5: 0.4, load_15: 0.3, per_core_5: 0.2, per_core_15: 0.15, cpu: {busy: 20.0, waiting_for_disk: 1.5, stolen: 0.0}}
certificates:
  description: One row for each of O(certificates). What was not asked for, or could not be read, is null.
  returned: when the section was asked for
  type: list
  elements: dict
  contains:
    file: {description: The file. Empty without one., type: str, sample: /etc/letsencrypt/live/shop.example/fullchain.pem}
    address: {description: Where it is served. Empty without one., type: str, sample: "shop.example:443"}
    server_name: {description: Name that it has to be for. Empty for any., type: str, sample: shop.example}
    in_file:
      description: The certificate in the file. C(host_matches) is null when no name is known.
      type: dict
      sample: {subject: shop.example, issuer: R3, names: [shop.example], not_before: "2026-10-01T00:00:00Z", not_after: "2026-12-30T00:00:00Z",
               days_left: 39, valid_yet: true, fingerprint: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, host_matches: true}
    in_file_chain: {description: The certificates that follow it., type: list, elements: dict, sample: []}
    file_error: {description: Why the file has none., type: dict, sample: null}
    served:
      description: The certificate that is served.
      type: dict
      sample: {subject: shop.example, issuer: R3, names: [shop.example], not_before: "2026-10-01T00:00:00Z", not_after: "2026-12-30T00:00:00Z",
               days_left: 39, valid_yet: true, fingerprint: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, host_matches: true}
    served_error: {description: Why none is served., type: dict, sample: null}
    same: {description: Whether the served one is that of the file., type: bool, sample: true}
    chain_trusted: {description: Whether a client trusts what is served; null when the dates alone decide., type: bool, sample: true}
    chain_error: {description: Why not., type: str, sample: ""}
listeners:
  description: One row for each of O(listeners), with the addresses at which its port is listened to.
  returned: when the section was asked for
  type: list
  elements: dict
  sample: [{listener: "127.0.0.1:8080", address: 127.0.0.1, port: 8080, listening: true, listens_on: [127.0.0.1]}]
engine:
  description: The engine. Only C(error) tells something when C(reachable) is false.
  returned: when the section was asked for
  type: dict
  sample: {reachable: true, error: "", version: 28.0.1, storage_driver: overlay2, logging_driver: json-file, root_dir: /var/lib/docker,
           live_restore: false, swarm: false, containers: 9, containers_running: 8, images: 12}
clock:
  description: Whether something keeps the clock in time, and by how much it may be off. Null where the kernel does not tell.
  returned: when the section was asked for
  type: dict
  sample: {synchronized: true, error_ms: 12.5}
logs:
  description: What the logs of the stack's containers take, with what was rotated. C(bytes) is null for a driver that sends them elsewhere.
  returned: when the section was asked for
  type: list
  elements: dict
  sample: [{container: shop-api-1, driver: json-file, bytes: 1048576, file_count: 2, limit: 3 x 10m, unbounded: false}]
containers:
  description: All containers of the engine, of any project.
  returned: when the section was asked for
  type: list
  elements: dict
  sample: [{container: shop-api-1, id: 5d41402abc4b2a76b9719d911017c592ab1e7e6f3a3e0b2f8d9c0a1b2c3d4e5f, project: shop, service: api, running: true,
            health: healthy, started_at: "2026-11-21T03:05:00.1Z", restart_policy: unless-stopped}]
hours:
  description: The time in O(timezone), whether it is within O(hours), and when the next ones begin otherwise.
  returned: when the section was asked for
  type: dict
  sample: {local: "2026-11-21T03:10", declared: true, within: true, next_begin: ""}
packages:
  description: What is installed with its version, what is held, and what apt would upgrade by the lists that it fetched last.
  returned: when the section was asked for
  type: dict
  sample: {upgrades: [{package: libc6, before: 2.36-9, after: 2.36-10, security: false}], held: [docker.io], installed: [{package: libc6, version: 2.36-9}]}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.host_info import HostInfo
from ansible_collections.runbook.compose.plugins.module_utils._ansible.host_info_arguments import host_info_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=host_info_arguments(),
        prepare=HostInfo.from_params,
    )


if __name__ == "__main__":
    main()
