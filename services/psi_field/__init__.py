"""The field-state engine over HTTP. All its pods share one field, whichever pod gets a step."""
