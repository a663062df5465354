"""The harbinger service receives Alertmanager's notifications and keeps them as events."""
