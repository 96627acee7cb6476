#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_keys
short_description: List keys of a Redis database, delete them, let them expire, or empty the database
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Finds keys by their exact names, by a prefix or by a pattern, counts them, and describes some of them.
  - It never asks for C(KEYS) or C(FLUSHALL). Keys are found with C(SCAN) and deleted with C(UNLINK), in batches that shrink when the server takes longer
    than 5 ms for one and grow when it takes less, so that other clients hardly wait.
  - When it has deleted keys, it looks for them again. What an application has written anew meanwhile is told in RV(came_anew), and is no failure.
  - "Any byte may be in a key. Here a key is text: what can be printed stands for itself, every other byte and the backslash is written as C(\\xff). What a
    result shows can be given back in O(keys) and O(prefix)."
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.redis
options:
  state:
    description:
      - V(listed) changes nothing.
      - V(absent) deletes the keys.
      - V(expiring) gives each key a random life of at most O(spread) seconds, so that a database behind a cache is not asked for everything at once. A key
        that expires sooner keeps its expiry.
      - V(flushed) deletes all keys of one database but those below O(protected_prefixes). It needs O(database) and O(confirm). What is protected is
        counted before and afterwards, and when more of it is gone than has expired meanwhile and than a hundredth, which an application may have deleted
        itself, the task fails with RV(ignore:reason=protected_lost).
    type: str
    choices: [listed, absent, expiring, flushed]
    default: listed
  database:
    description: Number of the database. Without one, V(0).
    type: int
  keys:
    description:
      - Exact names. Exactly one of O(keys), O(prefix), O(pattern) and O(family) is given, and none of them with O(state=flushed).
      - A text with commas is several names, as in every list of Ansible. Give a list.
      - No character of a name has a meaning of its own, but C(\xff) stands for one byte.
    type: list
    elements: str
  prefix:
    description:
      - What the names begin with. No character has a meaning of its own, but C(\xff) stands for one byte.
      - The empty prefix means all keys, and is taken only with O(state=listed).
    type: str
  pattern:
    description:
      - A pattern as C(SCAN) knows it, with C(*), C(?), C([a-z]), C([^a]), and a backslash before a character that shall stand for itself.
      - A pattern that leaves nothing out is taken only with O(state=listed).
    type: str
  family:
    description: An entry of O(families).
    type: str
  of:
    description:
      - "Whose keys of O(family) are meant: a user, an address, an id. Without it, all of them are."
      - "With several places in the C(key_of) of the family, a dictionary such as C({user: alice, client: 10.0.0.1}). Places that stand last may be left
        out, and mean any; a text means the first place."
      - It is taken exactly. The empty text is refused, and does not mean all. So is a text with a character that separates the parts of the key, unless
        it is an IPv6 address that stands last.
    type: raw
  families:
    description:
      - "What families of keys there are, by name. It is inventory, C(stack_redis.keys)."
      - "Each entry says with one of C(key), C(prefix) and C(pattern) which keys are all of it; with one of C(key_of) and C(prefix_of), in which a
        place such as C({user}) stands for O(of), which are those of one; and with C(type), if all have the same, of which type they are."
      - Behind the place in a C(prefix_of), something has to follow, else C(alice) would mean C(alice2) as well.
    type: dict
    default: {}
  type:
    description:
      - Only keys of this type.
      - A key in O(keys) that holds another type is a failure with RV(ignore:reason=redis_wrong_type).
    type: str
    choices: [string, list, set, zset, hash, stream]
  without_expiry:
    description: Only keys that never expire.
    type: bool
    default: false
  protected_prefixes:
    description:
      - Prefixes below which nothing is deleted or let expire, such as those of revoked tokens, lockouts and sessions. It is inventory, C(stack_redis).
      - When a key in O(keys) lies below one, or nothing but such keys could match O(prefix) or O(pattern), the task fails with
        RV(ignore:reason=keys_protected) and touches nothing.
      - When other keys match as well, these are touched, and those that are protected are left alone and counted in RV(left_alone).
    type: list
    elements: str
    default: []
  accept_protected:
    description: Entries of O(protected_prefixes), written exactly the same, that are not protected in this task.
    type: list
    elements: str
    default: []
  max_keys:
    description:
      - When more keys than these would be touched, none is, and the task fails with RV(ignore:reason=too_many_keys).
      - It does not hold for O(state=flushed).
    type: int
    default: 100000
  spread:
    description: Seconds within which all keys are gone, with O(state=expiring).
    type: int
    default: 300
  confirm:
    description: O(stack_name), for O(state=flushed).
    type: str
    default: ''
  sample_size:
    description: How many keys are described in RV(sample), at most 1000.
    type: int
    default: 20
  order:
    description:
      - Which keys are described in RV(sample), with O(state=listed).
      - V(found) are those that are found first. V(largest) and V(smallest) are those with the largest or smallest number, of all that match.
      - The number is the value of a string, O(order_by) of a hash, and the number of elements of everything else.
    type: str
    choices: [found, largest, smallest]
    default: found
  order_by:
    description: Field of hashes that holds the number. Without one, it is the number of fields.
    type: str
    default: ''
  show_values:
    description: Whether RV(sample) shows values. They may be secrets, and are then in the output of the run.
    type: bool
    default: false
  max_elements:
    description: How many elements of a list, set, sorted set, hash or stream are shown.
    type: int
    default: 20
  timeout:
    description: Seconds for all of it. The task then fails with RV(ignore:reason=timed_out), and says how many keys were touched; run again, it goes on.
    type: int
    default: 600
