"""The access list in the file formats of governance tools."""
