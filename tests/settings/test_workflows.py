"""What settings/workflows.py reads of the place bin/up keeps."""

from pathlib import Path

import pytest

from launch.data import DataDirectory, Runtime
from settings import workflows


def test_the_service_is_at_the_address_of_bin_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert workflows.service_url() == "http://127.0.0.1:8000"
    data = DataDirectory(tmp_path)
    data.announce(Runtime("bin/manage", 1, "postgres://", "redis://"))
    assert workflows.service_url() == "http://127.0.0.1:8000"
    data.announce(Runtime("bin/up", 1, "postgres://", "redis://", "http://127.0.0.1:8123"))
    assert workflows.service_url() == "http://127.0.0.1:8123"
