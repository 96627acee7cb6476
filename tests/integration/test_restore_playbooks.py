"""A database goes back to a backup, and away from one on which the application does not work."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from pathlib import Path
from typing import Iterator

import pytest
import yaml

from tests.support.backed_up_shop import ORDERS, BackedUpShop
from tests.support.modules import ROOT
from tests.support.stacks import unique_name

SECRETS = {"postgres": "marked-password-of-postgres", "redis": "marked-password-of-redis"}
ROLE_PASSWORD = "marked-password-of-a-role"


class SecretiveShop(BackedUpShop):
    """Its login stands in the inventory too, and goes to the modules as their argument."""

    def __init__(self, directory: Path, name: str) -> None:
        super().__init__(directory, name)
        declared = yaml.safe_load((ROOT / "inventories/local/group_vars/stack/stack.yml").read_text()).get("stack_postgres") or {}
        own = {"stack_secrets": SECRETS, "stack_postgres": {**declared, "password": SECRETS["postgres"]}}
        (self.inventory / "group_vars" / "stack" / "zzz_secrets.yml").write_text(yaml.safe_dump(own))

    def told_in_full(self, playbook: str, well: bool = True, **variables: object) -> str:
        """What a run with -vvv shows."""
        started = self.start(
            playbook, environment={"ANSIBLE_VERBOSITY": "3", "ANSIBLE_INJECT_INVOCATION": "true"}, confirm="local", confirm_database="shop", **variables
        )
        output = started.communicate(timeout=900)[0]
        assert (started.returncode == 0) is well, output[-3000:]
        return output

    def written(self) -> Iterator[Path]:
        """Everything that runs leave, but for the env files that are kept with the releases."""
        for place in (self.backup_dir, self.project.state_dir, self.directory / "runs"):
            yield from (path for path in place.rglob("*") if path.is_file() and path.parts[-3:-2] + path.parts[-1:] != ("releases", "env"))


class Arguments(threading.Thread):
    """Remembers where a secret stood among the arguments of any process."""

    def __init__(self, secrets: list[bytes]) -> None:
        super().__init__(daemon=True)
        self._secrets = secrets
        self.found: list[bytes] = []
        self.seen = 0
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.02):
            for place in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    words = place.read_bytes()
                    self.seen += b"pg_restore" in words or b"pg_dump" in words
                    self.found += [words for secret in self._secrets if secret in words]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = SecretiveShop(tmp_path_factory.mktemp("restore-pb"), unique_name("restore-pb"))
    try:
        made.must("deploy/install", version="v3")
        yield made
    finally:
        made.remove()


def test_a_backup_comes_back_while_the_application_runs_and_that_is_undone(shop):
    good = shop.back_up()
    shop.sql("DELETE FROM order_events; DELETE FROM orders")
    started = shop.started("api")
    done = shop.must("restore/postgres", backup=good, confirm="local", confirm_database="shop")
    assert (shop.orders(), shop.ready(), shop.started("api")) == (ORDERS, "ok", started)
    assert done.told["result"]["unavailable_ms"] > 0
    undone = shop.must("restore/postgres", restore_action="undone", confirm="local", confirm_database="shop")
    assert (shop.orders(), shop.ready()) == (0, "ok")
    assert undone.told["result"]["kept_database"] in shop.databases() and "live as before the restore of backup" in undone.output


def test_after_a_loss_the_last_good_backup_is_found_and_restored_and_the_damage_kept(shop):
    assert shop.orders() == 0
    databases, backups, started = shop.databases(), shop.backups(), shop.started("api")
    looked = shop.must("incident/data_loss")
    good = looked.told["result"]["before_loss"]
    assert "public.orders 200 -> 0" in looked.output and f"-e backup={good} -e confirm_database=shop -e confirm=local" in looked.output
    assert (looked.changed, shop.databases(), shop.backups().keys(), shop.started("api")) == (0, databases, backups.keys(), started)

    done = shop.must("incident/data_loss", backup=good, confirm="local", confirm_database="shop", reason="somebody emptied the table")
    told = done.told["result"]
    assert (shop.orders(), shop.ready()) == (ORDERS, "ok") and shop.started("api") != started
    assert shop.backups()[told["evidence"]]["pinned"] == "damaged, before a restore: somebody emptied the table"
    assert (told["rows_before"]["public.orders"], told["rows_after"]["public.orders"]) == (0, ORDERS)
    assert told["lost_from"] < told["lost_until"] and "public.orders 0 -> 200" in done.output


def test_a_database_on_which_the_application_does_not_work_is_taken_back(shop):
    shop.sql("ALTER TABLE schema_migrations RENAME TO hidden")
    broken = shop.back_up(verify="none")
    shop.sql("ALTER TABLE hidden RENAME TO schema_migrations; INSERT INTO orders (customer_email, amount_cents) VALUES ('customer1@example.com', 1)")
    short = {"restore_health_timeout": 60, "restore_probe_deadline": 15, "restore_allow_unverified": True}
    failed = shop.play("restore/postgres", backup=broken, confirm="local", confirm_database="shop", **short)
    assert failed.code != 0
    assert "What was live before is live again and the application answers" in failed.message
    assert (shop.orders(), shop.ready(), shop.accepts("shop"), shop.lease_is_free()) == (ORDERS + 1, "ok", True, True)


def test_secrets_are_in_no_output_no_record_and_no_argument(shop, tmp_path):
    """T53: of a backup with its proof, of a restore, and of a backup that fails, told in full."""
    subprocess.run(["age-keygen", "-o", tmp_path / "key"], check=True, capture_output=True)
    key = (tmp_path / "key").read_text().split()[-1]
    encryption = {"recipients": [subprocess.run(["age-keygen", "-y", tmp_path / "key"], check=True, capture_output=True, text=True).stdout.strip()]}
    encryption["identity_file"] = str(tmp_path / "key")
    shop.sql(f"CREATE ROLE visitor LOGIN PASSWORD '{ROLE_PASSWORD}'; GRANT SELECT ON orders TO visitor")
    secrets = [*SECRETS.values(), ROLE_PASSWORD, key]
    arguments = Arguments([secret.encode() for secret in secrets])
    arguments.start()
    output = shop.told_in_full("backup/create", databases=["shop"], verify="restore", min_age=0, backup_encryption=encryption)
    shop.sql("REVOKE ALL ON orders FROM visitor; DROP ROLE visitor")
    output += shop.told_in_full("restore/postgres", restore_encryption=encryption)
    output += shop.told_in_full("backup/create", well=False, databases=["absent"], backup_encryption=encryption)
    arguments.ended.set()
    arguments.join()
    assert "module_args" in output and "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in output, "not told in full"
    assert [secret for secret in secrets if secret in output] == []
    assert arguments.seen > 0 and arguments.found == []
    hits = [(path, secret) for path in shop.written() for secret in secrets if secret.encode() in path.read_bytes()]
    assert hits == []
