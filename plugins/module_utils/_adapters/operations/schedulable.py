# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of this collection may run on a schedule: what needs no person, no confirmation and no secret in its options."""

from __future__ import annotations

from typing import Any, Dict

from .backup_copy import BackupCopy
from .backup_files import BackupFiles
from .backup_info import BackupInfo
from .backup_retention import BackupRetention
from .edge_traffic import EdgeTraffic
from .host_info import HostInfo
from .maintenance_window import MaintenanceWindow
from .postgres_backup import PostgresBackup
from .postgres_maintenance import PostgresMaintenance
from .postgres_pitr import PostgresPitr
from .redis_backup import RedisBackup
from .service_rollout import ServiceRollout

# Each has from_params(params, host), plan() and apply(plan), as run_module calls them.
OPERATIONS: Dict[str, Any] = {
    "backup_copy": BackupCopy,
    "backup_files": BackupFiles,
    "backup_info": BackupInfo,
    "backup_retention": BackupRetention,
    "edge_traffic": EdgeTraffic,
    "host_info": HostInfo,
    "maintenance_window": MaintenanceWindow,
    "postgres_backup": PostgresBackup,
    "postgres_maintenance": PostgresMaintenance,
    "postgres_pitr": PostgresPitr,
    "redis_backup": RedisBackup,
    "service_rollout": ServiceRollout,
}
