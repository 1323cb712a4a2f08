"""The files of an archive: tables, what their columns mean, who made the data set, and the zip of it all."""
