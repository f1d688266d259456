"""What a request passes before its route: limits, host names, keys of repeated writes, its id, counts, HEAD."""
