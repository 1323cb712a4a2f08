"""Tests of the brokers' plain parts and of the Kafka door."""
