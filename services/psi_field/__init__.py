"""The field-state engine over HTTP. All pods share one field, whichever pod receives a step."""