notes:
  - A key that the server shows twice, because its table grew or shrank meanwhile, counts twice in RV(matched), and never in RV(deleted).
  - A user of the server (ACL) needs C(scan), C(unlink), C(info), C(ping), C(dbsize), C(type), C(pttl) and C(pexpire). Without C(memory|usage), or for keys
    that it may not read, the sample has no sizes, and the module warns.
  - A cache that is emptied while it is needed moves the load to what is behind it. O(state=expiring) spreads that.
  - Reasons of failures are V(bad_input), V(keys_protected), V(protected_lost), V(too_many_keys), V(confirmation_missing), V(timed_out), V(redis_wrong_type),
    V(redis_read_only), V(redis_restarted), V(redis_unreachable), V(redis_connections_exhausted),
    V(redis_login_refused), V(redis_permission_denied), V(redis_loading), V(redis_busy),
    V(redis_cluster), V(redis_failed), V(redis_not_in_stack), V(engine_unreachable), V(python_library_missing), V(state_unwritable), V(lease_lost).
"""

EXAMPLES = r"""
- name: Count the sessions, and describe some of them
  runbook.compose.redis_keys:
    stack_name: shop
    project_dir: /srv/shop
    prefix: "session:"
  register: sessions

- name: Clear the cache of models
  runbook.compose.redis_keys:
    stack_name: shop
    project_dir: /srv/shop
    state: absent
    prefix: "model:"
    protected_prefixes: ["token:blacklist:", "lockout:"]

- name: Let the cache of customers go within ten minutes
  runbook.compose.redis_keys:
    stack_name: shop
    project_dir: /srv/shop
    state: expiring
    prefix: "cache:customer:"
    spread: 600
    max_keys: 2000000

- name: Look at one hash
  runbook.compose.redis_keys:
    stack_name: shop
    project_dir: /srv/shop
    keys: ["api-gateway:circuit-breaker"]
    type: hash
    show_values: true

- name: Let one user in again
  runbook.compose.redis_keys:
    stack_name: shop
    project_dir: /srv/shop
    state: absent
    family: lockouts
    of: alice
    families:
      lockouts: {prefix: "lockout:", prefix_of: "lockout:{user}:"}
    protected_prefixes: ["lockout:"]
    accept_protected: ["lockout:"]

- name: Empty database 2 but for revoked tokens
  runbook.compose.redis_keys:
    stack_name: shop
    project_dir: /srv/shop
    state: flushed
    database: 2
    confirm: shop
    protected_prefixes: ["token:blacklist:"]
"""

RETURN = r"""
database:
  description: Number of the database.
  returned: success
  type: int
  sample: 0
selection:
  description: Which keys were meant, in words.
  returned: success
  type: str
  sample: "prefix 'session:'"
matched:
  description:
    - How many keys match, with those that are left alone.
    - When a task deletes and cannot exceed O(max_keys) anyway, keys are counted as they are deleted.
  returned: success
  type: int
  sample: 4711
