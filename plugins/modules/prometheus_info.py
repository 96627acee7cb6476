#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: prometheus_info
short_description: Prove that a Prometheus watches what it should
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Asks the API of a Prometheus for its targets, rules and alertmanagers, and compares them with what is expected.
  - Waits until every target is up and everything expected is there, at most for O(deadline).
  - Changes nothing, and asks the same in check mode.
extends_documentation_fragment:
  - runbook.compose.stack
options:
  url:
    description: Address of Prometheus as seen from the target, such as V(http://127.0.0.1:9090).
    type: str
    required: true
  headers:
    description: Headers of each request, such as C(Authorization).
    type: dict
    default: {}
  validate_certs:
    description: Whether the certificate of an C(https) address is checked.
    type: bool
    default: true
  expect_jobs:
    description: Names of jobs that have to have a target.
    type: list
    elements: str
    default: []
  expect_rules:
    description: Names of alerts and recording rules that have to be loaded.
    type: list
    elements: str
    default: []
  expect_alertmanagers:
    description: How many alertmanagers Prometheus has to know at least.
    type: int
    default: 0
  deadline:
    description: Seconds to wait for what is not there yet. A target that was just added is up after its first scrape.
    type: int
    default: 0
  on_problem:
    description: Whether a problem fails the task, or is only told.
    type: str
    choices: [fail, report]
    default: fail
notes:
  - Reasons of failures are V(monitoring_incomplete), V(prometheus_unusable) and V(bad_input).
  - Alerts that fire are told and are no problem of the monitoring.
seealso:
  - module: runbook.compose.http_probe
"""

EXAMPLES = r"""
- name: Prove that everything is watched
  runbook.compose.prometheus_info:
    stack_name: shop
    project_dir: /srv/shop
    url: http://127.0.0.1:9090
    expect_jobs: [shop, postgres, redis, nginx]
    expect_rules: [ShopDown]
    deadline: 60
"""

RETURN = r"""
healthy:
  description: Whether every target is up and everything that is expected is there.
  returned: success
  type: bool
  sample: true
problems:
  description: What is not as it should be.
  returned: success
  type: list
  elements: dict
  contains:
    section: {description: "V(targets), V(rules) or V(alertmanagers).", type: str, sample: targets}
    problem:
      description: "V(target_down), V(targets_missing), V(job_missing), V(rule_failing), V(rule_missing) or V(alertmanager_missing)."
      type: str
      sample: target_down
    severity: {description: Always V(critical)., type: str, sample: critical}
    subject: {description: What it is about., type: str, sample: "api:3000"}
    message: {description: A sentence., type: str, sample: "api:3000 of job shop is down: connection refused."}
    hint: {description: What to do., type: str, sample: Look at that exporter.}
targets:
  description: Active targets, each with C(job), C(instance), C(health) and C(last_error).
  returned: success
  type: list
  elements: dict
  sample: [{job: shop, instance: "api:3000", health: up, last_error: ""}]
rules:
  description: Rules, each with C(group), C(rule), C(kind), C(health), C(state) and C(last_error).
  returned: success
  type: list
  elements: dict
  sample: [{group: shop, rule: ShopDown, kind: alerting, health: ok, state: inactive, last_error: ""}]
alertmanagers:
  description: The alertmanagers that Prometheus knows, each with its C(url).
  returned: success
  type: list
  elements: dict
  sample: [{url: "http://alertmanager:9093/api/v2/alerts"}]
table:
  description: The targets as aligned text.
  returned: success
  type: str
  sample: "shop  api:3000  up  -"
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.prometheus_info import PrometheusInfo
from ansible_collections.runbook.compose.plugins.module_utils._ansible.argument_spec import stack_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.prometheus_info_arguments import prometheus_info_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=stack_arguments().merged_with(prometheus_info_arguments()),
        prepare=lambda params, host: PrometheusInfo.from_params(params),
    )


if __name__ == "__main__":
    main()
