#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Keep the ledger of a stack's releases
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - A release is an entry in a ledger on the target, not a tag. It holds the ids of its images, copies of the env file and of the compose files, the
    git revision, the state of the database schema, who registered it and when, and its verdict.
  - This module starts and stops no container. A deploy registers a release, stages it, starts it with M(runbook.compose.compose_service), proves it,
    and only then writes it down as verified. A rollback is the same with an earlier release.
  - The ledger is C(<state_dir>/<stack_name>/releases/ledger.json). Beside it every release has a directory, readable only by its owner, with copies
    of the env file and of all compose files. Files that the compose files mount, include or name as C(env_file) of a service are not copied.
  - Images are kept by a tag of our own, C(runbook.local/<stack>/<service>:<id>), and by a holder, a container C(runbook-hold-<stack>.<service>.<id>)
    that is never started. So neither a moved tag nor C(docker image prune --all) takes them away.
  - C(docker container prune) and C(docker system prune) remove holders, as they remove every container that does not run. O(state=registered) and
    O(state=verified) make lost holders of all releases in the ledger again, as long as the images are there.
    C(docker system prune --all) removes the images too. O(state=staged) then pulls an image that came from a registry again, and refuses a release
    whose image is lost with the reason V(image_gone); O(state=pruned) cleans up without such a loss.
  - "Verdicts change only in these ways: V(pending) to V(verified) or V(failed); V(verified) to V(failed) or V(rolled_back), unless the release is current;
    V(rolled_back) to V(failed). A release that failed or was rolled back never becomes live again; its version has to be registered anew."
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.postgres
options:
  state:
    description:
      - V(registered) finds or makes everything the release consists of, proves that the configuration is valid, and writes a V(pending) entry.
        Nothing live changes, neither the env file, nor an image name in use, nor a container. When there is no current release and containers of the
        stack exist, what runs is first adopted as an entry of its own; it is verified and current at once only when every service runs, is healthy
        and was made from the image that the live files name. Registering what the current release is already makes no new entry; an identical
        V(pending) entry is used again.
      - V(staged) makes the live files, and the image names in them, those of O(release). Calling it again finishes what was interrupted.
      - V(verified) says that O(release) was proven live, and makes it the current one. It must have been staged, and running containers must be made
        of its images.
      - V(failed) says that O(release) is bad. The current release cannot fail; another one must take its place first.
      - V(rolled_back) says that O(release), which was verified once and is not current, must not be used any more.
      - V(pruned) forgets the oldest releases and removes the holders and the names by which their images were kept. Nothing else removes a holder.
    type: str
    choices: [registered, staged, verified, failed, rolled_back, pruned]
    required: true
  version:
    description:
      - "Name of the release for people, such as V(v2) or a git tag. Letters, digits and the characters C(._+:@/-), at most 128; not V(current) and
        not V(previous)."
      - Required for O(state=registered).
    type: str
  release:
    description:
      - The release to act on, an id such as V(0007), a version, V(current), or V(previous).
      - A version stands for its newest entry that is V(pending) or V(verified), otherwise for its newest entry.
      - V(previous) is the verified release that was live last before the current one first was, so it never leads to a newer one. While the live
        files mean a release that was never verified (an interrupted deploy), it is the current one; while a rollback is under way, it is the release
        that is being rolled back to.
      - Required for O(state=staged), O(state=verified), O(state=failed) and O(state=rolled_back).
    type: str
  variables:
    description:
      - Variables of the compose files that make this release, such as C(APP_VERSION) with V(v2). They are laid over the live env file; all other
        variables stay as they are there.
      - Secrets are refused here, as the values of options are shown; set them with M(runbook.compose.env_file).
      - Used by O(state=registered).
    type: dict
    default: {}
  services:
    description: Services whose images are part of the release. All of them when empty. Used by O(state=registered).
    type: list
    elements: str
    default: []
  acquire:
    description:
      - Where images come from that O(state=registered) needs.
      - V(never) takes those on the host and refuses when one is missing.
      - V(pull) pulls those that are missing. An image that is there is not pulled again; name another version or a digest for a newer one.
      - V(build) builds the services whose build context lies in O(source.repository) from O(source.revision), under names of our own; all others must
        be on the host. An image that was built from this revision before is used instead of building it again.
    type: str
    choices: [never, pull, build]
    default: never
  source:
    description:
      - What to build, required for O(acquire=build). It is built in a clean worktree elsewhere, which is removed afterwards. The build sections are
        those of the compose files in O(project_dir), the sources those of the revision. Submodules are not fetched.
      - Needs git on the target.
    type: dict
    suboptions:
      repository:
        description: Directory of the git repository on the target. It must not have edits that are not committed; files that git does not know do
          not count.
        type: path
        required: true
      revision:
        description: Commit, tag or branch, as this repository knows it. Nothing is fetched.
        type: str
        required: true
  disk_free_min_mb:
    description: MiB that must be free where the engine keeps its images, for O(state=registered). V(0) for no check.
    type: int
    default: 1024
  timeout:
    description: Seconds that the build of all images, or the pull of one image, may take.
    type: int
    default: 1800
  created_by:
    description: Who does this, for the ledger and the journal.
    type: str
    default: ''
  git_revision:
    description: Git revision the release was built from, when it was built elsewhere. With O(acquire=build) it is found by itself.
    type: str
    default: ''
  backup_id:
    description:
      - Id of the backup that was made before this release is deployed, for O(state=registered). Registering a V(pending) release again with it writes
        it down there, and retention keeps that backup for as long as the ledger knows the release.
    type: str
    default: ''
  schema:
    description:
      - State of the database schema, as a dictionary with the lists C(applied) and C(pending), each of migrations with C(version), C(name) and C(kind).
      - A migration of kind V(additive) lets earlier releases go on working. Every other kind does not.
      - With O(state=registered), the state before the deploy and what the release will apply. With O(state=verified), the state after it; for the
        current release it replaces the one recorded. With O(state=staged), the state now; without it, the newest one that was recorded is taken.
    type: dict
  database:
    description:
      - Database on O(service) whose schema is looked at, object by object as M(runbook.compose.postgres_schema_info) does. Without one, only O(schema)
        counts, and O(service), O(host), O(port), O(username), O(password), O(maintenance_database) and O(connect_timeout) are not used.
      - With O(state=verified), the live schema is kept with the release. With O(state=staged), the live schema is compared with the one kept with
        O(release), so that a change made by hand is seen too. Nothing is compared when the release has none, or one of another database or another major
        version of the server.
      - A schema that cannot be read is warned about, and O(schema) decides alone.
    type: str
    default: ''
  configuration:
    description:
      - What O(state=staged) does with the live env file and compose files.
      - V(restore) makes them exactly those of the release. Copies of live files that belong to no release are kept in C(superseded-<time>) beside the
        ledger.
      - V(keep) leaves them, except for the variables that releases of this ledger were told to set (O(variables)); these get the values they had in
        the release.
    type: str
    choices: [restore, keep]
    default: restore
  on_incompatible_schema:
    description:
      - What O(state=staged) does when migrations that are not additive were applied and the release does not know them, or when the schema of O(database)
        is not one that the release can work with.
      - V(fail) refuses and names the migrations and objects, the choices, the backup from before the later deploy and what restoring it would lose
        (RV(ignore:details) have RV(schema_change), C(migrations), C(objects), C(backup_id), C(lost_since) and C(lost_minutes)). V(accept) goes on with a
        warning.
    type: str
    choices: [fail, accept]
    default: fail
  verdict_reason:
    description: Why the verdict is given. Required for O(state=failed).
    type: str
  how:
    description: How the release became live, for O(state=verified).
    type: str
    choices: [deploy, rollback, automatic_rollback]
    default: deploy
  replaced:
    description:
      - What becomes of the release that O(state=verified) takes the place of. V(kept) leaves it verified, so that it can be rolled back to;
        V(rolled_back) rules it out.
      - Without a value, V(kept) for O(how=deploy) and V(rolled_back) for both kinds of rollback.
    type: str
    choices: [kept, rolled_back]
  keep:
    description:
      - How many releases O(state=pruned) keeps, at least 1. The newest so many verified ones stay, and the newest so many of all others as history.
      - The current release, the one to roll back to, the staged one, and pending ones younger than a day always stay.
      - As many copies of superseded files stay.
    type: int
    default: 5
  images:
    description:
      - What O(state=pruned) does with an image that would lose its last name.
      - V(keep) leaves it, and our name with it, but no holder. V(remove_unused) removes it, unless a container (also a stopped one, of any project) is
        made of it.
    type: str
    choices: [keep, remove_unused]
    default: keep
