from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.masking import Masking

UPDATE = "UPDATE customers SET email = 'x'"


def test_each_entry_is_one_statement_without_what_is_around_it():
    masking = Masking.of([f" {UPDATE}; -- all of them", "DO $$ BEGIN PERFORM 1; END $$"], ["SELECT count(*) = 0 FROM customers"])
    assert masking.statements == (UPDATE, "DO $$ BEGIN PERFORM 1; END $$")
    assert (bool(masking), masking.summary) == (True, "2 statements, 1 checks")
    assert not Masking.of([], [])


@pytest.mark.parametrize(
    "hostile", ["COMMIT", "/* */ end", "ROLLBACK", "BEGIN", "SET ROLE x", f"{UPDATE}; COMMIT", "PREPARE TRANSACTION 'x'", "", "SELECT 'open"]
)
def test_what_would_end_the_transaction_is_refused_by_its_place(hostile):
    with pytest.raises(BadInput) as refused:
        Masking.of([UPDATE, hostile], [])
    assert str(refused.value).startswith("Statement 2 of masking ")
    assert "customers" not in str(refused.value)


def test_a_check_only_asks():
    with pytest.raises(BadInput) as refused:
        Masking.of([UPDATE], ["SELECT true", "DELETE FROM customers"])
    assert (refused.value.reason, str(refused.value)[:33]) == ("statement_not_read_only", "Statement 2 of masking_checks can")
