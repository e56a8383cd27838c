"""What runs beside the server: jobs from the queue, and upkeep. Ids in, one action call, a log line."""