seealso:
  - module: runbook.compose.release_info
  - module: runbook.compose.compose_service
  - module: runbook.compose.operation_lease
notes:
  - Reasons of failures with O(state=registered) are V(bad_input), V(env_file_malformed), V(project_missing), V(compose_config_invalid),
    V(unknown_service), V(disk_budget), V(image_missing), V(image_pull_failed), V(image_build_failed), V(repository_unreadable), V(repository_dirty),
    V(revision_unknown), V(nothing_to_build).
  - Reasons of failures with O(state=staged) are V(no_such_release), V(no_release_to_roll_back_to), V(release_failed_before),
    V(release_rolled_back_before), V(schema_incompatible), V(image_gone), V(image_pinned), V(compose_files_differ), V(snapshot_damaged),
    V(image_pull_failed).
  - Reasons of failures with the verdicts are V(no_such_release), V(no_release_to_roll_back_to), V(verdict_refused), V(release_failed_before),
    V(release_rolled_back_before), V(release_is_current), V(release_not_staged), V(running_images_differ).
  - psycopg2 is needed with O(database) only.
  - Every state can fail with V(ledger_unreadable) (a damaged ledger is never overwritten), V(engine_unreachable), V(engine_failed),
    V(python_library_missing), and, as compose is asked, V(compose_missing) or V(compose_too_old).
  - In check mode O(state=registered) names the id the release would get, but there is no such entry afterwards; a play in check mode ends its part
    about the release there.
