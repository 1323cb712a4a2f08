"""From files and announcements to opened units: capture times, deployments, folders, decoding."""
