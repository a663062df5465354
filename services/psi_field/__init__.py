"""The field-state engine over HTTP. Its pods share one field, whichever of them is sent a step."""
