"""What a process tells its operators: logs, metrics and health."""
