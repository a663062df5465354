"""The treaty service routes requests under one treaty and measures the outcome."""
