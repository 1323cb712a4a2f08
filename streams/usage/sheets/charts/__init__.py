"""Charts of an assessment: what is drawn, how it is laid out, and both written as SVG and as PNG."""
