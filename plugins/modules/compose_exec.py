#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: compose_exec
short_description: Run one command in a container of a service, within bounds
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Runs a command in a running container of a service, or in a container of its own that is made like those of the service and removed afterwards.
  - Nothing is interactive and nothing is endless. There is no terminal, standard input is empty unless O(stdin) is given, and a command that does
    not end in time is stopped.
  - The two streams are told apart, bounded, and shown without the secrets of the container's environment.
extends_documentation_fragment:
  - runbook.compose.stack
options:
  service:
    description: Service of the compose files.
    type: str
    required: true
  argv:
    description:
      - The command as a list of words. A string is refused, as no shell reads it. For pipes name the shell, as in V(["sh", "-c", "ls | wc -l"]).
      - It is visible in process lists and in the journal. Secrets belong in O(environment) or O(stdin).
      - With O(mode=running) it runs as it is; with O(mode=one_off) the image's entrypoint, if it has one, gets it, as with C(docker compose run).
    type: raw
    required: true
  mode:
    description:
      - V(running) runs it in a container of the service that runs already.
      - V(one_off) runs it in a new container of the service's image, with the service's configuration, volumes and networks, but without its
        published ports, its network
        aliases and its health check. Services that it depends on are not started. The container is removed in any case.
        When the module itself was killed, the next O(mode=one_off) of the stack removes what it left behind.
    type: str
    choices: [running, one_off]
    default: running
  variables:
    description:
      - "Compose variables that replace those of the env file for this run only, such as V({APP_VERSION: v3}) for the image of another release.
        Only with O(mode=one_off)."
      - They reach what the compose files say with C(${...}). They do not reach a file named under C(env_file) of the service. Secrets are refused.
    type: dict
    default: {}
  image:
    description:
      - Image of the container, instead of the one that the compose files name. Only with O(mode=one_off).
      - A registered release that was built, or whose tag means something else by now, has its image only under the ledger's own name, C(kept_as)
        in RV(runbook.compose.release#module:release), until it is staged.
    type: str
    default: ''
  index:
    description: Number of the container when the service has several. Without it, the first one that runs is taken. Only with O(mode=running).
    type: int
  timeout:
    description:
      - Seconds after which the command is stopped. With O(mode=running) the process and those below it are asked to end and killed 2 seconds later;
        with O(mode=one_off) the container is stopped, and killed 5 seconds later.
      - A process in a running container can be stopped only when the engine runs on the target. Otherwise the failure says that it may still run.
    type: float
    default: 60.0
  read_only:
    description:
      - Whether the command changes nothing. Then the task is never changed, and the command runs in check mode too.
      - You vouch for it; it cannot be checked.
    type: bool
    default: false
  environment:
    description: Variables for the command, added to those of the container. They are in no argv, no result and no file, so they may be secret.
    type: dict
    default: {}
  stdin:
    description: Text for the command's standard input. It is not shown; when it is a single line, it is masked in the output too.
    type: str
  user:
    description: User, or user and group as V(1000:1000), to run as. Without one, the container's own.
    type: str
    default: ''
  workdir:
    description: Directory inside the container to run in. Without one, the container's own.
    type: str
    default: ''
  success_codes:
    description: Exit codes that mean success.
    type: list
    elements: int
    default: [0]
  parse:
    description: V(json) takes stdout as one JSON value and returns it as RV(json). Other output is a failure.
    type: str
    choices: [text, json]
    default: text
  max_bytes:
    description: Bytes of stdout and of stderr, each, that are returned. The rest is read and thrown away.
    type: int
    default: 1048576
notes:
  - Reasons of failures are V(command_failed) (RV(ignore:details) has C(exit_code), C(oom_killed) and the last lines of both streams),
    V(executable_missing) (exit code 126 or 127),
    V(command_timed_out) (C(stopped) in RV(ignore:details) tells whether it has really ended), V(output_not_json), V(service_not_running),
    V(unknown_service), V(image_missing),
    V(compose_config_invalid), V(compose_failed) (the one-off container could not be started), V(project_missing), V(engine_unreachable),
    V(engine_failed), V(state_unwritable), V(bad_input).
  - Images are never pulled or built for O(mode=one_off).
  - In check mode, a missing image or a service that does not run is a warning, as an earlier task of the same run might have changed that.
  - Unless O(read_only=true), the stack's journal gets C(command_started), and C(command_ended) or C(command_failed).
  - With O(mode=one_off), warnings of Docker Compose come first in RV(stderr).
  - A process that the command leaves running in the background of a running container goes on when the command has ended.
seealso:
  - module: runbook.compose.compose_service
  - module: runbook.compose.release
"""

EXAMPLES = r"""
- name: See which processes the API runs
  runbook.compose.compose_exec:
    stack_name: shop
    project_dir: /srv/shop
    service: api
    argv: [cat, /proc/1/status]
    read_only: true

- name: Ask a release that is registered and not yet staged which migrations are pending
  runbook.compose.compose_exec:
    stack_name: shop
    project_dir: /srv/shop
    service: api
    argv: [app, migrate, status]
    mode: one_off
    variables: {APP_VERSION: v3}
    image: runbook.local/shop/api:0002
    timeout: 120
    read_only: true
    parse: json
  register: schema

- name: Apply them
  runbook.compose.compose_exec:
    stack_name: shop
    project_dir: /srv/shop
    service: api
    argv: [app, migrate, deploy]
    mode: one_off
    variables: {APP_VERSION: v3}
    image: runbook.local/shop/api:0002
    timeout: 600
  when: schema.json.pending | length > 0
"""

RETURN = r"""
service:
  description: The service.
  returned: success
  type: str
  sample: api
container:
  description: Name of the container. Empty in check mode when none runs.
  returned: success
  type: str
  sample: shop-api-1
ran:
  description: Whether the command was run. In check mode only with O(read_only=true).
  returned: success
  type: bool
  sample: true
exit_code:
  description: Exit code of the command.
  returned: when the command was run
  type: int
  sample: 0
stdout:
  description: What it printed on stdout.
  returned: when the command was run
  type: str
  sample: "Name:\tpython3\n"
stderr:
  description: What it printed on stderr.
  returned: when the command was run
  type: str
  sample: ''
stdout_truncated:
  description: Whether it printed more than O(max_bytes) on stdout.
  returned: when the command was run
  type: bool
  sample: false
stderr_truncated:
  description: Whether it printed more than O(max_bytes) on stderr.
  returned: when the command was run
  type: bool
  sample: false
json:
  description: The JSON value on stdout; secrets in it are masked, by their names too.
  returned: when the command was run with O(parse=json)
  type: raw
  sample: {"pending": []}
duration_ms:
  description: Milliseconds from the start of the command (with O(mode=one_off), of making the container) to its end.
  returned: when the command was run
  type: int
  sample: 412
actions:
  description: One C(run) with the service and the mode; empty with O(read_only=true).
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: run}
    target: {description: The service., type: str, sample: api}
    detail: {description: The mode., type: str, sample: one_off}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.compose_exec import ComposeExec
from ansible_collections.runbook.compose.plugins.module_utils._ansible.argument_spec import stack_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.compose_exec_arguments import compose_exec_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=stack_arguments().merged_with(compose_exec_arguments()),
        prepare=ComposeExec.from_params,
    )


if __name__ == "__main__":
    main()
