"""Ansible sends a module as a zip file, which Python compiles anew for each task. Here what was compiled once is kept.

Python reads this file by itself where PYTHONPATH names its directory; RUNBOOK_TEST_COMPILED is where to keep it. What is kept goes by the name
and the text of a file, so an edited file is compiled again.
"""

import contextlib
import os

KEPT = os.environ.get("RUNBOOK_TEST_COMPILED", "")


def keep_compiled(directory):
    import _imp
    import marshal
    import sys
    import zipimport

    compile_source = zipimport._compile_source
    version = sys.implementation.cache_tag

    def compiled(path, source):
        name = path.partition(".zip" + os.sep)[2].replace(os.sep, ".")
        kept = os.path.join(directory, f"{name}.{_imp.source_hash(len(source), source).hex()}.{version}")
        with contextlib.suppress(OSError, ValueError, EOFError, TypeError):
            with open(kept, "rb") as handle:
                return marshal.loads(handle.read())
        code = compile_source(path, source)
        with contextlib.suppress(OSError):
            os.makedirs(directory, exist_ok=True)
            with open(f"{kept}.{os.getpid()}", "wb") as handle:
                handle.write(marshal.dumps(code))
            os.replace(handle.name, kept)
        return code

    zipimport._compile_source = compiled


if KEPT:
    keep_compiled(KEPT)
