"""What ``observatory watch`` looks at beside folders."""
