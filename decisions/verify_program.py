"""The program that checks a document by itself, packed for whoever would not ask this app."""

from functools import cache
from importlib.metadata import version
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from django.conf import settings

# All that the program loads of this project; a test runs it from these alone.
FILES = (
    "decisions/__init__.py",
    "decisions/audit_check.py",
    "decisions/exports/__init__.py",
    "decisions/exports/archive_file.py",
    "decisions/exports/archive_form.py",
    "decisions/exports/limits.py",
    "decisions/exports/seal_keys.py",
    "decisions/exports/verify.py",
    "decisions/exports/verify_record.py",
    "decisions/exports/verify_report.py",
    "decisions/exports/verify_seal.py",
)
PACKAGES = ("pyhanko", "pyhanko-certvalidator", "asn1crypto", "cryptography", "rfc8785")
HOW = """\
Checks a sealed document or an archive of a decision record, without the installation that made it.

It needs Python 3.11 or later and the few packages that requirements.txt names:

    python -m pip install -r requirements.txt
    python -m decisions.exports.verify FILE --ca seals.pem

Start it in the folder of this file. seals.pem holds the certificates that you trust: those of the
seals, or those of authorities. Take them from where you trust them to be the right ones.
It exits with 0 if the file is intact, with 1 if something speaks against it, and with 2 if neither:
where nobody known sealed it, it cannot be checked, or the program itself cannot be run.
"""


@cache
def packed() -> bytes:
    """Return the program as a zip, with what it needs and how to run it; the same bytes always."""
    packages = "".join(f"{name}=={version(name)}\n" for name in PACKAGES)
    told = {"README.txt": HOW.encode(), "requirements.txt": packages.encode()}
    told |= {name: (settings.BASE_DIR / name).read_bytes() for name in FILES}
    file = BytesIO()
    with ZipFile(file, "w") as packing:
        for name, content in told.items():
            info = ZipInfo(name)
            info.external_attr = 0o644 << 16  # for everybody to read
            packing.writestr(info, content, ZIP_DEFLATED)
    return file.getvalue()
