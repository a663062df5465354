"""`make dashboards`: what is provisioned as dashboards, written for others and drawn."""
