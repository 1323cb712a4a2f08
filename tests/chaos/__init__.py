"""Faults on purpose: workers killed, brokers and stores stopped, in the middle of work."""
