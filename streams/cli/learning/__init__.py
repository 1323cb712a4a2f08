"""Commands that train models, and that show what is known of one."""
