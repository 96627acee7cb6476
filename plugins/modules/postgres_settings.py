#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_settings
short_description: Change settings of a Postgres server, the password of a role, and extensions of a database
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Writes settings with C(ALTER SYSTEM), loads them, and proves with a new session that the server goes by them, or that they wait for a restart.
    A setting that waits is a change and no failure; RV(pending_restart) names it.
  - Values are checked before anything is written. When one of them is refused, or is not in effect after the reload, what was written before is
    written back.
  - The password of a role is sent to the server only as a SCRAM verifier, and as part of a login. Neither the log nor C(pg_stat_statements) sees it.
  - The three parts are done in the order settings, extensions, password, each of them whole or not at all.
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.postgres
options:
  settings:
    description:
      - Settings and their values. A null takes back what an earlier C(ALTER SYSTEM) wrote, so that the server's own files hold.
      - Numbers may have a unit (C(64MB), C(30s)); truth values, texts and, for the settings that are lists, lists of texts.
      - What means the same is no change, such as C(64MB) and C(65536kB).
    type: dict
    default: {}
  merge_lists:
    description:
      - Whether the items of a list are added to those that are configured, instead of replacing them.
      - "Lists are C(shared_preload_libraries), C(session_preload_libraries), C(local_preload_libraries), C(search_path), C(temp_tablespaces),
        C(unix_socket_directories), C(log_destination), C(listen_addresses) and C(wal_consistency_checking). All other settings are replaced."
    type: bool
    default: false
  accept:
    description:
      - Names of settings that may get a dangerous value, one that can damage data, lose confirmed transactions, or lock everybody out. Without it
        they are refused with RV(ignore:reason=dangerous_setting).
      - "Dangerous are, for example, C(fsync), C(full_page_writes), C(autovacuum) and C(synchronous_commit) when they are switched off, and every value
        of C(listen_addresses), C(port) and C(hba_file)."
    type: list
    elements: str
    default: []
  role_password:
    description:
      - A role that may log in, and its password. Unchanged when the server keeps the SCRAM verifier of this password already.
      - After a change a login in O(database) has to succeed; otherwise the old password is put back.
      - It needs a superuser, since no other role may read verifiers.
    type: dict
    suboptions:
      role:
        description: Name of the role.
        type: str
        required: true
      password:
        description: Its password.
        type: str
        required: true
  extensions:
    description: Extensions that O(database) shall have. They are created in their default version and never upgraded.
    type: list
    elements: str
    default: []
  database:
    description: Database of O(extensions) and of the login with O(role_password). Without one, the application's own (E(POSTGRES_DB)).
    type: str
    default: ''
  timeout:
    description: Seconds that settings have to be in effect after they were loaded.
    type: int
    default: 10
notes:
  - Settings on the server's command line (C(command) in the compose file) win over C(ALTER SYSTEM) and are refused with
    RV(ignore:reason=setting_overridden).
  - Settings of a database or a role win as well, but only there. The module warns and names them in RV(narrower).
  - They lie in the data directory, so they stay when the container is made anew.
  - A library in a list of libraries has to be there, because the server would not start without it. It is loaded once, for a moment, to know that.
  - Values can be read by all roles of the server that may read its settings, and C(log_statement=ddl) writes them to its log.
  - When the password of O(username) itself is changed, the container's environment still has the old one; change it there as well.
  - Reasons of failures are V(bad_input), V(dangerous_setting), V(setting_overridden), V(setting_not_in_effect), V(password_not_accepted),
    V(postgres_permission_denied), V(postgres_unreachable), V(postgres_login_refused), V(postgres_connections_exhausted), V(postgres_not_in_stack),
    V(postgres_read_only), V(postgres_failed), V(engine_unreachable), V(python_library_missing), V(state_unwritable), V(lease_lost).
seealso:
  - module: runbook.compose.postgres_sessions
"""

EXAMPLES = r"""
- name: Log statements that take longer than a second
  runbook.compose.postgres_settings:
    stack_name: shop
    project_dir: /srv/shop
    settings:
      log_min_duration_statement: 1s

- name: Log no more than the server's own files ask for
  runbook.compose.postgres_settings:
    stack_name: shop
    project_dir: /srv/shop
    settings:
      log_min_duration_statement:

- name: Count statements, from the next restart on
  runbook.compose.postgres_settings:
    stack_name: shop
    project_dir: /srv/shop
    settings:
      shared_preload_libraries: [pg_stat_statements]
    merge_lists: true
    extensions: [pg_stat_statements]
  register: counting

- name: Give the application a new password
  runbook.compose.postgres_settings:
    stack_name: shop
    project_dir: /srv/shop
    role_password:
      role: shop_app
      password: "{{ vault_shop_app_password }}"
"""

RETURN = r"""
settings:
  description: The settings that were asked for, as they are after the task. In check mode as they are.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Name as the server writes it., type: str, sample: work_mem}
    in_effect: {description: "Value that the server goes by, in units of RV(settings[].unit).", type: str, sample: "65536"}
    unit: {description: Unit of numbers. Empty when there is none., type: str, sample: kB}
    written: {description: What C(ALTER SYSTEM) wrote. None when it wrote nothing., type: str, sample: 64MB}
    source: {description: Where the value in effect comes from., type: str, sample: configuration file}
    needs_restart: {description: Whether changes of this setting wait for a restart., type: bool, sample: false}
    pending_restart: {description: Whether a change of it waits now., type: bool, sample: false}
previous:
  description: What C(ALTER SYSTEM) had written for each changed setting, null for nothing. Accepted as O(settings) to undo the change.
  returned: success
  type: dict
  sample: {work_mem: 32MB, log_min_duration_statement: null}
pending_restart:
  description: All settings of the server that wait for a restart, whoever changed them.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Name., type: str, sample: shared_preload_libraries}
    in_effect: {description: Value now., type: str, sample: ""}
    configured: {description: "Value after the restart, V(not set) for the built-in one.", type: str, sample: pg_stat_statements}
narrower:
  description: Databases and roles that have a value of their own for one of O(settings), which wins there.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Name of the setting., type: str, sample: work_mem}
    database: {description: Database. Empty for all., type: str, sample: shop}
    username: {description: Role. Empty for all., type: str, sample: ""}
extensions:
  description: The extensions that were asked for.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Name., type: str, sample: pg_stat_statements}
    version: {description: "Version that the database has, in check mode the one that it would get.", type: str, sample: "1.10"}
    created: {description: Whether this task created or would create it., type: bool, sample: true}
actions:
  description: "What was or would be done: V(set), V(reset), V(reload), V(create_extension) or V(set_password)."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: set}
    target: {description: "Name of the setting, the extension or the role.", type: str, sample: work_mem}
    detail: {description: More about it; never a password., type: str, sample: 32MB -> 64MB}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.postgres_settings import PostgresSettings
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_arguments import postgres_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_settings_arguments import postgres_settings_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=postgres_arguments().merged_with(postgres_settings_arguments()),
        prepare=PostgresSettings.from_params,
    )


if __name__ == "__main__":
    main()
