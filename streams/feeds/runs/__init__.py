"""Runs of imaging flow cytometers and their like: from files to particles, whoever wrote them."""
