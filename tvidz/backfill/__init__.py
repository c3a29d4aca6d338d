"""Taking what lies on disk or in S3 into the library: `manage.py backfill`."""
