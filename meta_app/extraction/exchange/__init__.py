"""Studies from and for other programs, in plain Python: nothing here knows the database or a page.

records > opening > sdm, sleuth, nimads, tables, peak_files > reading

Every format is read into the shape of the agreed dataset's studies (`records`). A file that we wrote carries what its
format has no place for in a companion that the other program ignores; what was edited since wins over the companion.
"""