deleted:
  description: How many keys were deleted. 0 in check mode.
  returned: success
  type: int
  sample: 4700
expiring:
  description: How many keys were given an expiry. 0 in check mode.
  returned: success
  type: int
  sample: 0
came_anew:
  description: How many keys that match were there after all of them had been deleted, or had been given an expiry.
  returned: success
  type: int
  sample: 0
left_alone:
  description: Keys that match and were not touched, by why.
  returned: success
  type: list
  elements: dict
  contains:
    why: {description: "V(protected), or V(expiring_already) for those that expire within O(spread) anyway.", type: str, sample: protected}
    prefix: {description: The protected prefix., type: str, sample: "token:blacklist:"}
    count: {description: How many., type: int, sample: 11}
protected:
  description: With O(state=flushed), keys below each of O(protected_prefixes) that has any.
  returned: success
  type: list
  elements: dict
  contains:
    prefix: {description: The protected prefix., type: str, sample: "token:blacklist:"}
    before: {description: How many there were before anything was deleted., type: int, sample: 11}
    after: {description: How many there are afterwards. None in check mode and when nothing was deleted., type: int, sample: 11}
missing:
  description: Names in O(keys) that are not there.
  returned: success
  type: list
  elements: str
  sample: []
prefixes:
  description: With O(state=listed), the most frequent beginnings up to the next C(:) behind O(prefix), at most 20.
  returned: success
  type: list
  elements: dict
  contains:
    prefix: {description: "What these names begin with. O(prefix) itself for names without a C(:) behind it.", type: str, sample: "session:"}
    count: {description: How many., type: int, sample: 4711}
bytes:
  description: Memory of the keys to be touched, or of all that were listed, estimated from RV(bytes_sampled) of them. None when the server does not tell.
  returned: success
  type: int
  sample: 452608
bytes_sampled:
  description: How many keys were weighed for it.
  returned: success
  type: int
  sample: 100
sample:
  description: Some of the keys to be touched, or that were listed, as they were before.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: The key., type: str, sample: "session:7f3a"}
    type: {description: Its type., type: str, sample: hash}
    ttl: {description: "Seconds until it expires, -1 for never.", type: int, sample: 1712}
    bytes: {description: Memory it takes. None when the server does not tell., type: int, sample: 96}
    length: {description: "Bytes of a string, elements of everything else.", type: int, sample: 3}
    number: {description: What O(order) goes by. None with O(order=found)., type: float, sample: 98}
    value:
      description:
        - With O(show_values=true) a text, a list, a dictionary of a hash, a list of C(member) and C(score), or a list of C(id) and C(fields).
        - Of a text the first 1024 bytes. Masked without O(show_values=true).
      type: raw
      sample: "********"
without_number:
  description: How many keys have no number that O(order) could go by. They are not in RV(sample).
  returned: success
  type: int
  sample: 0
keys_before:
  description: All keys of the database before.
  returned: success
  type: int
  sample: 10000
keys_after:
  description: All keys of the database in the end. In check mode the same as before.
  returned: success
  type: int
  sample: 5300
batches:
  description: How many commands with many keys it took.
  returned: success
  type: int
  sample: 12
largest_batch:
  description: How many keys the largest of them asked for.
  returned: success
  type: int
  sample: 3375
longest_stall_ms:
  description:
    - Milliseconds of the longest answer to a C(PING) that a second connection sent all the time while keys were touched.
    - None when nothing was touched, or no second connection was to be had.
  returned: success
  type: float
  sample: 3.1
table:
  description: The counts and the sample as text for people.
  returned: success
  type: str
  sample: "Database 0, prefix 'session:': 4,711 keys, about 442.0 KiB; 4,700 keys deleted."
actions:
  description: "What was or would be done: V(delete), V(expire) or V(flush)."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: delete}
    target: {description: Which keys., type: str, sample: "prefix 'session:'"}
    detail: {description: How many of which database., type: str, sample: "4,700 keys of database 0"}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.redis_keys import RedisKeys
from ansible_collections.runbook.compose.plugins.module_utils._ansible.redis_arguments import redis_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.redis_keys_arguments import redis_keys_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=redis_arguments().merged_with(redis_keys_arguments()),
        prepare=RedisKeys.from_params,
    )


if __name__ == "__main__":
    main()
