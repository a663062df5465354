"""The harbinger service: takes Alertmanager's notifications and keeps them as events."""
