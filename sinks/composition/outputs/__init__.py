"""What a composition is written as: tables, a plot, contact sheets."""
