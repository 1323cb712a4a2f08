"""The structure of files, read without decoding them: enough to refuse a bomb and to notice a missing end."""