"""

EXAMPLES = r"""
- name: Register version v2 from images that are on the host
  runbook.compose.release:
    stack_name: shop
    project_dir: /srv/shop
    state: registered
    version: v2
    variables:
      APP_VERSION: v2
    created_by: ada@ci
  register: candidate

- name: Make the files on the host mean this release
  runbook.compose.release:
    stack_name: shop
    project_dir: /srv/shop
    state: staged
    release: "{{ candidate.release.id }}"

- name: Start what changed and wait until it is healthy
  runbook.compose.compose_service:
    stack_name: shop
    project_dir: /srv/shop
    state: started

- name: Write down that it works
  runbook.compose.release:
    stack_name: shop
    project_dir: /srv/shop
    state: verified
    release: "{{ candidate.release.id }}"
    created_by: ada@ci

- name: Bring back the images of the release before, with the configuration of today
  runbook.compose.release:
    stack_name: shop
    project_dir: /srv/shop
    state: staged
    release: previous
    configuration: keep

- name: Build a commit in a clean worktree and register it
  runbook.compose.release:
    stack_name: shop
    project_dir: /srv/shop
    state: registered
    version: 4f1c2ab
    variables:
      APP_VERSION: 4f1c2ab
    acquire: build
    source:
      repository: /srv/shop/source
      revision: 4f1c2ab

- name: Rule out a release that turned out to be bad
  runbook.compose.release:
    stack_name: shop
    project_dir: /srv/shop
    state: failed
    release: "0007"
    verdict_reason: It charged customers twice.

- name: Keep the newest five releases and remove images that only older ones used
  runbook.compose.release:
    stack_name: shop
    project_dir: /srv/shop
    state: pruned
    keep: 5
    images: remove_unused
"""

RETURN = r"""
release:
  description: The entry of the ledger. Empty for O(state=pruned).
  returned: success
  type: dict
  contains:
    id: {description: Number of the release on this host. Never given twice., type: str, sample: "0002"}
    version: {description: Name of the release for people. An adopted one has the image tag that ran., type: str, sample: v2}
    verdict: {description: "One of V(pending), V(verified), V(failed), V(rolled_back).", type: str, sample: verified}
    verdict_reason: {description: Why it has this verdict., type: str, sample: ""}
    created_at: {description: UTC time in ISO 8601., type: str, sample: "2026-11-21T03:04:05Z"}
    created_by: {description: Who registered it., type: str, sample: ada@ci}
    origin: {description: "V(deployed), or V(adopted) when it ran before there was a ledger.", type: str, sample: deployed}
    images:
      description: Its images by service. A C(digest) is empty for an image that came from no registry.
      type: dict
      sample: {api: {reference: "shop-api:v2", id: "sha256:1ad1", digest: "", kept_as: "runbook.local/shop/api:0002"}}
    env:
      description: The env file. The fingerprint is salted, it tells nothing about the values.
      type: dict
      sample: {path: /srv/shop/.env, fingerprint: 0c7f}
    compose_files:
      description: The compose files in the order in which they are merged.
      type: list
      elements: dict
      sample: [{path: /srv/shop/compose.yaml, fingerprint: 91ab}]
    configuration_fingerprint: {description: Equal for releases with equal compose files and equal variables., type: str, sample: 5be2}
    variables: {description: Names of the variables that were set for this release., type: list, elements: str, sample: [APP_VERSION]}
    git_revision: {description: Git revision it was built from. Empty when unknown., type: str, sample: ""}
    schema: {description: Database schema as last recorded. Empty when unknown., type: dict, sample: {}}
    schema_fingerprint:
      description: Fingerprint of the schema of O(database) when it was verified last. Empty when it was not looked at.
      type: str
      sample: ""
    backup_id: {description: Backup that was made before it was deployed., type: str, sample: ""}
    activations:
      description: Each time it became live, oldest first. The numbers count over all releases.
      type: list
      elements: dict
      sample: [{number: 2, at: "2026-11-21T03:05:09Z", by: ada@ci, how: deploy}]
    previous: {description: Id of the release that was current when it was registered., type: str, sample: "0001"}
