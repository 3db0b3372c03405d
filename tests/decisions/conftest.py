"""What several tests of documents start from."""

import pytest

from decisions.exports.seal_keys import KeyFiles, make_keys


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> KeyFiles:
    """The keys of a seal, and of the authority that gave it, small enough to be made fast."""
    files = KeyFiles(tmp_path_factory.mktemp("seal"))
    make_keys(files, "Acme Ltd", years=3, bits=2048)
    return files
