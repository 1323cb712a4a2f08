"""Closing a period: what a report rests on and the report itself, frozen in one sealed folder that anybody can check."""
