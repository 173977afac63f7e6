"""What one can do with a recorded graph: the walk of contributions, steps, derivatives, checks and copies."""
