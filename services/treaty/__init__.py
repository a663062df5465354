"""The treaty service routes requests under one treaty and measures how well that works."""
