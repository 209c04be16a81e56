"""What is asked of all records of the log while they are hashed: what crosses pools. :mod:`.logscan` runs the scans."""
