"""The library's version: a number that is another after every change a search could tell."""

from django.db import connection

# More rows than this are added up into one, to be read in no time.
FOLD_ABOVE = 1000

VERSION = "SELECT coalesce(sum(weight), 0)::bigint, count(*) FROM matching_librarychange"
# One statement: whoever reads sees the rows or their sum, never both and never neither.
FOLD = """
WITH gone AS (DELETE FROM matching_librarychange RETURNING weight)
INSERT INTO matching_librarychange (weight)
SELECT sum(weight) FROM gone HAVING count(*) > 0
"""


def library_version() -> int:
    """The version of what is committed. Read it before a search: as long as it is the same
    afterwards, nothing has changed since, and what was found is still true."""
    with connection.cursor() as cursor:
        cursor.execute(VERSION)
        version, rows = cursor.fetchone()
        if rows > FOLD_ABOVE:
            cursor.execute(FOLD)
    return int(version)
