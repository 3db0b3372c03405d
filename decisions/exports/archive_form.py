"""What an archive is called, for who writes one and for who checks one without Django."""

FORMAT = "countersign/archive"
FORMAT_VERSION = 1
# Its name as a file within the PDF.
RECORD = "record.json"
# And that of its evidence as a table, which goes along.
EVIDENCE = "evidence.csv"
