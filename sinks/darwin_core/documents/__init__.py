"""The files of an archive that are not tables: what the columns mean, who made the data set, and the zip of it all."""
