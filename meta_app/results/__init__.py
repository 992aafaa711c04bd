"""Finished runs as people read them. Reads only: nothing here writes to the database or to a run's folder.

=============  =====================================================================================
module         what it does
=============  =====================================================================================
domain         which maps there are, what a cluster row is, what the thresholds say in words
parsers        the tables of a run as those rows
selectors      finished runs, their files (checked), their summary and provenance
methods        the methods section, from the record of the run
overlay        which voxels of a map are shown: the rules of the viewer, for pictures drawn here
slices         three slices as PNG, for browsers without WebGL2 and without JavaScript
workbook       the tables as XLSX with typed numbers
bundle         everything as one ZIP with checksums, the same bytes each time
forms          what may be asked of the slice picture
views, api     pages and JSON
=============  =====================================================================================
"""