current:
  description: Id of the current release, the one proven last. Empty when none was ever verified.
  returned: success
  type: str
  sample: "0002"
previous:
  description: Id of the release that V(previous) stands for, see O(release). Empty when there is none.
  returned: success
  type: str
  sample: "0001"
staged:
  description: Id of the release that the live files were last made to mean, until that one is verified; then empty.
  returned: success
  type: str
  sample: ""
already_current:
  description:
    - Whether there is nothing to deploy. The wanted release is the current one, image for image and variable for variable, the live files mean it,
      and all containers were made from it. It does not say that they run and are healthy.
    - When only the files or containers differ, RV(release) is the current release; staging, starting and verifying it again puts that right.
    - Only O(state=registered) makes it true.
  returned: success
  type: bool
  sample: false
services_changed:
  description:
    - Services whose containers differ from the release, by image or configuration, or that have none. Empty for other states than V(registered) and
      V(staged).
    - An image that has yet to be pulled or built counts as different in check mode.
  returned: success
  type: list
  elements: str
  sample: [api]
variables_changed:
  description: Names of the variables whose values differ between the live env file and that of the release. Empty for other states than
    V(registered) and V(staged).
  returned: success
  type: list
  elements: str
  sample: [APP_VERSION]
schema_change:
  description:
    - With O(state=staged), how the database changed since that release, as far as the ledger, O(schema) or O(database) tells. V(same), V(additive)
      (changes that it can live with), V(diverged) (others), or V(unknown). Of what migrations tell and what O(database) tells, the worse.
  returned: success with O(state=staged)
  type: str
  sample: additive
acquired:
  description:
    - How each image was come by. V(present) was on the host, V(kept) was built from this revision before, V(pulled) and V(built) were fetched and
      made now.
    - Empty for other states than V(registered).
  returned: success
  type: dict
  sample: {api: built, postgres: present}
pruned:
  description: Ids of the releases that were forgotten. Empty for other states than V(pruned).
  returned: success
  type: list
  elements: str
  sample: ["0001"]
freed_tags:
  description: Image names of ours that were removed. Empty for other states than V(pruned).
  returned: success
  type: list
  elements: str
  sample: ["runbook.local/shop/api:0001"]
removed_images:
  description: Ids of the images that went with their last name. Empty for other states than V(pruned).
  returned: success
  type: list
  elements: str
  sample: []
removed_image_bytes:
  description: Sum of the sizes of RV(removed_images) in bytes. Layers that other images share stay, so the disk may gain less.
  returned: success
  type: int
  sample: 0
actions:
  description: What was done, or in check mode would be done, in this order.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: "One of V(adopt), V(pull), V(build), V(register), V(tag), V(hold), V(write), V(stage), V(verify), V(record_schema), V(fail),
        V(roll_back), V(forget), V(let_go), V(untag), V(remove_image), V(record_backup). V(adopt) and V(register) name and hold the images of the new
        entry; V(tag) and V(hold) are names and holders that somebody took away; V(let_go) removes a holder."
      type: str
      sample: register
    target: {description: "Release id, service, image name or file.", type: str, sample: "0002"}
    detail: {description: More about it., type: str, sample: v2}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.release import release_operation
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_arguments import postgres_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.release_arguments import release_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=postgres_arguments().merged_with(release_arguments()),
        prepare=release_operation,
    )


if __name__ == "__main__":
    main()
