# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A configuration as compose would see it if it were live."""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence, Tuple

from .._core.compose_model import ComposeModel
from .._core.configuration import Configuration
from .._core.dotenv import parse_values
from .._core.errors import ComposeConfigInvalid
from .._core.redaction import Redactor
from .._core.stack import Stack
from .compose_cli import ComposeCli
from .memory_file import memory_file


def render(stack: Stack, configuration: Configuration, compose_paths: Optional[Sequence[str]] = None) -> Tuple[ComposeModel, Dict[str, Any]]:
    """The resolved project (which holds secrets: keep it in memory). The env file is never written for this."""
    with memory_file("env", configuration.env) as path:
        try:
            return ComposeCli(stack, env_path=path, compose_files=compose_paths).model_and_config()
        except ComposeConfigInvalid as error:
            # Compose may repeat a value that it does not like.
            redactor = Redactor.of_environment(parse_values(configuration.env_text))
            raise ComposeConfigInvalid(
                redactor.text(str(error)),
                hint=f"Check the compose files, {configuration.env_path} and the variables of the release. Nothing live was changed.",
                **error.details,
            ) from None
