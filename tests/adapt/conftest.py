import pytest
from tiny_adaptations import write_target


@pytest.fixture(scope="session")
def target(tmp_path_factory):
    return write_target(tmp_path_factory.mktemp("target"))
