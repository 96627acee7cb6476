#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: token_revocation
short_description: Revoke a token, or all tokens and sessions of a user
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Writes into Redis the keys by which an application knows that a token was revoked, each with the life that its token has left.
  - A token is read here, on the target, for its C(jti) and C(exp). Its signature is not looked at, it is sent nowhere, and it is in no result and no log.
  - The tokens of a user are those in a key that the application keeps for it, whether that is a set, a list, a hash or a sorted set. When they are
    revoked, and proven to be, just they are taken off it; a token that was issued meanwhile stays on it and is told in RV(came_anew).
  - Sessions of a user are deleted with their tokens when O(session_key) and O(user_sessions_key) are given.
  - "How the keys are called is inventory: O(token_key) and the like are names with a place in braces, such as C(token:blacklist:{jti}). In a text around a
    place, C(\\xff) stands for one byte. No character of a user's name or of a jti has a meaning of its own."
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.redis
options:
  state:
    description:
      - V(revoked) revokes. What is revoked already stays as it is; an entry that would end before its token is prolonged.
      - V(listed) only looks.
    type: str
    choices: [revoked, listed]
    default: revoked
  jti:
    description: The identifier of one token. Exactly one of O(jti), O(token) and O(user) is given.
    type: str
  token:
    description: One JSON Web Token, with or without C(Bearer). An encrypted one (JWE), or one without a C(jti), fails with V(token_unreadable).
    type: str
  user:
    description:
      - Whose tokens and sessions. Exactly this user; a name with a character that separates the parts of the key is refused, for it could mean
        somebody else.
    type: str
  database:
    description: Number of the database.
    type: int
    default: 0
  token_key:
    description: The key of a revoked token, with one place such as C({jti}). Only the sessions of a user can be ended without it.
    type: str
    default: ''
  user_tokens_key:
    description: The key that lists the tokens of a user, with one place such as C({user}).
    type: str
    default: ''
  index_tells:
    description:
      - What stands beside a token in a hash or a sorted set at O(user_tokens_key).
      - V(expiry) is the time at which it expires, in seconds or milliseconds since 1970. With V(nothing), or where it is no time, O(default_life) counts.
    type: str
    choices: [nothing, expiry]
    default: nothing
  session_key:
    description: The key of a session, with one place such as C({session}). Needs O(user_sessions_key).
    type: str
    default: ''
  user_sessions_key:
    description: The key that lists the sessions of a user, with one place such as C({user}). Needs O(session_key).
    type: str
    default: ''
  default_life:
    description: Seconds that a token is revoked when nobody says when it expires. At least as long as the application lets any token live.
    type: int
    default: 604800
  leeway:
    description: Seconds that an entry outlives its token, for clocks that differ and for what the application forgives.
    type: int
    default: 60
  max_tokens:
    description: When a user has more tokens or sessions than these, none is touched, and the task fails with V(too_many_keys).
    type: int
    default: 10000
notes:
  - The clock is that of the Redis server. A token that expired more than O(leeway) ago is counted in RV(expired), and nothing is written for it.
  - The module warns when the server may drop entries because it is full (C(maxmemory_policy)).
  - A user of the server (ACL) needs C(time), C(type), C(pttl), C(exists), C(set), C(expire), C(unlink), C(info), and the commands that read and shorten the
    list.
  - Reasons of failures are V(bad_input), V(token_unreadable), V(tokens_not_revoked), V(too_many_keys), V(redis_wrong_type), V(redis_read_only),
    V(redis_out_of_memory), V(redis_restarted), V(redis_unreachable), V(redis_connections_exhausted),
    V(redis_login_refused), V(redis_permission_denied), V(redis_loading), V(redis_busy),
    V(redis_cluster), V(redis_failed), V(redis_not_in_stack), V(engine_unreachable), V(python_library_missing), V(state_unwritable), V(lease_lost).
attributes:
  check_mode:
    support: full
    description: Reads, and changes nothing.
  diff_mode:
    support: full
    description: How many tokens are revoked and how many sessions there are, before and after.
"""

EXAMPLES = r"""
- name: Revoke the token that was found in a log
  runbook.compose.token_revocation:
    stack_name: shop
    project_dir: /srv/shop
    token: "{{ found_token }}"
    token_key: "token:blacklist:{jti}"

- name: Revoke all tokens of a user and end the sessions
  runbook.compose.token_revocation:
    stack_name: shop
    project_dir: /srv/shop
    user: alice
    token_key: "token:blacklist:{jti}"
    user_tokens_key: "token:user:{user}"
    session_key: "session:{session}"
    user_sessions_key: "session-ids:{user}"
  register: revoked

- name: Is this token revoked
  runbook.compose.token_revocation:
    stack_name: shop
    project_dir: /srv/shop
    state: listed
    jti: 7f3a9c
    token_key: "token:blacklist:{jti}"
"""

RETURN = r"""
subject:
  description: What was meant, in words.
  returned: success
  type: str
  sample: user alice
found:
  description: How many tokens were meant.
  returned: success
  type: int
  sample: 3
revoked:
  description: How many of them were revoked, or would be in check mode.
  returned: success
  type: int
  sample: 2
prolonged:
  description: How many were revoked already, and for too short a time.
  returned: success
  type: int
  sample: 0
already_revoked:
  description: How many were revoked already. 0 with O(state=listed), where RV(tokens) tells.
  returned: success
  type: int
  sample: 1
expired:
  description: How many had expired by themselves.
  returned: success
  type: int
  sample: 0
came_anew:
  description: How many tokens the user has got meanwhile. They are not revoked.
  returned: success
  type: int
  sample: 0
sessions_found:
  description: How many sessions the user had.
  returned: success
  type: int
  sample: 2
sessions_ended:
  description: How many of them were deleted. 0 in check mode.
  returned: success
  type: int
  sample: 2
tokens:
  description: The first 100 of them.
  returned: success
  type: list
  elements: dict
  contains:
    jti: {description: Its identifier., type: str, sample: 7f3a9c}
    outcome:
      description:
        - V(revoked), V(prolonged), V(already_revoked) or V(expired).
        - With O(state=listed), V(already_revoked) or V(not_revoked).
      type: str
      sample: revoked
    life: {description: "Seconds that it is revoked from now on, -1 for ever.", type: int, sample: 86460}
table:
  description: The same as text for people.
  returned: success
  type: str
  sample: "user alice: 1 token, 2 sessions\nTOKEN   OUTCOME  SECONDS\n7f3a9c  revoked  86460"
actions:
  description: "What was or would be done: V(revoke), V(forget) or V(end_sessions)."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: revoke}
    target: {description: What was meant., type: str, sample: user alice}
    detail: {description: How many., type: str, sample: 2 tokens}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.token_revocation import TokenRevocation
from ansible_collections.runbook.compose.plugins.module_utils._ansible.redis_arguments import redis_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module
from ansible_collections.runbook.compose.plugins.module_utils._ansible.token_revocation_arguments import token_revocation_arguments


def main() -> None:
    run_module(
        arguments=redis_arguments().merged_with(token_revocation_arguments()),
        prepare=TokenRevocation.from_params,
    )


if __name__ == "__main__":
    main()
