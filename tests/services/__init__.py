"""Real brokers and stores for tests, and the tests of what starts them."""
