"""The rules, the inventory of metrics, and the code that checks and merges them."""
