"""The question that IMDSv1 is switched off by: does this program use IMDSv2 only?

    pytest examples/test_only_imdsv2.py                             # passes
    PROGRAM=program_v1.py pytest examples/test_only_imdsv2.py       # fails, and says which call it was
"""

import os
import pathlib
import subprocess
import sys

import pytest

PROGRAM = pathlib.Path(__file__).with_name(os.environ.get("PROGRAM", "program_v2.py"))


@pytest.mark.imds(role="web")
def test_only_imdsv2_is_used(imds):
    subprocess.run([sys.executable, PROGRAM], check=True, timeout=60)
    imds.assert_only_v2()


@pytest.mark.imds(role="web", http_tokens="required")
def test_it_runs_where_imdsv1_is_off(imds):
    subprocess.run([sys.executable, PROGRAM], check=True, timeout=60)
