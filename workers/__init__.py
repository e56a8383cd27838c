"""What runs beside the server: jobs, and upkeep. Ids in, one action call, a log line."""
