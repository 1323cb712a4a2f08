"""For consumers: figures over HTTP, for Prometheus and as a page; and what the topics promise."""
