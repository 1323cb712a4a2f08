"""Water samples: what runs of imaging flow cytometers counted, as events and occurrences."""
